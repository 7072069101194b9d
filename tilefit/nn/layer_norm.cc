#include "tilefit/nn/layer_norm.h"

namespace tilefit {

LayerNorm::LayerNorm(const ParamScope& scope, int64_t C, double eps, double dropout_p, uint64_t site)
    : gamma_C_(scope.store().add({{scope.name("weight"), {C}}}, ParamKind::kNorm, ParamInit::kOnes)),
      beta_C_(scope.store().add({{scope.name("bias"), {C}}}, ParamKind::kBias, ParamInit::kZeros)),
      eps_(eps),
      dropout_p_(dropout_p),
      site_(site) {}

void LayerNorm::forward(Ctx& ctx, const Tensor& a_MC, const Tensor& residual_MC, const Tensor& y_MC, Stash* stash) {
  const Arena::Mark mark = ctx.arena.mark();
  const Stash t = {a_MC, ctx.wide_tensor(a_MC.rows, 1), ctx.wide_tensor(a_MC.rows, 1)};
  ops::layer_norm_forward(ctx, a_MC, residual_MC, ctx.dropout(dropout_p_, site_), gamma_C_, beta_C_, eps_, y_MC, t);
  if (stash) *stash = t;
  else ctx.arena.release(mark);
}

Tensor LayerNorm::backward(Ctx& ctx, const Tensor& d_MC, const Stash& stash) {
  const kernels::DropoutRows dropout = ctx.dropout(dropout_p_, site_);
  const Tensor da_MC = dropout.p > 0 ? ctx.tensor(d_MC.rows, d_MC.cols) : Tensor{};
  ops::layer_norm_backward(ctx, d_MC, stash, gamma_C_, beta_C_, dropout, da_MC);
  return da_MC.empty() ? d_MC : da_MC;
}

}  // namespace tilefit
