#include "tilefit/nn/ffn.h"

#include <fmt/format.h>

#include "tilefit/base/error.h"

namespace tilefit {

Ffn::Ffn(const ParamScope& in, const ParamScope& out, int64_t C, int64_t F)
    : in_(in, C, F, "ffn_in"), out_(out, F, C, "ffn_out") {}

void Ffn::forward(Ctx& ctx, const Tensor& x_MC, const Tensor& y_MC, Stash* stash) {
  const Arena::Mark mark = ctx.arena.mark();
  const int64_t M = x_MC.rows, F = in_.out_size();
  const Tensor u_MF = ctx.tensor(M, F);
  const Arena::Mark after_u = ctx.arena.mark();
  const Tensor g_MF = ctx.tensor(M, F);
  in_.forward(ctx, x_MC, u_MF, g_MF);
  out_.forward(ctx, g_MF, y_MC);
  if (stash) stash->u_MF = u_MF;
  ctx.arena.release(stash ? after_u : mark);
}

void Ffn::backward(Ctx& ctx, const Tensor& dy_MC, const Tensor& x_MC, const Tensor& residual_MC, const Tensor& dx_MC,
                   const Stash& stash) {
  const Arena::Scope scratch(ctx.arena);
  const Tensor g_MF = ctx.tensor(x_MC.rows, in_.out_size());
  ops::gelu(ctx, stash.u_MF, g_MF);
  const Tensor du_MF = g_MF;  // g is needed for the gradient of W2 alone, which comes before du is written
  ops::Epilogue through_gelu, add_residual;
  through_gelu.gelu_input_MN = stash.u_MF;  // g = gelu(u): du = dg * gelu'(u)
  out_.backward(ctx, dy_MC, g_MF, du_MF, through_gelu);
  add_residual.add_MN = residual_MC;
  in_.backward(ctx, du_MF, x_MC, dx_MC, add_residual);
}

void check_activation(std::string_view name, std::string_view key, const std::string& where) {
  if (name == "gelu") return;
  throw Error(Code::kFailed, fmt::format("{} '{}' is not supported (supported: gelu)", key, name), where,
              "a model whose feed-forward layers use the exact GELU");
}

}  // namespace tilefit
