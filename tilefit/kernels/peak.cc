#include "tilefit/kernels/peak.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "tilefit/kernels/dispatch.h"

namespace tilefit::kernels {

template <class T>
double measure_peak_gflops(ThreadPool& pool) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kRounds = 400'000;
  constexpr int kTimes = 3;
  std::vector<double> flops(static_cast<size_t>(pool.num_threads()));
  double best = 0;
  for (int i = 0; i < kTimes; ++i) {
    const auto start = Clock::now();
    pool.parallel_for(pool.num_threads(),
                      [&](int64_t task, int) { flops[static_cast<size_t>(task)] = table<T>().peak_flops(kRounds); });
    const std::chrono::duration<double> seconds = Clock::now() - start;
    double total = 0;
    for (const double f : flops) total += f;
    best = std::max(best, total / seconds.count() / 1e9);
  }
  return best;
}

template double measure_peak_gflops<float>(ThreadPool&);
template double measure_peak_gflops<Bf16>(ThreadPool&);

}  // namespace tilefit::kernels
