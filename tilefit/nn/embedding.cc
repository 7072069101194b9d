#include "tilefit/nn/embedding.h"

#include <array>

#include "tilefit/nn/dropout_sites.h"

namespace tilefit {
namespace {

Param& table(const ParamScope& scope, const char* name, int64_t V, int64_t C, ParamInit init) {
  return scope.store().add({{(scope / name).name("weight"), {V, C}}}, ParamKind::kEmbedding, init);
}

}  // namespace

Embedding::Embedding(const ParamScope& scope, const EmbeddingShape& shape)
    : word_VC_(table(scope, "word_embeddings", shape.vocab_size, shape.hidden_size, ParamInit::kNormal)),
      position_TC_(table(scope, "position_embeddings", shape.max_positions, shape.hidden_size,
                         shape.sinusoidal_positions ? ParamInit::kSinusoids : ParamInit::kNormal)),
      type_C_(shape.type_vocab_size > 0
                  ? &table(scope, "token_type_embeddings", shape.type_vocab_size, shape.hidden_size, ParamInit::kNormal)
                  : nullptr),
      norm_(scope / "LayerNorm", shape.hidden_size, shape.layer_norm_eps),
      dropout_p_(shape.dropout) {
  word_VC_.zero_row = shape.pad_token_id;
}

size_t Embedding::lookups(const EmbeddingIds& ids, std::array<ops::Lookup, 3>& out) const {
  size_t n = 0;
  out[n++] = {ids.word_M, &word_VC_};
  if (type_C_) out[n++] = {ids.type_M, type_C_};
  out[n++] = {ids.position_M, &position_TC_};
  return n;
}

void Embedding::forward(Ctx& ctx, const EmbeddingIds& ids, const Tensor& x_MC, Stash* stash) {
  const Arena::Mark mark = ctx.arena.mark();
  const Tensor sum_MC = ctx.tensor(x_MC.rows, x_MC.cols);
  std::array<ops::Lookup, 3> all;
  ops::embedding_forward(ctx, std::span(all.data(), lookups(ids, all)), sum_MC);
  norm_.forward(ctx, sum_MC, {}, x_MC, stash);
  const kernels::DropoutRows dropout = ctx.dropout(dropout_p_, dropout_site(-1, DropoutPlace::kEmbedding));
  if (dropout.p > 0) ops::dropout(ctx, x_MC, dropout, x_MC);
  if (!stash) ctx.arena.release(mark);
}

void Embedding::backward(Ctx& ctx, const EmbeddingIds& ids, const Tensor& d_MC, const Stash& stash) {
  const Arena::Scope scratch(ctx.arena);
  const kernels::DropoutRows dropout = ctx.dropout(dropout_p_, dropout_site(-1, DropoutPlace::kEmbedding));
  if (dropout.p > 0) ops::dropout(ctx, d_MC, dropout, d_MC);  // x = dropout(LN(sum))
  norm_.backward(ctx, d_MC, stash);
  std::array<ops::Lookup, 3> all;
  for (const ops::Lookup& lookup : std::span(all.data(), lookups(ids, all)))
    if (lookup.table_VC->trainable) ops::embedding_backward(ctx, lookup, d_MC);
}

}  // namespace tilefit
