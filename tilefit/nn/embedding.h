// Input embeddings of the BERT family: x = dropout(LayerNorm(word + type + position)); token types are optional.
#pragma once
#include <array>
#include <span>

#include "tilefit/nn/layer_norm.h"

namespace tilefit {

struct EmbeddingShape {
  int64_t vocab_size = 0, type_vocab_size = 0, max_positions = 0;  ///< type_vocab_size 0: no token types
  int64_t hidden_size = 0;
  int64_t pad_token_id =
      -1;  ///< its word row starts as zeros and gets no gradient, as torch.nn.Embedding's padding_idx; -1: none
  double layer_norm_eps = 1e-12;
  double dropout = 0;
  bool sinusoidal_positions = false;  ///< how the position table starts when no file holds it
};

/// Ids of M token rows: words, types (not read without token types), positions.
struct EmbeddingIds {
  std::span<const int32_t> word_M, type_M, position_M;
};

class Embedding {
 public:
  using Stash = LayerNorm::Stash;

  Embedding(const ParamScope& scope, const EmbeddingShape& shape);

  /// Sets x_MC.
  void forward(Ctx& ctx, const EmbeddingIds& ids, const Tensor& x_MC, Stash* stash);

  /// Adds to the parameters' gradients. d_MC: gradient of x; overwritten.
  void backward(Ctx& ctx, const EmbeddingIds& ids, const Tensor& d_MC, const Stash& stash);

 private:
  size_t lookups(const EmbeddingIds& ids, std::array<ops::Lookup, 3>& out) const;

  Param& word_VC_;
  Param& position_TC_;
  Param* type_C_ = nullptr;
  LayerNorm norm_;
  double dropout_p_;
};

}  // namespace tilefit
