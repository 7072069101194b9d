// y = LayerNorm(residual + dropout(a)): the end of every half block, in one pass over the rows. Ba et al. 2016 (arXiv:1607.06450).
#pragma once
#include "tilefit/nn/ops.h"

namespace tilefit {

class LayerNorm {
 public:
  using Stash = ops::LayerNormTensors;

  /// Registers "weight" and "bias" [C]. dropout_p, site: dropout of `a`.
  LayerNorm(const ParamScope& scope, int64_t C, double eps, double dropout_p = 0, uint64_t site = 0);

  /// Sets y_MC. a_MC is overwritten by the sum that backward reads: with a stash it must live until then. residual_MC may be empty.
  void forward(Ctx& ctx, const Tensor& a_MC, const Tensor& residual_MC, const Tensor& y_MC, Stash* stash);

  /// d_MC: gradient of y; becomes that of residual. Returns the gradient of a: d_MC itself when nothing was dropped, else memory taken
  /// from the arena. Adds to the parameters' gradients.
  Tensor backward(Ctx& ctx, const Tensor& d_MC, const Stash& stash);

 private:
  Param& gamma_C_;
  Param& beta_C_;
  double eps_, dropout_p_;
  uint64_t site_;
};

}  // namespace tilefit
