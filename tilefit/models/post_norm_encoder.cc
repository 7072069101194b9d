#include "tilefit/models/post_norm_encoder.h"

#include <fmt/format.h>

#include "tilefit/base/error.h"

namespace tilefit {
namespace {

EmbeddingIds ids_of(const TokenBatch& batch) { return {batch.id_M, batch.type_id_M, batch.position_M()}; }

EncoderInfo info_of(const PostNormSpec& spec) {
  EncoderInfo info;
  info.hidden_size = spec.block.hidden_size;
  info.num_layers = spec.num_layers;
  info.vocab_size = spec.embedding.vocab_size;
  info.max_positions = spec.embedding.max_positions;
  info.type_vocab_size = spec.embedding.type_vocab_size;
  info.pad_token_id = spec.embedding.pad_token_id;
  info.initializer_range = spec.initializer_range;
  info.qa_dropout = spec.qa_dropout;
  return info;
}

}  // namespace

PostNormEncoder::PostNormEncoder(const ParamScope& scope, const PostNormSpec& spec)
    : info_(info_of(spec)),
      embedding_(scope / "embeddings", spec.embedding),
      num_embedding_params_(scope.store().params().size()),
      stack_(scope / spec.blocks_scope, spec.names, spec.block, spec.num_layers),
      store_(scope.store()) {}

Tensor PostNormEncoder::forward(Ctx& ctx, const TokenBatch& batch, bool keep) {
  const Tensor x_MC = ctx.tensor(batch.num_rows(), info_.hidden_size);
  embedding_.forward(ctx, ids_of(batch), x_MC, keep ? &stash_.embedding : nullptr);
  if (ctx.on_hidden_state) ctx.on_hidden_state(0, x_MC);
  return stack_.forward(ctx, x_MC, keep ? &stash_.stack : nullptr);
}

void PostNormEncoder::backward(Ctx& ctx, const TokenBatch& batch, const Tensor& d_MC) {
  stack_.backward(ctx, d_MC, stash_.stack);
  embedding_.backward(ctx, ids_of(batch), d_MC, stash_.embedding);
  if (ctx.grads_ready) {
    const std::pair<int64_t, int64_t> range = store_.flat_range(0, num_embedding_params_);
    ctx.grads_ready(range.first, range.second);
  }
}

double dropout_probability(const ModelConfig& config, const char* key, double fallback, std::optional<double> override) {
  const double p = override ? *override : config.double_or(key, fallback);
  if (p >= 0 && p < 1) return p;
  if (override) throw Error(Code::kUsage, fmt::format("dropout {} is not in [0, 1)", p), "models");
  throw Error(Code::kFailed, fmt::format("{} {} is not in [0, 1)", key, p), config.where());
}

void check_heads(const PostNormSpec& spec, const char* hidden_key, const char* heads_key, const std::string& where) {
  const BlockShape& block = spec.block;
  if (block.hidden_size % block.num_heads == 0) return;
  throw Error(Code::kFailed,
              fmt::format("{} {} is not a multiple of {} {}", hidden_key, block.hidden_size, heads_key, block.num_heads),
              where);
}

int64_t pad_token_id(const ModelConfig& config, int64_t vocab_size) {
  const auto key = config.raw().find("pad_token_id");
  if (key != config.raw().end() && key->is_null()) return -1;
  return config.int_or("pad_token_id", 0, 0, vocab_size - 1);
}

}  // namespace tilefit
