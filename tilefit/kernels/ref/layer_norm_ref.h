// Scalar definition of layer_norm.h.
#pragma once
#include <cmath>

#include "tilefit/kernels/layer_norm.h"
#include "tilefit/kernels/ref/dropout_ref.h"

namespace tilefit::kernels::ref {

template <class T>
void layer_norm_forward_row(int64_t m, int64_t C, const T* a_C, const T* residual_C, const DropoutRows& rows,
                            const T* gamma_C, const T* beta_C, T eps, T* s_C, T* y_C, T* mean, T* rstd) {
  T sum = 0;
  for (int64_t c = 0; c < C; ++c) {
    s_C[c] = (residual_C ? residual_C[c] : T(0)) + a_C[c] * dropout_factor<T>(rows, m, c, C);
    sum += s_C[c];
  }
  *mean = sum / T(C);
  T squares = 0;
  for (int64_t c = 0; c < C; ++c) squares += (s_C[c] - *mean) * (s_C[c] - *mean);
  *rstd = T(1) / std::sqrt(squares / T(C) + eps);
  for (int64_t c = 0; c < C; ++c) y_C[c] = (s_C[c] - *mean) * *rstd * gamma_C[c] + beta_C[c];
}

/// Adds this row's part to dgamma_C and dbeta_C.
template <class T>
void layer_norm_backward_row(int64_t m, int64_t C, const T* dy_C, const T* s_C, T mean, T rstd, const T* gamma_C,
                             const DropoutRows& rows, T* ds_C, T* da_C, T* dgamma_C, T* dbeta_C) {
  T sum_g = 0, sum_gx = 0;  // over c of g = dy * gamma, and of g * xhat
  for (int64_t c = 0; c < C; ++c) {
    const T xhat = (s_C[c] - mean) * rstd, g = dy_C[c] * gamma_C[c];
    sum_g += g;
    sum_gx += g * xhat;
    dgamma_C[c] += dy_C[c] * xhat;
    dbeta_C[c] += dy_C[c];
  }
  for (int64_t c = 0; c < C; ++c) {
    const T xhat = (s_C[c] - mean) * rstd, g = dy_C[c] * gamma_C[c];
    ds_C[c] = rstd * (g - sum_g / T(C) - xhat * sum_gx / T(C));
    if (da_C) da_C[c] = ds_C[c] * dropout_factor<T>(rows, m, c, C);
  }
}

}  // namespace tilefit::kernels::ref
