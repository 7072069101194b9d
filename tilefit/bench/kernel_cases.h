// The kernels that `bench kernels` times, with the shapes of DistilBERT's and MiniLM's layers: what to run, and how much work it is.
// How often, on which instruction set and in which order is the business of bench_kernels.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tilefit/cpu/thread_pool.h"

namespace tilefit {

/// One kernel at one shape and element type.
struct KernelCase {
  std::string kernel;          ///< "gemm_forward"
  std::string shape;           ///< "distilbert-qkv-768x2304-m6144"
  std::string dtype;           ///< "float32"
  double flops = 0;            ///< of one run; of row operations an estimate that counts every operation once
  double bytes = 0;            ///< read and written at least once
  bool compute_bound = false;  ///< measured against the multiply-add peak, else against the memory bandwidth
  /// Prepares a run for the kernel table in use (packs the weights its way) and returns what to time.
  std::function<std::function<void()>()> prepare;
};

/// All cases of element type T. They share the pool and memory of some 600 MB, which lives as long as any of them.
template <class T>
std::vector<KernelCase> kernel_cases(ThreadPool& pool);

}  // namespace tilefit
