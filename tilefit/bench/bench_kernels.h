// Measures every kernel on every instruction set of this CPU, against the peak and the bandwidth measured in the same run.
// Instruction sets take turns, so that a machine that slows down slows all alike; times are medians. Prints nothing.
#pragma once
#include <string>
#include <vector>

#include "tilefit/base/json_fwd.h"
#include "tilefit/bench/machine.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit {

struct BenchKernelsOptions {
  std::string filter;  ///< glob on "kernel/shape/isa/dtype", matched anywhere in it; "" = all
  double seconds =
      0.1;  ///< of measuring, per kernel, shape and instruction set: at least one run beside the one that warms up
};

struct KernelRow {
  std::string kernel, shape, isa, dtype;
  double seconds = 0;    ///< of a run, median
  double gflops = 0;     ///< 0: no arithmetic
  double gb_s = 0;       ///< bytes that must be read and written at least once
  double intensity = 0;  ///< FLOPs per such byte
  double share = 0;      ///< of the instruction set's own multiply-add peak (GEMM, attention), else of the memory bandwidth
  bool compute_bound = false;  ///< which of the two
  int64_t runs = 0;
};

struct IsaPeak {
  std::string isa, dtype;
  double gflops = 0;
};

struct BenchKernelsResult {
  std::vector<IsaPeak> peaks;  ///< best instruction set first
  double bandwidth_gb_s = 0;   ///< triad in memory
  double l2_gb_s = 0;          ///< y += x in the L2 caches, best instruction set
  std::vector<KernelRow> rows;
  double peak_gflops() const { return peaks.empty() ? 0 : peaks.front().gflops; }
};

/// The kernel table in use is the same afterwards. Throws Error(kUsage) when no kernel fits the filter.
BenchKernelsResult bench_kernels(ThreadPool& pool, const BenchMachine& machine, const BenchKernelsOptions& options);

/// {"machine", "peak_gflops", "peaks": [{isa, dtype, gflops}], "bandwidth_gb_s", "l2_gb_s", "rows": [{kernel, isa, dtype, shape, seconds,
/// gflops, gb_s, intensity, share, share_of, runs}]}.
Json bench_kernels_json(const BenchKernelsResult& result, const BenchMachine& machine);
std::string bench_kernels_text(const BenchKernelsResult& result, const BenchMachine& machine);

}  // namespace tilefit
