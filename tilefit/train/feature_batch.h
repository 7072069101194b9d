// Features to token batches: the rows of a training leaf or of an evaluation batch, laid out as --padding says.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tilefit/models/batch.h"
#include "tilefit/tasks/qa_features.h"
#include "tilefit/train/train_flags.h"

namespace tilefit {

/// How batches of features are laid out.
struct BatchLayout {
  PaddingMode padding = PaddingMode::kPacked;
  int64_t max_seq_length = 384;  ///< kMaxLength: rows of every sequence
  int32_t pad_id = 0;
};

/// Makes batches from a list of features that outlives it. Reuses its memory: no allocation once batches stop growing.
class FeatureBatch {
 public:
  FeatureBatch(std::span<const QaFeature> features, const BatchLayout& layout) : features_(features), layout_(layout) {}

  /// Sets tokens, starts and ends to features[indices[k]]. keys: dropout key of each, or empty (evaluation).
  void set(std::span<const int64_t> indices, std::span<const uint64_t> keys = {});

  TokenBatch tokens;
  std::vector<int32_t> starts, ends;  ///< labels; positions in the sequence
  int64_t num_real_tokens = 0;

 private:
  std::span<const QaFeature> features_;
  BatchLayout layout_;
  std::vector<TokenSequence> sequences_;
};

}  // namespace tilefit
