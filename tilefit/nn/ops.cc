#include "tilefit/nn/ops.h"

#include <array>
#include <cmath>
#include <cstring>

#include "tilefit/kernels/activation.h"
#include "tilefit/kernels/attention.h"
#include "tilefit/kernels/cross_entropy.h"
#include "tilefit/kernels/embedding.h"
#include "tilefit/kernels/gemm.h"
#include "tilefit/kernels/reduce.h"
#include "tilefit/nn/phases.h"

namespace tilefit::ops {
namespace {

/// Calls body(T()) with T the type of activations: float, Bf16 or double; not at all in a dry run.
template <class Body>
void with_type(const Ctx& ctx, Body&& body) {
  if (ctx.dry_run()) return;
  if (ctx.dtype == DType::kBF16) body(Bf16());
  else if (ctx.dtype == DType::kF32) body(float());
  else body(double());
}

/// The same with T = float or double, the type of losses and parameters.
template <class Body>
void with_wide_type(const Ctx& ctx, Body&& body) {
  if (ctx.dry_run()) return;
  if (ctx.wide_dtype() == DType::kF32) body(float());
  else body(double());
}

/// The elements, or null when the tensor is empty.
template <class T>
T* data_or_null(const Tensor& t) {
  return t.empty() ? nullptr : t.as<T>();
}

void check_shape(const Tensor& t, int64_t rows, int64_t cols, const char* what) {
  TF_CHECK(t.rows == rows && t.cols == cols, "{} is [{}, {}], expected [{}, {}]", what, t.rows, t.cols, rows, cols);
}

/// For kernels that take no row stride.
void check_contiguous(const Tensor& t, int64_t rows, int64_t cols, const char* what) {
  check_shape(t, rows, cols, what);
  TF_CHECK(t.stride == cols, "{} has stride {}, expected {}", what, t.stride, cols);
}

void check_optional(const Tensor& t, int64_t rows, int64_t cols, const char* what) {
  if (!t.empty()) check_shape(t, rows, cols, what);
}

template <class T>
kernels::Epilogue<T> kernel_epilogue(const Epilogue& e) {
  kernels::Epilogue<T> k;
  k.bias_N = e.bias_N ? e.bias_N->value<Wide<T>>() : nullptr;
  k.gelu_input_MN = data_or_null<T>(e.gelu_input_MN);
  k.ld_gelu_input = e.gelu_input_MN.stride;
  k.add_MN = data_or_null<T>(e.add_MN);
  k.ld_add = e.add_MN.stride;
  k.gelu_output_MN = data_or_null<T>(e.gelu_output_MN);
  k.ld_gelu_output = e.gelu_output_MN.stride;
  return k;
}

kernels::AttentionShape attention_shape(const Ctx& ctx, const AttentionOptions& o, const Tensor& qkv, const Tensor& out,
                                        const Tensor& logsum) {
  const int64_t M = ctx.rows->num_rows, C = qkv.cols / 3;
  check_shape(qkv, M, 3 * C, "qkv");
  check_shape(out, M, C, "attention output");
  check_contiguous(logsum, M, o.num_heads, "logsum");
  const int64_t head_size = C / o.num_heads;
  return {ctx.rows->sequences.data(),
          static_cast<int64_t>(ctx.rows->sequences.size()),
          o.num_heads,
          head_size,
          1.0 / std::sqrt(static_cast<double>(head_size)),
          o.dropout_p,
          o.site};
}

}  // namespace

int64_t packed_bytes(DType dtype, int64_t K, int64_t N) {
  switch (dtype) {
    case DType::kBF16: return kernels::packed_bytes<Bf16>(K, N);
    case DType::kF32: return kernels::packed_bytes<float>(K, N);
    default: return kernels::packed_bytes<double>(K, N);
  }
}

void pack_weight(Ctx& ctx, const Param& w_OC, bool for_forward, void* packed) {
  const ProfileScope phase = profile_rows(ctx, "weight packing", nullptr, 2 * w_OC.size(), PhaseCategory::kOptimizer);
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    const int64_t K = for_forward ? w_OC.cols : w_OC.rows, N = for_forward ? w_OC.rows : w_OC.cols;
    kernels::pack_matrix<T>(ctx.pool, K, N, w_OC.value<Wide<T>>(), w_OC.cols, for_forward, packed);
  });
}

void gemm(Ctx& ctx, const Tensor& a_MK, const void* packed, const Epilogue& epilogue, const Tensor& c_MN) {
  const int64_t M = a_MK.rows, N = c_MN.cols;
  check_shape(c_MN, M, N, "gemm result");
  check_optional(epilogue.gelu_input_MN, M, N, "gelu input");
  check_optional(epilogue.add_MN, M, N, "added matrix");
  check_optional(epilogue.gelu_output_MN, M, N, "gelu output");
  TF_CHECK(epilogue.add_MN.data != c_MN.data && a_MK.data != c_MN.data, "gemm writes over what it reads");
  TF_CHECK(!epilogue.bias_N || epilogue.bias_N->size() == N, "bias of {} for {} columns", epilogue.bias_N->size(), N);
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    const auto run = [&](auto* c) {
      kernels::gemm(ctx.pool, M, N, a_MK.cols, a_MK.as<T>(), a_MK.stride, packed, kernel_epilogue<T>(epilogue), c,
                    c_MN.stride);
    };
    if (c_MN.dtype == ctx.dtype) run(c_MN.as<T>());
    else run(c_MN.as<Wide<T>>());
  });
}

void add_linear_grads(Ctx& ctx, const Tensor& dy_MO, const Tensor& x_MC, const Param& w_OC, const Param* b_O) {
  check_shape(dy_MO, x_MC.rows, w_OC.rows, "dy");
  check_shape(x_MC, x_MC.rows, w_OC.cols, "x");
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    kernels::gemm_wgrad<T>(ctx.pool, x_MC.rows, w_OC.rows, w_OC.cols, dy_MO.as<T>(), dy_MO.stride, x_MC.as<T>(), x_MC.stride,
                           w_OC.grad<Wide<T>>(), w_OC.cols, b_O ? b_O->grad<Wide<T>>() : nullptr);
  });
}

void gelu(Ctx& ctx, const Tensor& x_MN, const Tensor& y_MN) {
  check_contiguous(x_MN, y_MN.rows, y_MN.cols, "x");
  check_contiguous(y_MN, x_MN.rows, x_MN.cols, "y");
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    kernels::gelu<T>(ctx.pool, x_MN.rows * x_MN.cols, x_MN.as<T>(), y_MN.as<T>());
  });
}

void narrow(Ctx& ctx, const Tensor& x_MN, const Tensor& y_MN) {
  const ProfileScope phase = profile_rows(ctx, "narrow", nullptr, 3 * x_MN.rows * x_MN.cols);
  check_contiguous(x_MN, y_MN.rows, y_MN.cols, "x");
  check_contiguous(y_MN, x_MN.rows, x_MN.cols, "y");
  if (!ctx.dry_run()) kernels::narrow(ctx.pool, x_MN.rows * x_MN.cols, x_MN.as<float>(), y_MN.as<Bf16>());
}

void dropout(Ctx& ctx, const Tensor& x_MC, const kernels::DropoutRows& rows, const Tensor& y_MC) {
  const ProfileScope phase = profile_rows(ctx, "dropout", nullptr, 2 * x_MC.rows * x_MC.cols);
  check_contiguous(x_MC, ctx.rows->num_rows, x_MC.cols, "x");
  check_contiguous(y_MC, x_MC.rows, x_MC.cols, "y");
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    kernels::dropout<T>(ctx.pool, x_MC.rows, x_MC.cols, x_MC.as<T>(), rows, y_MC.as<T>());
  });
}

void layer_norm_forward(Ctx& ctx, const Tensor& a_MC, const Tensor& residual_MC, const kernels::DropoutRows& rows,
                        const Param& gamma_C, const Param& beta_C, double eps, const Tensor& y_MC,
                        const LayerNormTensors& t) {
  const int64_t M = ctx.rows->num_rows, C = gamma_C.size();
  check_contiguous(a_MC, M, C, "a");
  if (!residual_MC.empty()) check_contiguous(residual_MC, M, C, "residual");
  const ProfileScope phase = profile_rows(ctx, "layer norm", "forward", (residual_MC.empty() ? 3 : 4) * M * C);
  check_contiguous(y_MC, M, C, "y");
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    kernels::layer_norm_forward<T>(ctx.pool, M, C, a_MC.as<T>(), data_or_null<T>(residual_MC), rows,
                                   gamma_C.value<Wide<T>>(), beta_C.value<Wide<T>>(), static_cast<Wide<T>>(eps),
                                   t.s_MC.as<T>(), y_MC.as<T>(), t.mean_M.as<Wide<T>>(), t.rstd_M.as<Wide<T>>());
  });
}

void layer_norm_backward(Ctx& ctx, const Tensor& d_MC, const LayerNormTensors& t, const Param& gamma_C, const Param& beta_C,
                         const kernels::DropoutRows& rows, const Tensor& da_MC) {
  const int64_t M = ctx.rows->num_rows, C = gamma_C.size();
  check_contiguous(d_MC, M, C, "d");
  check_contiguous(t.s_MC, M, C, "s");
  if (!da_MC.empty()) check_contiguous(da_MC, M, C, "da");
  const ProfileScope phase = profile_rows(ctx, "layer norm", "backward", (da_MC.empty() ? 3 : 4) * M * C);
  const Arena::Scope scratch(ctx.arena);
  const Tensor workspace = ctx.wide_tensor(1, kernels::layer_norm_workspace(M, C));
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    kernels::layer_norm_backward<T>(ctx.pool, M, C, d_MC.as<T>(), t.s_MC.as<T>(), t.mean_M.as<Wide<T>>(),
                                    t.rstd_M.as<Wide<T>>(), gamma_C.value<Wide<T>>(), rows, d_MC.as<T>(),
                                    data_or_null<T>(da_MC), gamma_C.grad<Wide<T>>(), beta_C.grad<Wide<T>>(),
                                    workspace.as<Wide<T>>());
  });
}

void attention_forward(Ctx& ctx, const AttentionOptions& options, const Tensor& qkv_M3C, const Tensor& out_MC,
                       const Tensor& logsum_MH) {
  const ProfileScope phase = profile_attention(ctx, "forward", out_MC.cols, 2);
  const kernels::AttentionShape shape = attention_shape(ctx, options, qkv_M3C, out_MC, logsum_MH);
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    kernels::attention_forward<T>(ctx.pool, shape, qkv_M3C.as<T>(), qkv_M3C.stride, out_MC.as<T>(), out_MC.stride,
                                  logsum_MH.as<Wide<T>>());
  });
}

void attention_backward(Ctx& ctx, const AttentionOptions& options, const Tensor& qkv_M3C, const Tensor& out_MC,
                        const Tensor& logsum_MH, const Tensor& dout_MC, const Tensor& dqkv_M3C) {
  const ProfileScope phase = profile_attention(ctx, "backward", out_MC.cols, 4);
  const kernels::AttentionShape shape = attention_shape(ctx, options, qkv_M3C, out_MC, logsum_MH);
  check_shape(dout_MC, out_MC.rows, out_MC.cols, "dout");
  check_shape(dqkv_M3C, qkv_M3C.rows, qkv_M3C.cols, "dqkv");
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    kernels::attention_backward<T>(ctx.pool, shape, qkv_M3C.as<T>(), qkv_M3C.stride, out_MC.as<T>(), out_MC.stride,
                                   logsum_MH.as<Wide<T>>(), dout_MC.as<T>(), dout_MC.stride, dqkv_M3C.as<T>(),
                                   dqkv_M3C.stride);
  });
}

void embedding_forward(Ctx& ctx, std::span<const Lookup> lookups, const Tensor& out_MC) {
  check_contiguous(out_MC, ctx.rows->num_rows, lookups[0].table_VC->cols, "embeddings");
  TF_CHECK(lookups.size() <= 4, "{} lookups", lookups.size());
  const ProfileScope phase =
      profile_rows(ctx, "embedding", "forward", (std::ssize(lookups) + 1) * out_MC.rows * out_MC.cols);
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    std::array<kernels::EmbeddingTable<T>, 4> tables;
    for (size_t i = 0; i < lookups.size(); ++i) tables[i] = {lookups[i].id_M.data(), lookups[i].table_VC->value<Wide<T>>()};
    kernels::embedding_forward<T>(ctx.pool, out_MC.rows, out_MC.cols, tables.data(), static_cast<int>(lookups.size()),
                                  out_MC.as<T>());
  });
}

void embedding_backward(Ctx& ctx, const Lookup& lookup, const Tensor& dout_MC) {
  const Param& table = *lookup.table_VC;
  check_contiguous(dout_MC, ctx.rows->num_rows, table.cols, "dout");
  const ProfileScope phase = profile_rows(ctx, "embedding", "backward", 3 * dout_MC.rows * dout_MC.cols);
  const Arena::Scope scratch(ctx.arena);
  const Tensor kept_C = table.zero_row >= 0 ? ctx.wide_tensor(1, table.cols) : Tensor{};
  with_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    const auto row_bytes = static_cast<size_t>(table.cols) * sizeof(Wide<T>);
    Wide<T>* const grad = table.grad<Wide<T>>();
    Wide<T>* const zero_row = kept_C.empty() ? nullptr : grad + table.zero_row * table.cols;
    if (zero_row) std::memcpy(kept_C.data, zero_row, row_bytes);
    kernels::embedding_backward<T>(ctx.pool, dout_MC.rows, table.cols, lookup.id_M.data(), dout_MC.as<T>(), grad);
    if (zero_row) std::memcpy(zero_row, kept_C.data, row_bytes);
  });
}

void span_cross_entropy(Ctx& ctx, const Tensor& logits_MN, int64_t column, const int32_t* target_B, double gradient_scale,
                        const Tensor& loss_B, const Tensor& dlogits_MN) {
  const auto B = static_cast<int64_t>(ctx.rows->sequences.size());
  check_shape(logits_MN, ctx.rows->num_rows, logits_MN.cols, "logits");
  check_contiguous(loss_B, 1, B, "losses");
  const ProfileScope phase = profile_rows(ctx, "cross-entropy", nullptr, 3 * logits_MN.rows);
  TF_CHECK(dlogits_MN.empty() || dlogits_MN.stride == logits_MN.stride, "logits and their gradient differ in stride");
  with_wide_type(ctx, [&](auto zero) {
    using T = decltype(zero);
    kernels::span_cross_entropy<T>(ctx.pool, ctx.rows->sequences.data(), B, logits_MN.as<T>() + column, logits_MN.stride,
                                   target_B, static_cast<T>(gradient_scale), loss_B.as<T>(),
                                   dlogits_MN.empty() ? nullptr : dlogits_MN.as<T>() + column);
  });
}

}  // namespace tilefit::ops
