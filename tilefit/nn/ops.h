// The one door from layers to kernels: checks shapes once, does nothing in a dry run, and picks the float, bf16 or double kernel.
// "Wide" tensors are of Ctx::wide_dtype(): statistics, logits, losses.
// No arithmetic here. Shapes are in the kernels' contracts (kernels/*.h), which also say what is set and what is added to.
#pragma once
#include <span>

#include "tilefit/kernels/layer_norm.h"
#include "tilefit/nn/context.h"
#include "tilefit/tensor/param.h"

namespace tilefit::ops {

/// What gemm does with the product, in this order; members left empty do nothing.
struct Epilogue {
  const Param* bias_N = nullptr;  ///< + bias
  Tensor gelu_input_MN = {};      ///< * gelu'(gelu_input)
  Tensor add_MN = {};             ///< + add; must not be the result
  Tensor gelu_output_MN = {};     ///< also sets this to gelu of the result
};

/// Bytes that the packed form of a [K, N] matrix takes for activations of `dtype`.
int64_t packed_bytes(DType dtype, int64_t K, int64_t N);

/// Packs the weight w_OC for gemm: as the [C, O] matrix W^T of forward, or as the [O, C] matrix W of the input's gradient.
void pack_weight(Ctx& ctx, const Param& w_OC, bool for_forward, void* packed);

/// c_MN = epilogue(a_MK B), B = `packed`, a [K, N] matrix packed by pack_weight (null in a dry run). a and c must not overlap. c may be wide.
void gemm(Ctx& ctx, const Tensor& a_MK, const void* packed, const Epilogue& epilogue, const Tensor& c_MN);

/// Adds dy^T x to w's gradient, and the column sums of dy to that of b (may be null).
void add_linear_grads(Ctx& ctx, const Tensor& dy_MO, const Tensor& x_MC, const Param& w_OC, const Param* b_O);

/// y_MN = x_MN, a wide tensor, rounded to bf16.
void narrow(Ctx& ctx, const Tensor& x_MN, const Tensor& y_MN);

/// y_MC = dropout(x_MC), its own backward too. y may be x.
void dropout(Ctx& ctx, const Tensor& x_MC, const kernels::DropoutRows& rows, const Tensor& y_MC);

struct LayerNormTensors {
  Tensor s_MC, mean_M, rstd_M;  ///< mean and rstd are wide
};
/// a_MC becomes s = residual + dropout(a) (residual may be empty); sets y, and the statistics in t, whose s is a.
void layer_norm_forward(Ctx& ctx, const Tensor& a_MC, const Tensor& residual_MC, const kernels::DropoutRows& rows,
                        const Param& gamma_C, const Param& beta_C, double eps, const Tensor& y_MC,
                        const LayerNormTensors& t);
/// d_MC: gradient of y, becomes that of s. da_MC (may be empty): set to the gradient of a. Adds to both parameters' gradients.
void layer_norm_backward(Ctx& ctx, const Tensor& d_MC, const LayerNormTensors& t, const Param& gamma_C, const Param& beta_C,
                         const kernels::DropoutRows& rows, const Tensor& da_MC);

struct AttentionOptions {
  int64_t num_heads = 0;
  double dropout_p = 0;
  uint64_t site = 0;
};
/// Sets out_MC and logsum_MH (wide) from qkv_M3C, sequence by sequence of ctx.rows.
void attention_forward(Ctx& ctx, const AttentionOptions& options, const Tensor& qkv_M3C, const Tensor& out_MC,
                       const Tensor& logsum_MH);
/// Sets dqkv_M3C.
void attention_backward(Ctx& ctx, const AttentionOptions& options, const Tensor& qkv_M3C, const Tensor& out_MC,
                        const Tensor& logsum_MH, const Tensor& dout_MC, const Tensor& dqkv_M3C);

/// One table to look up: row ids[m] for token row m.
struct Lookup {
  std::span<const int32_t> id_M;
  const Param* table_VC = nullptr;
};
/// out_MC = sum of the looked-up rows, in order of the lookups (at most 4).
void embedding_forward(Ctx& ctx, std::span<const Lookup> lookups, const Tensor& out_MC);
/// Adds dout's rows to the gradients of the table's rows; the table's zero_row keeps the gradient it had.
void embedding_backward(Ctx& ctx, const Lookup& lookup, const Tensor& dout_MC);

/// All wide. For each sequence of ctx.rows: cross-entropy of the softmax over column `column` of logits_MN against target_B (-1: ignored).
/// Sets loss_B (B values) and, when not empty, that column of dlogits_MN to the gradient times gradient_scale.
void span_cross_entropy(Ctx& ctx, const Tensor& logits_MN, int64_t column, const int32_t* target_B, double gradient_scale,
                        const Tensor& loss_B, const Tensor& dlogits_MN);

}  // namespace tilefit::ops
