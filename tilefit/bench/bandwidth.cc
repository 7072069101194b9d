#include "tilefit/bench/bandwidth.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "tilefit/cpu/memory.h"
#include "tilefit/kernels/dispatch.h"
#include "tilefit/kernels/reduce.h"
#include "tilefit/kernels/rows.h"

namespace tilefit {
namespace {

constexpr double kBytesPerElement = 3 * sizeof(float);

/// Best of `times` runs, 1e9 bytes per second.
template <class F>
double best_gb_s(int times, double bytes, F&& run) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int i = 0; i < times; ++i) {
    const auto start = Clock::now();
    run();
    best = std::max(best, bytes / std::chrono::duration<double>(Clock::now() - start).count() / 1e9);
  }
  return best;
}

}  // namespace

double measure_memory_gb_s(ThreadPool& pool) {
  constexpr int64_t kElements = int64_t{32} << 20, kRun = 64 * kernels::kBlockSize;
  constexpr int kTimes = 6;  // the first places the pages
  constexpr auto kBytes = kElements * static_cast<int64_t>(sizeof(float));
  Buffer a_buffer(kBytes), b_buffer(kBytes), c_buffer(kBytes);
  float *const a = a_buffer.as<float>(), *const b = b_buffer.as<float>(), *const c = c_buffer.as<float>();
  kernels::parallel_rows(pool, kElements, kRun, [&](int64_t begin, int64_t end) {
    std::fill(b + begin, b + end, 1.0f);
    std::fill(c + begin, c + end, 2.0f);
  });
  return best_gb_s(kTimes, kBytesPerElement * static_cast<double>(kElements), [&] {
    kernels::parallel_rows(pool, kElements, kRun, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) a[i] = b[i] + 3.0f * c[i];
    });
  });
}

double measure_l2_gb_s(ThreadPool& pool, int64_t l2_bytes) {
  constexpr int kTimes = 5;
  constexpr int64_t kPasses = 400;
  const int64_t size = l2_bytes > 0 ? l2_bytes : int64_t{1} << 20;
  const int64_t n = size / 4 / static_cast<int64_t>(sizeof(float)), threads = pool.num_threads();
  Buffer buffer(threads * 2 * n * static_cast<int64_t>(sizeof(float)));
  const auto bytes = kBytesPerElement * static_cast<double>(n * kPasses * threads);
  return best_gb_s(kTimes, bytes, [&] {
    pool.parallel_for(threads, [&](int64_t task, int) {
      float* const x = buffer.as<float>() + task * 2 * n;
      for (int64_t pass = 0; pass < kPasses; ++pass) kernels::table<float>().add_range(n, x, x + n);
    });
  });
}

}  // namespace tilefit
