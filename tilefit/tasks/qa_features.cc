#include "tilefit/tasks/qa_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tilefit/base/error.h"
#include "tilefit/base/log.h"
#include "tilefit/tasks/python_text.h"
#include "tilefit/text/utf8.h"

namespace tilefit {
namespace {

constexpr int8_t kContext = 1;  // sequence id of the second text
constexpr int64_t kExamplesPerTask = 16;

/// Index of [CLS] in a window, 0 where there is none.
int32_t find_cls(const Encoding& window, const Tokenizer& tokenizer) {
  const std::optional<int32_t> cls = tokenizer.special_ids().cls;
  const auto it = cls ? std::find(window.ids.begin(), window.ids.end(), *cls) : window.ids.end();
  return it == window.ids.end() ? 0 : static_cast<int32_t>(it - window.ids.begin());
}

/// Token positions of an example's first answer in a window. last_position: of the row, padding included.
std::pair<int32_t, int32_t> label(const Encoding& window, const QaExample& example, int32_t cls, int32_t last_position) {
  const std::pair<int32_t, int32_t> none{cls, cls};
  if (example.is_impossible()) return none;
  const int64_t start_char = example.answer_starts[0];
  const int64_t end_char = start_char + count_code_points(example.answer_texts[0]);

  const auto& sequence = window.sequence_ids;
  const auto first = std::find(sequence.begin(), sequence.end(), kContext);
  if (first == sequence.end()) return none;
  auto start = static_cast<int32_t>(first - sequence.begin());
  auto end = static_cast<int32_t>(sequence.rend() - std::find(sequence.rbegin(), sequence.rend(), kContext)) - 1;
  const auto begin_of = [&](int32_t token) { return int64_t{window.offset_begin[static_cast<size_t>(token)]}; };
  const auto end_of = [&](int32_t token) { return int64_t{window.offset_end[static_cast<size_t>(token)]}; };
  if (begin_of(start) > start_char || end_of(end) < end_char) return none;

  const auto size = static_cast<int32_t>(window.size());
  while (start < size && begin_of(start) <= start_char) ++start;
  if (start == size) start = last_position + 1;  // padding has offset 0 and is walked over like the closing token
  while (end >= 0 && end_of(end) >= end_char) --end;
  return end < 0 ? none : std::pair{start - 1, end + 1};
}

QaFeature make_feature(Encoding&& window, const QaExample& example, int64_t index, const Tokenizer& tokenizer,
                       const QaFeatureOptions& options) {
  QaFeature feature;
  feature.example = index;
  if (options.with_labels) {
    const int64_t row = options.pad_to_max_length ? std::max<int64_t>(options.max_seq_length, window.size()) : window.size();
    const auto positions = label(window, example, find_cls(window, tokenizer), static_cast<int32_t>(row) - 1);
    feature.start_position = positions.first;
    feature.end_position = positions.second;
  }
  if (options.with_offsets) {
    for (size_t i = 0; i < window.sequence_ids.size(); ++i)
      if (window.sequence_ids[i] != kContext) window.offset_begin[i] = window.offset_end[i] = -1;
    feature.offset_begin = std::move(window.offset_begin);
    feature.offset_end = std::move(window.offset_end);
  }
  feature.ids = std::move(window.ids);
  feature.type_ids = std::move(window.type_ids);
  return feature;
}

std::vector<QaFeature> features_of(const QaExample& example, int64_t index, const Tokenizer& tokenizer,
                                   const QaFeatureOptions& options) {
  const Truncation truncation{options.max_seq_length, options.doc_stride, TruncationStrategy::kOnlySecond};
  std::vector<Encoding> windows;
  try {
    windows = tokenizer.encode_windows(python_lstrip(example.question), example.context, truncation);
  } catch (const Error& e) {
    throw Error(e.code(), fmt::format("question '{}' (example {}): {}", example.id, index + 1, e.what()),
                "tasks/qa_features", "a larger --max_seq_length or a smaller --doc_stride");
  }
  std::vector<QaFeature> features;
  features.reserve(windows.size());
  for (Encoding& window : windows) features.push_back(make_feature(std::move(window), example, index, tokenizer, options));
  return features;
}

}  // namespace

int clip_max_seq_length(int max_seq_length, const Tokenizer& tokenizer) {
  const std::optional<int64_t> limit = tokenizer.model_max_length();
  if (!limit || max_seq_length <= *limit) return max_seq_length;
  log_warning(
      "run_qa",
      "The max_seq_length passed ({}) is larger than the maximum length for the model ({}). Using max_seq_length={}.",
      max_seq_length, *limit, *limit);
  return static_cast<int>(*limit);
}

std::vector<QaFeature> build_qa_features(std::span<const QaExample> examples, const Tokenizer& tokenizer,
                                         const QaFeatureOptions& options, ThreadPool& pool) {
  const auto num_examples = static_cast<int64_t>(examples.size());
  std::vector<std::vector<QaFeature>> by_example(examples.size());
  pool.parallel_for((num_examples + kExamplesPerTask - 1) / kExamplesPerTask, [&](int64_t task, int) {
    const int64_t end = std::min(num_examples, (task + 1) * kExamplesPerTask);
    for (int64_t i = task * kExamplesPerTask; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      by_example[at] = features_of(examples[at], i, tokenizer, options);
    }
  });
  size_t total = 0;
  for (const auto& features : by_example) total += features.size();
  if (options.max_features) total = std::min(total, static_cast<size_t>(std::max<int64_t>(*options.max_features, 0)));
  std::vector<QaFeature> all;
  all.reserve(total);
  for (auto& features : by_example)
    for (QaFeature& feature : features)
      if (all.size() < total) all.push_back(std::move(feature));
  return all;
}

}  // namespace tilefit
