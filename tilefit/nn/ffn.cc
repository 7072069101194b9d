#include "tilefit/nn/ffn.h"

#include <fmt/format.h>

#include "tilefit/base/error.h"

namespace tilefit {

Ffn::Ffn(const ParamScope& in, const ParamScope& out, int64_t C, int64_t F)
    : in_(in, C, F, "ffn_in"), out_(out, F, C, "ffn_out") {}

void Ffn::forward(Ctx& ctx, const Tensor& x_MC, const Tensor& y_MC, Stash* stash) {
  const Arena::Mark mark = ctx.arena.mark();
  const int64_t M = x_MC.rows, F = in_.out_size();
  const Stash t = {ctx.tensor(M, F), ctx.tensor(M, F)};
  in_.forward(ctx, x_MC, t.u_MF, t.g_MF);
  out_.forward(ctx, t.g_MF, y_MC);
  if (stash) *stash = t;
  else ctx.arena.release(mark);
}

void Ffn::backward(Ctx& ctx, const Tensor& dy_MC, const Tensor& x_MC, const Tensor& residual_MC, const Tensor& dx_MC,
                   const Stash& stash) {
  const Tensor du_MF = stash.g_MF;  // g is needed for the gradient of W2 alone, which comes before du is written
  ops::Epilogue through_gelu, add_residual;
  through_gelu.gelu_input_MN = stash.u_MF;  // g = gelu(u): du = dg * gelu'(u)
  out_.backward(ctx, dy_MC, stash.g_MF, du_MF, through_gelu);
  add_residual.add_MN = residual_MC;
  in_.backward(ctx, du_MF, x_MC, dx_MC, add_residual);
}

void check_activation(std::string_view name, std::string_view key, const std::string& where) {
  if (name == "gelu") return;
  throw Error(Code::kFailed, fmt::format("{} '{}' is not supported (supported: gelu)", key, name), where,
              "a model whose feed-forward layers use the exact GELU");
}

}  // namespace tilefit
