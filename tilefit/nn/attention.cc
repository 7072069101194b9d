#include "tilefit/nn/attention.h"

#include <array>

#include "tilefit/nn/dropout_sites.h"

namespace tilefit {

Attention::Attention(const ParamScope& scope, const AttentionNames& names, int64_t C, int64_t num_heads, double dropout_p,
                     uint64_t site)
    : qkv_(std::array{scope / names.query, scope / names.key, scope / names.value}, C, C, "qkv"),
      output_(scope / names.output, C, C, "attention_out"),
      num_heads_(num_heads),
      dropout_p_(dropout_p),
      site_(site) {
  TF_CHECK(num_heads > 0 && C % num_heads == 0, "{} heads do not divide {} channels", num_heads, C);
}

ops::AttentionOptions Attention::options(const Ctx& ctx) const {
  return {num_heads_, ctx.training ? dropout_p_ : 0.0, site_};
}

void Attention::forward(Ctx& ctx, const Tensor& x_MC, const Tensor& y_MC, Stash* stash) {
  const Arena::Mark mark = ctx.arena.mark();
  const int64_t M = x_MC.rows, C = x_MC.cols;
  const Stash t = {ctx.tensor(M, 3 * C), ctx.tensor(M, C), ctx.wide_tensor(M, num_heads_)};
  qkv_.forward(ctx, x_MC, t.qkv_M3C);
  ops::attention_forward(ctx, options(ctx), t.qkv_M3C, t.context_MC, t.logsum_MH);
  output_.forward(ctx, t.context_MC, y_MC);
  if (stash) *stash = t;
  else ctx.arena.release(mark);
}

void Attention::backward(Ctx& ctx, const Tensor& dy_MC, const Tensor& x_MC, const Tensor& residual_MC, const Tensor& dx_MC,
                         const Stash& stash) {
  const Arena::Scope scratch(ctx.arena);
  const int64_t M = x_MC.rows, C = x_MC.cols;
  const Tensor dcontext_MC = ctx.tensor(M, C), dqkv_M3C = ctx.tensor(M, 3 * C);
  output_.backward(ctx, dy_MC, stash.context_MC, dcontext_MC);
  ops::attention_backward(ctx, options(ctx), stash.qkv_M3C, stash.context_MC, stash.logsum_MH, dcontext_MC, dqkv_M3C);
  ops::Epilogue add_residual;
  add_residual.add_MN = residual_MC;
  qkv_.backward(ctx, dqkv_M3C, x_MC, dx_MC, add_residual);
}

}  // namespace tilefit
