// The activation of feed-forward layers on its own; in the products' epilogues it is fused (gemm.h).
#pragma once
#include <cstdint>

#include "tilefit/base/bf16.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// y[i] = gelu(x[i]) = x Phi(x), the exact (erf) form: the same numbers as Epilogue::gelu_output_MN. y may be x.
/// Source: Hendrycks & Gimpel 2016 (arXiv:1606.08415).
template <class T>
void gelu(ThreadPool& pool, int64_t n, const T* x, T* y);

}  // namespace tilefit::kernels
