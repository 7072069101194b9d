// Shared by tests of question answering: the examples of a reference set, a small word tokenizer, hashes of integers.
#pragma once
#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/golden.h"
#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/data/qa_examples.h"
#include "tilefit/tasks/squad_metrics.h"
#include "tilefit/text/tokenizer.h"
#include "tilefit/text/utf8.h"

namespace tilefit::test {

inline QaExample qa_example(std::string id, std::string question, std::string context, std::vector<std::string> texts = {},
                            std::vector<int64_t> starts = {}) {
  QaExample e;
  e.id = std::move(id), e.question = std::move(question), e.context = std::move(context);
  e.answer_texts = std::move(texts), e.answer_starts = std::move(starts);
  return e;
}

/// The examples that a reference file lists under "example_ids", from its data set; empty when the data set is not here.
inline std::vector<QaExample> golden_examples(const Json& golden) {
  std::vector<QaExample> examples;
  const auto data = squad_file(golden["data"].get<std::string>() + ".json.gz");
  if (!data) return examples;
  ById<QaExample> all;
  for (QaExample& e : read_qa_examples(*data, {QaAnswers::kTextsOnly, {}})) all.set(e.id, e);
  for (const Json& id : golden["example_ids"]) examples.push_back(*all.find(id.get<std::string>()));
  return examples;
}

/// Names of the reference files or folders in `folder` that end in `suffix`, without it, sorted.
inline std::vector<std::string> golden_names(const std::string& folder, const std::string& suffix) {
  std::vector<std::string> names;
  const auto directory = golden(folder);
  if (!directory) return names;
  for (const auto& entry : std::filesystem::directory_iterator(*directory))
    if (const std::string name = entry.path().filename().string(); name.ends_with(suffix))
      names.push_back(name.substr(0, name.size() - suffix.size()));
  std::sort(names.begin(), names.end());
  return names;
}

/// Hash of int32 values as the reference files have it.
inline std::string sha256_ints(const std::vector<int32_t>& values) { return sha256_hex(values.data(), values.size() * 4); }

/// Splits at spaces: [CLS] question [SEP] context [SEP], [CLS] 1, [SEP] 2, words 10 + length. Enough to place windows by hand.
class WordTokenizer final : public Tokenizer {
 public:
  explicit WordTokenizer(std::optional<int64_t> limit = std::nullopt, const std::string& file = "split at spaces")
      : limit_(limit), files_{{"words.txt", file}} {}

  Encoding encode(std::string_view text, std::optional<std::string_view> pair, bool) const override {
    Encoding out;
    push(out, 1, -1, 0, 0, 0);
    words(out, text, 0);
    push(out, 2, -1, 0, 0, 0);
    if (pair) {
      words(out, *pair, 1);
      push(out, 2, -1, 0, 0, 1);
    }
    return out;
  }

  std::vector<Encoding> encode_windows(std::string_view text, std::optional<std::string_view> pair,
                                       const Truncation& t) const override {
    const Encoding whole = encode(text, pair, true);
    const auto first =
        static_cast<int>(std::find(whole.sequence_ids.begin(), whole.sequence_ids.end(), 1) - whole.sequence_ids.begin());
    const int end = static_cast<int>(whole.size()) - 1, room = t.max_length - first - 1;
    if (room <= t.stride && end > first + room) throw Error(Code::kUsage, "no room for the second text");
    std::vector<Encoding> windows;
    for (int begin = first;; begin += room - t.stride) {
      Encoding window;
      const auto copy = [&](int i) {
        const auto k = static_cast<size_t>(i);
        push(window, whole.ids[k], whole.sequence_ids[k], whole.offset_begin[k], whole.offset_end[k], whole.type_ids[k]);
      };
      for (int i = 0; i < first; ++i) copy(i);
      for (int i = begin; i < std::min(end, begin + room); ++i) copy(i);
      copy(end);
      windows.push_back(std::move(window));
      if (begin + room >= end) return windows;
    }
  }

  std::string decode(const std::vector<int32_t>&, bool) const override { return ""; }
  int64_t vocab_size() const override { return 100; }
  std::optional<int32_t> token_to_id(std::string_view) const override { return std::nullopt; }
  std::optional<std::string> id_to_token(int32_t) const override { return std::nullopt; }
  const SpecialIds& special_ids() const override { return special_; }
  std::optional<int64_t> model_max_length() const override { return limit_; }
  const std::vector<std::pair<std::string, std::string>>& files() const override { return files_; }
  void save(const std::string&) const override {}

 private:
  static void push(Encoding& e, int32_t id, int8_t sequence, int32_t begin, int32_t end, int32_t type) {
    e.ids.push_back(id), e.sequence_ids.push_back(sequence), e.type_ids.push_back(type);
    e.offset_begin.push_back(begin), e.offset_end.push_back(end);
    e.special.push_back(sequence < 0), e.attention_mask.push_back(1);
  }

  static void words(Encoding& e, std::string_view text, int8_t sequence) {
    const CodePointIndex index(text);
    for (int64_t at = 0; at < index.size(); ++at) {
      int64_t end = at;
      while (end < index.size() && index.slice(end, end + 1) != " ") ++end;
      if (end > at)
        push(e, static_cast<int32_t>(10 + end - at), sequence, static_cast<int32_t>(at), static_cast<int32_t>(end),
             sequence);
      at = end;
    }
  }

  const std::optional<int64_t> limit_;
  const std::vector<std::pair<std::string, std::string>> files_;
  const SpecialIds special_{1, 2, 0, std::nullopt, std::nullopt};
};

}  // namespace tilefit::test
