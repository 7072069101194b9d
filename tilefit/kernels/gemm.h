// Matrix products of a linear layer: forward, gradient of the input (dgrad) and gradient of the weights (wgrad).
// Shapes: M token rows, N outputs of the product, K summed index. All matrices are row-major with a row stride (ld).
// T is the type of activations: float, double, or Bf16 with float sums, parameters and parameter gradients (Wide<T>, base/bf16.h).
// Every element of a result is one chain of multiply-adds over the summed index that starts from zero, in wgrad from the old value: it
// depends neither on the other rows and columns, nor on blocking, nor on threads. A link of the chain is one fused multiply-add of the ISA
// (two products with bf16 instructions; baseline and double: multiply, then add).
#pragma once
#include <cstdint>

#include "tilefit/base/bf16.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// What is done with the product P before it is stored in C. All set, none accumulates; several parts apply in the order given.
template <class T>
struct Epilogue {
  const Wide<T>* bias_N = nullptr;   // P += bias
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

/// How results are cut into tasks. Set from the cache sizes of the machine; no result depends on it.
struct GemmBlocking {
  int64_t rows = 0, cols = 0;              // forward, dgrad: a block's rows of A stay in L2
  int64_t accumulator_cols = 0;            // T = Bf16: columns whose float sums stay in L2 beside A, a multiple of the panel
  int64_t wgrad_rows = 0, wgrad_cols = 0;  // of dW: the packed parts of both operands stay in L2
};

/// The blocking in use for T and a summed index of K: made from the machine's caches, but for what set_gemm_blocking has set.
template <class T>
GemmBlocking gemm_blocking(int64_t K);
/// For tests and experiments, while no product runs: members that are not zero replace those made from the caches. rows and wgrad_rows are
/// taken as multiples of the register tile's rows.
template <class T>
void set_gemm_blocking(const GemmBlocking& blocking);

/// Number of bytes that the packed form of a [K, N] right-hand side takes.
template <class T>
int64_t packed_bytes(int64_t K, int64_t N);

/// Packs a right-hand side B_KN for gemm. transposed = false: B[k][n] = b[k * ld + n]; true: B[k][n] = b[n * ld + k] (a weight
/// w_OC used in forward: K = C, N = O). T = Bf16 rounds to nearest even. Sets all packed_bytes. packed must be 64-byte aligned.
template <class T>
void pack_matrix(ThreadPool& pool, int64_t K, int64_t N, const Wide<T>* b, int64_t ld, bool transposed, void* packed);

/// C_MN = epilogue(A_MK B_KN), B packed by pack_matrix. C must not overlap any input. TC: T, or Wide<T> for results that must not be
/// rounded. Does not allocate after the first call of a size.
template <class T, class TC>
void gemm(ThreadPool& pool, int64_t M, int64_t N, int64_t K, const T* a_MK, int64_t lda, const void* packed_b,
          const Epilogue<T>& epilogue, TC* c_MN, int64_t ldc);

/// dW_OC += dY_MO^T X_MC. dbias_O (null: not wanted) += column sums of dY, summed over blocks of rows whose height is a constant of the
/// ISA, the blocks in order.
template <class T>
void gemm_wgrad(ThreadPool& pool, int64_t M, int64_t O, int64_t C, const T* dy_MO, int64_t ld_dy, const T* x_MC,
                int64_t ld_x, Wide<T>* dw_OC, int64_t ld_dw, Wide<T>* dbias_O);

}  // namespace tilefit::kernels
