#include "tilefit/models/distilbert.h"

#include "tilefit/models/limits.h"
#include "tilefit/models/post_norm_encoder.h"

namespace tilefit {
namespace {

constexpr BlockNames kNames = {{"attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"},
                               "sa_layer_norm",
                               "ffn.lin1",
                               "ffn.lin2",
                               "output_layer_norm"};
constexpr double kLayerNormEps = 1e-12;  // fixed in the model, not in its configuration

}  // namespace

std::unique_ptr<Encoder> make_distilbert(const ModelConfig& config, const ParamScope& scope, std::optional<double> dropout) {
  check_activation(config.string_or("activation", "gelu"), "activation", config.where());
  PostNormSpec spec;
  EmbeddingShape& embedding = spec.embedding;
  BlockShape& block = spec.block;
  embedding.vocab_size = config.get_int("vocab_size", 1, limits::kMaxVocab);
  embedding.max_positions = config.get_int("max_position_embeddings", 1, limits::kMaxPositions);
  embedding.hidden_size = block.hidden_size = config.get_int("dim", 1, limits::kMaxWidth);
  embedding.pad_token_id = pad_token_id(config, embedding.vocab_size);
  embedding.layer_norm_eps = block.layer_norm_eps = kLayerNormEps;
  embedding.sinusoidal_positions = config.bool_or("sinusoidal_pos_embds", false);
  block.num_heads = config.get_int("n_heads", 1, limits::kMaxHeads);
  block.ffn_size = config.get_int("hidden_dim", 1, limits::kMaxWidth);
  embedding.dropout = block.ffn_output_dropout = dropout_probability(config, "dropout", 0.1, dropout);
  block.attention_dropout = dropout_probability(config, "attention_dropout", 0.1, dropout);
  spec.qa_dropout = dropout_probability(config, "qa_dropout", 0.1, dropout);
  spec.num_layers = config.get_int("n_layers", 1, limits::kMaxLayers);
  spec.initializer_range = config.double_or("initializer_range", 0.02, 0);
  spec.blocks_scope = "transformer.layer";
  spec.names = kNames;
  check_heads(spec, "dim", "n_heads", config.where());
  return std::make_unique<PostNormEncoder>(scope, spec);
}

}  // namespace tilefit
