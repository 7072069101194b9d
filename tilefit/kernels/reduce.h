// Sums whose order is fixed: column sums (bias gradients), block norms, and element-wise sums of gradient buffers.
#pragma once
#include <cstdint>

#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// The unit in which flat parameter arrays are cut for threads, buckets and norms.
inline constexpr int64_t kBlockSize = 4096;

/// Rows that column sums add up before they go to the total: part of the result's definition.
inline constexpr int64_t kColumnSumRows = 256;

/// sum_N[n] += sum over m of x_MN[m][n]: rows are added in order within blocks of kColumnSumRows, the blocks in order.
template <class T>
void add_column_sums(ThreadPool& pool, int64_t M, int64_t N, const T* x_MN, int64_t ld, T* sum_N);

/// block_sums[i] = sum of squares, in double, of x[i * kBlockSize .. (i + 1) * kBlockSize) (the last block may be short).
template <class T>
void block_sums_of_squares(ThreadPool& pool, int64_t n, const T* x, double* block_sums);

/// Sum of values[0..n) in a balanced binary tree over the index: depends on n and the values alone.
double tree_sum(const double* values, int64_t n) noexcept;

/// y[i] += x[i].
template <class T>
void add(ThreadPool& pool, int64_t n, const T* x, T* y);

/// y[i] = 0, by all threads.
template <class T>
void fill_zero(ThreadPool& pool, int64_t n, T* y);

}  // namespace tilefit::kernels
