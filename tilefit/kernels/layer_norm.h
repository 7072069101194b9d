// Dropout + residual + layer normalisation in one pass over the rows, and its backward.
// y = (s - mean(s)) / sqrt(var(s) + eps) * gamma + beta, s = residual + dropout(a). Variance is the biased one, over C.
// T = Bf16: s is rounded when stored, and statistics are those of the rounded s, so that backward sees what forward used.
// Source: Ba et al. 2016 (arXiv:1607.06450); numerics as torch.nn.LayerNorm in float32.
#pragma once
#include "tilefit/kernels/dropout.h"

namespace tilefit::kernels {

/// Rows whose parameter gradients are summed together before they are added up in row order: part of the result's definition.
inline constexpr int64_t kLayerNormRows = 64;

/// Sets s_MC (may be a_MC), y_MC, mean_M and rstd_M (= 1 / sqrt(var + eps)). residual_MC may be null (then s = dropout(a)).
template <class T>
void layer_norm_forward(ThreadPool& pool, int64_t M, int64_t C, const T* a_MC, const T* residual_MC, const DropoutRows& rows,
                        const Wide<T>* gamma_C, const Wide<T>* beta_C, Wide<T> eps, T* s_MC, T* y_MC, Wide<T>* mean_M,
                        Wide<T>* rstd_M);

/// Number of Wide<T> of workspace that layer_norm_backward needs.
int64_t layer_norm_workspace(int64_t M, int64_t C);

/// Sets ds_MC (gradient of s, which is also that of residual; may be dy_MC) and da_MC (= dropout(ds); null: not wanted; may be ds_MC when p = 0).
/// Adds to dgamma_C and dbeta_C, summed over blocks of kLayerNormRows rows in row order.
template <class T>
void layer_norm_backward(ThreadPool& pool, int64_t M, int64_t C, const T* dy_MC, const T* s_MC, const Wide<T>* mean_M,
                         const Wide<T>* rstd_M, const Wide<T>* gamma_C, const DropoutRows& rows, T* ds_MC, T* da_MC,
                         Wide<T>* dgamma_C, Wide<T>* dbeta_C, Wide<T>* workspace);

}  // namespace tilefit::kernels
