// Post-norm transformer block (Vaswani et al. 2017): h = LN(x + attention(x)); y = LN(h + ffn(h)). BERT, DistilBERT, RoBERTa, ...
// Which names and dropouts it has is given; what it computes is not.
#pragma once
#include "tilefit/nn/attention.h"
#include "tilefit/nn/ffn.h"
#include "tilefit/nn/layer_norm.h"

namespace tilefit {

struct BlockNames {
  AttentionNames attention;
  const char* attention_norm;
  const char* ffn_in;
  const char* ffn_out;
  const char* output_norm;
};

struct BlockShape {
  int64_t hidden_size = 0, num_heads = 0, ffn_size = 0;
  double layer_norm_eps = 1e-12;
  double attention_dropout = 0;         ///< of the attention probabilities
  double attention_output_dropout = 0;  ///< before the first residual sum
  double ffn_output_dropout = 0;        ///< before the second
};

class PostNormBlock {
 public:
  struct Stash {
    Tensor x_MC, h_MC;
    Attention::Stash attention;
    LayerNorm::Stash attention_norm, output_norm;
    Ffn::Stash ffn;
  };

  /// layer: index of the block, for its dropout sites.
  PostNormBlock(const ParamScope& scope, const BlockNames& names, const BlockShape& shape, int64_t layer);

  /// Sets y_MC. What the stash holds stays in the arena; all else is released.
  void forward(Ctx& ctx, const Tensor& x_MC, const Tensor& y_MC, Stash* stash);

  /// d_MC: gradient of y; becomes that of x. Adds to the parameters' gradients.
  void backward(Ctx& ctx, const Tensor& d_MC, const Stash& stash);

 private:
  Attention attention_;
  LayerNorm attention_norm_;
  Ffn ffn_;
  LayerNorm output_norm_;
};

}  // namespace tilefit
