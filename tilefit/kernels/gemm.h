// Matrix products of a linear layer: forward, gradient of the input (dgrad) and gradient of the weights (wgrad).
// Shapes: M token rows, N outputs of the product, K summed index. All matrices are row-major with a row stride (ld).
// Every element of a result is one fused multiply-add chain over the summed index (baseline and double: multiply, then add) that starts
// from zero, in wgrad from the old value: it depends neither on the other rows and columns, nor on blocking, nor on threads.
#pragma once
#include <cstdint>

#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// What is done with the product P before it is stored in C. All set, none accumulates; several parts apply in the order given.
template <class T>
struct Epilogue {
  const T* bias_N = nullptr;         // P += bias
  const T* gelu_input_MN = nullptr;  // P *= gelu'(input): backward through an activation; row stride ld_gelu_input
  int64_t ld_gelu_input = 0;
  const T* add_MN = nullptr;  // P += add; must not overlap C; row stride ld_add
  int64_t ld_add = 0;
  T* gelu_output_MN = nullptr;  // also stores gelu(P) here; row stride ld_gelu_output
  int64_t ld_gelu_output = 0;
};

/// A block of the result: rows [row_begin, row_end) by columns [col_begin, col_end).
struct GemmRange {
  int64_t row_begin = 0, row_end = 0, col_begin = 0, col_end = 0;
};

/// Number of T that the packed form of a [K, N] right-hand side takes.
template <class T>
int64_t packed_size(int64_t K, int64_t N);

/// Packs a right-hand side B_KN for gemm. transposed = false: B[k][n] = b[k * ld + n]; true: B[k][n] = b[n * ld + k] (a weight
/// w_OC used in forward: K = C, N = O). Sets all of packed[0 .. packed_size). packed must be 64-byte aligned.
template <class T>
void pack_matrix(ThreadPool& pool, int64_t K, int64_t N, const T* b, int64_t ld, bool transposed, T* packed);

/// C_MN = epilogue(A_MK B_KN), B packed by pack_matrix. C must not overlap any input. Does not allocate after the first call of a size.
template <class T>
void gemm(ThreadPool& pool, int64_t M, int64_t N, int64_t K, const T* a_MK, int64_t lda, const T* packed_b,
          const Epilogue<T>& epilogue, T* c_MN, int64_t ldc);

/// dW_OC += dY_MO^T X_MC.
template <class T>
void gemm_wgrad(ThreadPool& pool, int64_t M, int64_t O, int64_t C, const T* dy_MO, int64_t ld_dy, const T* x_MC,
                int64_t ld_x, T* dw_OC, int64_t ld_dw);

}  // namespace tilefit::kernels
