#include "tilefit/models/bert.h"

#include <fmt/format.h>

#include "tilefit/base/error.h"
#include "tilefit/models/limits.h"
#include "tilefit/models/post_norm_encoder.h"

namespace tilefit {
namespace {

constexpr BlockNames kNames = {
    {"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"},
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm"};

void check_supported(const ModelConfig& config) {
  check_activation(config.string_or("hidden_act", "gelu"), "hidden_act", config.where());
  const std::string positions = config.string_or("position_embedding_type", "absolute");
  if (positions != "absolute")
    throw Error(Code::kFailed, fmt::format("position_embedding_type '{}' is not supported (supported: absolute)", positions),
                config.where());
  if (config.bool_or("is_decoder", false))
    throw Error(Code::kFailed, "is_decoder true: only encoders are supported", config.where());
}

}  // namespace

std::unique_ptr<Encoder> make_bert(const ModelConfig& config, const ParamScope& scope, std::optional<double> dropout) {
  check_supported(config);
  PostNormSpec spec;
  EmbeddingShape& embedding = spec.embedding;
  BlockShape& block = spec.block;
  embedding.vocab_size = config.get_int("vocab_size", 1, limits::kMaxVocab);
  embedding.type_vocab_size = config.int_or("type_vocab_size", 2, 1, limits::kMaxVocab);
  embedding.max_positions = config.get_int("max_position_embeddings", 1, limits::kMaxPositions);
  embedding.hidden_size = block.hidden_size = config.get_int("hidden_size", 1, limits::kMaxWidth);
  embedding.pad_token_id = pad_token_id(config, embedding.vocab_size);
  embedding.layer_norm_eps = block.layer_norm_eps = config.double_or("layer_norm_eps", 1e-12, 0, 1);
  block.num_heads = config.get_int("num_attention_heads", 1, limits::kMaxHeads);
  block.ffn_size = config.get_int("intermediate_size", 1, limits::kMaxWidth);
  embedding.dropout = block.attention_output_dropout = block.ffn_output_dropout =
      dropout_probability(config, "hidden_dropout_prob", 0.1, dropout);
  block.attention_dropout = dropout_probability(config, "attention_probs_dropout_prob", 0.1, dropout);
  spec.num_layers = config.get_int("num_hidden_layers", 1, limits::kMaxLayers);
  spec.initializer_range = config.double_or("initializer_range", 0.02, 0);
  spec.blocks_scope = "encoder.layer";
  spec.names = kNames;
  check_heads(spec, "hidden_size", "num_attention_heads", config.where());
  return std::make_unique<PostNormEncoder>(scope, spec);
}

}  // namespace tilefit
