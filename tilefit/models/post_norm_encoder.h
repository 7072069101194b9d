// The encoder that BERT, DistilBERT and their like share: embeddings, then post-norm blocks. An architecture is a PostNormSpec: sizes,
// probabilities and names read from its configuration, nothing computed.
#pragma once
#include "tilefit/models/encoder.h"
#include "tilefit/nn/embedding.h"
#include "tilefit/nn/stack.h"

namespace tilefit {

struct PostNormSpec {
  EmbeddingShape embedding;
  BlockShape block;
  int64_t num_layers = 0;
  double initializer_range = 0.02;
  double qa_dropout = 0;     ///< BERT has none
  const char* blocks_scope;  ///< relative to the encoder's scope: "encoder.layer"
  BlockNames names;
};

class PostNormEncoder final : public Encoder {
 public:
  PostNormEncoder(const ParamScope& scope, const PostNormSpec& spec);

  const EncoderInfo& info() const noexcept override { return info_; }
  Tensor forward(Ctx& ctx, const TokenBatch& batch, bool keep) override;
  void backward(Ctx& ctx, const TokenBatch& batch, const Tensor& d_MC) override;

 private:
  struct Stash {
    Embedding::Stash embedding;
    Stack::Stash stack;
  };

  EncoderInfo info_;
  Embedding embedding_;
  size_t num_embedding_params_;
  Stack stack_;
  ParamStore& store_;
  Stash stash_;
};

/// A dropout probability: `override` when given, else the configuration's key, else Hugging Face's default. Throws Error when it lies
/// outside [0, 1).
double dropout_probability(const ModelConfig& config, const char* key, double fallback, std::optional<double> override);

/// Throws Error(kFailed) when the heads do not divide the hidden size. Keys: their names in the configuration, for the message.
void check_heads(const PostNormSpec& spec, const char* hidden_key, const char* heads_key, const std::string& where);

/// "pad_token_id": 0 when the key is missing (the default of every architecture here), -1 when it is null. Checked against the vocabulary.
int64_t pad_token_id(const ModelConfig& config, int64_t vocab_size);

}  // namespace tilefit
