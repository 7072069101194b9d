// The feed-forward half of a block: y = W2 gelu(W1 x + b1) + b2, exact (erf) GELU. The activation and its derivative are computed where
// the matrix products store their results. The activation's output is not kept for backward: making it again is cheaper than its memory.
#pragma once
#include "tilefit/nn/linear.h"

namespace tilefit {

class Ffn {
 public:
  struct Stash {
    Tensor u_MF;  ///< before the activation
  };

  Ffn(const ParamScope& in, const ParamScope& out, int64_t C, int64_t F);

  /// Sets y_MC.
  void forward(Ctx& ctx, const Tensor& x_MC, const Tensor& y_MC, Stash* stash);

  /// Sets dx_MC = residual_MC + the gradient of x; adds to the parameters' gradients. residual_MC: what reaches x past this layer, may
  /// be dy_MC itself. dx_MC must not overlap the others.
  void backward(Ctx& ctx, const Tensor& dy_MC, const Tensor& x_MC, const Tensor& residual_MC, const Tensor& dx_MC,
                const Stash& stash);

 private:
  Linear in_, out_;
};

/// Throws Error(kFailed) when a configuration's activation ("hidden_act") is not one that Ffn computes, naming those it does.
/// where: the configuration file; key: its name there.
void check_activation(std::string_view name, std::string_view key, const std::string& where);

}  // namespace tilefit
