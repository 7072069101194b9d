// Multi-head self-attention (Vaswani et al. 2017, arXiv:1706.03762): one product for query, key and value, the attention kernel on its
// strided result, the output projection. No head is transposed and no [T, T] matrix is kept.
#pragma once
#include "tilefit/nn/linear.h"

namespace tilefit {

struct AttentionNames {
  const char *query, *key, *value, *output;  ///< relative to the layer's scope
};

class Attention {
 public:
  struct Stash {
    Tensor qkv_M3C, context_MC, logsum_MH;
  };

  /// dropout_p, site: dropout of the attention probabilities. C must be a multiple of num_heads.
  Attention(const ParamScope& scope, const AttentionNames& names, int64_t C, int64_t num_heads, double dropout_p,
            uint64_t site);

  /// Sets y_MC.
  void forward(Ctx& ctx, const Tensor& x_MC, const Tensor& y_MC, Stash* stash);

  /// Sets dx_MC = residual_MC + the gradient of x; adds to the parameters' gradients. residual_MC: what reaches x past this layer, may
  /// be dy_MC itself. dx_MC must not overlap the others.
  void backward(Ctx& ctx, const Tensor& dy_MC, const Tensor& x_MC, const Tensor& residual_MC, const Tensor& dx_MC,
                const Stash& stash);

 private:
  ops::AttentionOptions options(const Ctx& ctx) const;

  Linear qkv_, output_;
  int64_t num_heads_;
  double dropout_p_;
  uint64_t site_;
};

}  // namespace tilefit
