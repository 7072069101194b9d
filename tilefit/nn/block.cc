#include "tilefit/nn/block.h"

#include "tilefit/nn/dropout_sites.h"

namespace tilefit {

PostNormBlock::PostNormBlock(const ParamScope& scope, const BlockNames& names, const BlockShape& shape, int64_t layer)
    : attention_(scope, names.attention, shape.hidden_size, shape.num_heads, shape.attention_dropout,
                 dropout_site(layer, DropoutPlace::kAttentionProbability)),
      attention_norm_(scope / names.attention_norm, shape.hidden_size, shape.layer_norm_eps, shape.attention_output_dropout,
                      dropout_site(layer, DropoutPlace::kAttentionOutput)),
      ffn_(scope / names.ffn_in, scope / names.ffn_out, shape.hidden_size, shape.ffn_size),
      output_norm_(scope / names.output_norm, shape.hidden_size, shape.layer_norm_eps, shape.ffn_output_dropout,
                   dropout_site(layer, DropoutPlace::kFfnOutput)) {}

void PostNormBlock::forward(Ctx& ctx, const Tensor& x_MC, const Tensor& y_MC, Stash* stash) {
  const Arena::Mark mark = ctx.arena.mark();
  const int64_t M = x_MC.rows, C = x_MC.cols;
  const Tensor a_MC = ctx.tensor(M, C), h_MC = ctx.tensor(M, C);
  // Without a stash the second half's sum may lie over the first half's.
  const Tensor f_MC = stash ? ctx.tensor(M, C) : a_MC;
  attention_.forward(ctx, x_MC, a_MC, stash ? &stash->attention : nullptr);
  attention_norm_.forward(ctx, a_MC, x_MC, h_MC, stash ? &stash->attention_norm : nullptr);
  ffn_.forward(ctx, h_MC, f_MC, stash ? &stash->ffn : nullptr);
  output_norm_.forward(ctx, f_MC, h_MC, y_MC, stash ? &stash->output_norm : nullptr);
  if (stash) {
    stash->x_MC = x_MC;
    stash->h_MC = h_MC;
  } else {
    ctx.arena.release(mark);
  }
}

void PostNormBlock::backward(Ctx& ctx, const Tensor& d_MC, const Stash& stash) {
  const Arena::Scope scratch(ctx.arena);
  const Tensor dh_MC = ctx.tensor(d_MC.rows, d_MC.cols);
  {
    const Arena::Scope half(ctx.arena);
    const Tensor df_MC =
        output_norm_.backward(ctx, d_MC, stash.output_norm);        // y = LN(h + f): d is now the gradient of h + f
    ffn_.backward(ctx, df_MC, stash.h_MC, d_MC, dh_MC, stash.ffn);  // h reaches it by both branches
  }
  const Tensor da_MC = attention_norm_.backward(ctx, dh_MC, stash.attention_norm);  // h = LN(x + a): dh is that of x + a
  attention_.backward(ctx, da_MC, stash.x_MC, dh_MC, d_MC, stash.attention);
}

}  // namespace tilefit
