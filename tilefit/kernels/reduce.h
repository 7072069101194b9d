// Over flat arrays: block norms and sums of gradient buffers, whose order is fixed, and conversion.
#pragma once
#include <cstdint>

#include "tilefit/base/bf16.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// The unit in which flat parameter arrays are cut for threads, buckets and norms.
inline constexpr int64_t kBlockSize = 4096;

/// block_sums[i] = sum of squares, in double, of x[i * kBlockSize .. (i + 1) * kBlockSize) (the last block may be short).
template <class T>
void block_sums_of_squares(ThreadPool& pool, int64_t n, const T* x, double* block_sums);

/// Sum of values[0..n) in a balanced binary tree over the index: depends on n and the values alone.
double tree_sum(const double* values, int64_t n) noexcept;

/// y[i] += x[i].
template <class T>
void add(ThreadPool& pool, int64_t n, const T* x, T* y);

/// y[i] = x[i], rounded to nearest even.
template <class T>
void narrow(ThreadPool& pool, int64_t n, const Wide<T>* x, T* y);

/// y[i] = 0, by all threads.
template <class T>
void fill_zero(ThreadPool& pool, int64_t n, T* y);

}  // namespace tilefit::kernels
