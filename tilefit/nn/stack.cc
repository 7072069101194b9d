#include "tilefit/nn/stack.h"

namespace tilefit {

Stack::Stack(const ParamScope& scope, const BlockNames& names, const BlockShape& shape, int64_t num_layers)
    : store_(scope.store()) {
  for (int64_t l = 0; l < num_layers; ++l) {
    const size_t first = store_.params().size();
    blocks_.emplace_back(scope / l, names, shape, l);
    params_.emplace_back(first, store_.params().size());
  }
}

Tensor Stack::forward(Ctx& ctx, const Tensor& x_MC, Stash* stash) {
  const bool keep = stash && !ctx.recompute;
  if (stash) {
    stash->blocks.resize(keep ? blocks_.size() : 1);
    stash->x_MC.resize(blocks_.size());
  }
  Tensor in_MC = x_MC;
  Tensor spare_MC =
      stash ? Tensor{} : ctx.tensor(x_MC.rows, x_MC.cols);  // inference goes back and forth between two buffers
  for (size_t l = 0; l < blocks_.size(); ++l) {
    const Tensor out_MC = stash ? ctx.tensor(x_MC.rows, x_MC.cols) : spare_MC;
    blocks_[l].forward(ctx, in_MC, out_MC, keep ? &stash->blocks[l] : nullptr);
    if (stash) stash->x_MC[l] = in_MC;
    spare_MC = in_MC;
    in_MC = out_MC;
    if (ctx.on_hidden_state) ctx.on_hidden_state(static_cast<int64_t>(l) + 1, out_MC);
  }
  return in_MC;
}

void Stack::backward(Ctx& ctx, const Tensor& d_MC, Stash& stash) {
  for (size_t l = blocks_.size(); l-- > 0;) {
    const Arena::Scope scratch(ctx.arena);
    PostNormBlock::Stash& block = stash.blocks[ctx.recompute ? 0 : l];
    if (ctx.recompute) blocks_[l].forward(ctx, stash.x_MC[l], ctx.tensor(d_MC.rows, d_MC.cols), &block);
    blocks_[l].backward(ctx, d_MC, block);
    if (ctx.grads_ready) {
      const std::pair<int64_t, int64_t> range = store_.flat_range(params_[l].first, params_[l].second);
      ctx.grads_ready(range.first, range.second);
    }
  }
}

}  // namespace tilefit
