// Tiny models and batches that the tests of this folder share. Not part of the library.
#pragma once
#include <string>
#include <vector>

#include "tilefit/base/json.h"
#include "tilefit/models/model.h"

namespace tilefit::test {

/// A configuration of odd sizes for every registered architecture; fails for one that has none.
inline ModelConfig tiny_config(const std::string& model_type) {
  Json config = {{"model_type", model_type}, {"vocab_size", 37}, {"max_position_embeddings", 13}, {"pad_token_id", 0}};
  if (model_type == "bert") {
    config.update({{"hidden_size", 18}, {"num_hidden_layers", 2}, {"num_attention_heads", 3}, {"intermediate_size", 29}});
  } else if (model_type == "distilbert") {
    config.update({{"dim", 18}, {"n_layers", 2}, {"n_heads", 3}, {"hidden_dim", 29}});
  } else {
    TF_CHECK(false, "architecture '{}' has no tiny configuration: add one, so that its gradients are checked", model_type);
  }
  return ModelConfig(config, "tiny/config.json");
}

/// Three sequences of 5, 1 and 9 tokens, packed, or padded to `length`.
struct TinyBatch {
  std::vector<std::vector<int32_t>> ids, type_ids;
  std::vector<int32_t> starts = {2, 0, 20}, ends = {4, 0, 3};
  TokenBatch batch;

  explicit TinyBatch(int64_t length = 0) {
    std::vector<TokenSequence> sequences;
    for (const int32_t n : {5, 1, 9}) {
      std::vector<int32_t>& row = ids.emplace_back();
      std::vector<int32_t>& types = type_ids.emplace_back();
      for (int32_t t = 0; t < n; ++t) {
        row.push_back(1 + (t * 7 + n) % 36);
        types.push_back(t > 2);
      }
    }
    for (size_t b = 0; b < ids.size(); ++b) sequences.push_back({ids[b], type_ids[b], 1000 + b});
    make_batch(sequences, length > 0 ? Padding::padded_to(length, 0) : Padding::packed(), batch);
  }
};

}  // namespace tilefit::test
