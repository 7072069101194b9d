// Scalar definition of gemm.h. Tests run it in double; it is also the double-precision path of gradient checks.
#pragma once
#include "tilefit/kernels/gemm.h"
#include "tilefit/kernels/ref/math_ref.h"

namespace tilefit::kernels::ref {

inline constexpr int64_t kPanel = 8;  // columns of B that lie together in the packed form

template <class T>
void pack_panel(int64_t K, int64_t N, const T* b, int64_t ld, bool transposed, int64_t panel, int64_t k_begin, int64_t k_end,
                void* packed) {
  T* out = static_cast<T*>(packed) + (panel * K + k_begin) * kPanel;
  for (int64_t k = k_begin; k < k_end; ++k)
    for (int64_t n = panel * kPanel; n < (panel + 1) * kPanel; ++n)
      *out++ = n >= N ? T(0) : transposed ? b[n * ld + k] : b[k * ld + n];
}

template <class T>
void gemm_task(const GemmRange& r, int64_t, int64_t K, const T* a_MK, int64_t lda, const void* packed_b,
               const Epilogue<T>& e, bool, void* c_MN, int64_t ldc) {
  for (int64_t m = r.row_begin; m < r.row_end; ++m)
    for (int64_t n = r.col_begin; n < r.col_end; ++n) {
      const T* b_K = static_cast<const T*>(packed_b) + n / kPanel * K * kPanel + n % kPanel;
      T sum = 0;
      for (int64_t k = 0; k < K; ++k) sum += a_MK[m * lda + k] * b_K[k * kPanel];
      if (e.bias_N) sum += e.bias_N[n];
      if (e.gelu_input_MN) sum *= gelu_derivative(e.gelu_input_MN[m * e.ld_gelu_input + n]);
      if (e.add_MN) sum += e.add_MN[m * e.ld_add + n];
      static_cast<T*>(c_MN)[m * ldc + n] = sum;
      if (e.gelu_output_MN) e.gelu_output_MN[m * e.ld_gelu_output + n] = gelu(sum);
    }
}

template <class T>
void wgrad_task(const GemmRange& r, int64_t M, const T* dy_MO, int64_t ld_dy, const T* x_MC, int64_t ld_x, T* dw_OC,
                int64_t ld_dw, T* dbias_O) {
  for (int64_t m = 0; m < M; ++m)
    for (int64_t o = r.row_begin; o < r.row_end; ++o) {
      if (dbias_O && r.col_begin == 0) dbias_O[o] += dy_MO[m * ld_dy + o];
      for (int64_t c = r.col_begin; c < r.col_end; ++c) dw_OC[o * ld_dw + c] += dy_MO[m * ld_dy + o] * x_MC[m * ld_x + c];
    }
}

}  // namespace tilefit::kernels::ref
