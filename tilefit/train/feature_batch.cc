#include "tilefit/train/feature_batch.h"

#include <algorithm>

#include "tilefit/base/check.h"

namespace tilefit {

void FeatureBatch::set(std::span<const int64_t> indices, std::span<const uint64_t> keys) {
  TF_CHECK(keys.empty() || keys.size() == indices.size(), "{} keys for {} features", keys.size(), indices.size());
  sequences_.clear();
  starts.clear();
  ends.clear();
  num_real_tokens = 0;
  int64_t longest = 0;
  for (size_t k = 0; k < indices.size(); ++k) {
    const QaFeature& feature = features_[static_cast<size_t>(indices[k])];
    sequences_.push_back({feature.ids, feature.type_ids, keys.empty() ? 0 : keys[k]});
    starts.push_back(feature.start_position);
    ends.push_back(feature.end_position);
    num_real_tokens += feature.size();
    longest = std::max(longest, feature.size());
  }
  Padding padding = Padding::packed();
  if (layout_.padding == PaddingMode::kLongest) padding = Padding::padded_to(longest, layout_.pad_id);
  if (layout_.padding == PaddingMode::kMaxLength) padding = Padding::padded_to(layout_.max_seq_length, layout_.pad_id);
  make_batch(sequences_, padding, tokens);
}

}  // namespace tilefit
