#include "tilefit/train/qa_logits.h"

#include <algorithm>
#include <numeric>

namespace tilefit {
namespace {

/// Rows that each feature gets. In a batch of the longest layout all get those of the longest feature.
std::vector<int64_t> rows_of(std::span<const QaFeature> features, const BatchLayout& layout, int64_t batch_size) {
  std::vector<int64_t> rows(features.size());
  for (size_t i = 0; i < features.size(); ++i)
    rows[i] = layout.padding == PaddingMode::kMaxLength ? layout.max_seq_length : features[i].size();
  if (layout.padding != PaddingMode::kLongest) return rows;
  for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(batch_size)) {
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last =
        rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), begin + static_cast<size_t>(batch_size)));
    std::fill(first, last, *std::max_element(first, last));
  }
  return rows;
}

}  // namespace

LogitStore compute_logits(QuestionAnsweringModel& model, std::span<const QaFeature> features, const LogitOptions& options,
                          ThreadPool& pool, const std::function<void(int64_t)>& progress) {
  const int64_t batch_size = options.batch_size;
  LogitStore store;
  const std::vector<int64_t> rows = rows_of(features, options.layout, batch_size);
  const auto total = static_cast<size_t>(std::accumulate(rows.begin(), rows.end(), int64_t{0}));
  store.start_.resize(total);
  store.end_.resize(total);

  Arena arena;
  Ctx ctx{pool, arena, options.dtype};
  FeatureBatch batch(features, options.layout);
  std::vector<int64_t> indices;
  size_t at = 0;
  for (int64_t begin = 0; begin < std::ssize(features); begin += batch_size) {
    indices.resize(static_cast<size_t>(std::min(batch_size, std::ssize(features) - begin)));
    std::iota(indices.begin(), indices.end(), begin);
    batch.set(indices);
    const Arena::Scope scope(arena);
    const Tensor logits_M2 = model.forward(ctx, batch.tokens);
    const float* const logits = logits_M2.as<float>();
    for (const kernels::SequenceSpan& sequence : batch.tokens.layout.sequences) {
      const auto count = static_cast<size_t>(sequence.num_rows);
      for (size_t i = 0; i < count; ++i) {
        const int64_t row = (sequence.row_begin + static_cast<int64_t>(i)) * logits_M2.stride;
        store.start_[at + i] = logits[row];
        store.end_[at + i] = logits[row + 1];
      }
      store.views_.push_back({std::span(store.start_).subspan(at, count), std::span(store.end_).subspan(at, count)});
      at += count;
    }
    if (progress) progress(begin + std::ssize(indices));
  }
  return store;
}

}  // namespace tilefit
