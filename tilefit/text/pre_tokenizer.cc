#include "tilefit/text/pre_tokenizer.h"

#include <string>
#include <utility>

#include "tilefit/base/json.h"
#include "tilefit/text/json_fields.h"
#include "tilefit/text/unicode.h"

namespace tilefit {
namespace {

/// What a character does to the word being read.
enum class Role { kJoin, kSeparate, kAlone };

/// Cuts by a role per character; the text between separators and lone characters makes one word each.
template <class RoleOf>
void split_by_role(std::u32string_view text, size_t begin, size_t end, std::vector<WordSpan>& words, RoleOf role_of) {
  size_t start = begin;
  for (size_t i = begin; i < end; ++i) {
    const Role role = role_of(text[i]);
    if (role == Role::kJoin) continue;
    if (start < i) words.push_back({start, i});
    if (role == Role::kAlone) words.push_back({i, i + 1});
    start = i + 1;
  }
  if (start < end) words.push_back({start, end});
}

class BertPreTokenizer final : public PreTokenizer {
 public:
  void split(std::u32string_view text, size_t begin, size_t end, std::vector<WordSpan>& words) const override {
    const uint8_t* const table = internal::char_flag_table();
    split_by_role(text, begin, end, words, [table](char32_t c) {
      const uint8_t flags = c < internal::kNumCodePoints ? table[c] : uint8_t{0};
      if (flags & kCharSpace) return Role::kSeparate;
      return flags & kCharPunctuation ? Role::kAlone : Role::kJoin;
    });
  }
};

class WhitespaceSplit final : public PreTokenizer {
 public:
  void split(std::u32string_view text, size_t begin, size_t end, std::vector<WordSpan>& words) const override {
    split_by_role(text, begin, end, words, [](char32_t c) { return is_white_space(c) ? Role::kSeparate : Role::kJoin; });
  }
};

/// The regular expression \w+|[^\w\s]+.
class Whitespace final : public PreTokenizer {
 public:
  void split(std::u32string_view text, size_t begin, size_t end, std::vector<WordSpan>& words) const override {
    size_t start = begin;
    uint8_t kind = kCharSpace;  // of the word being read
    for (size_t i = begin; i <= end; ++i) {
      const uint8_t flags = i < end ? char_flags(text[i]) : uint8_t{kCharSpace};
      const uint8_t now = flags & kCharSpace ? kCharSpace : flags & kCharWord;
      if (now == kind && i < end) continue;
      if (kind != kCharSpace && start < i) words.push_back({start, i});
      start = i;
      kind = now;
    }
  }
};

class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> parts) : parts_(std::move(parts)) {}

  void split(std::u32string_view text, size_t begin, size_t end, std::vector<WordSpan>& words) const override {
    std::vector<WordSpan> now, next;
    if (begin < end) now.push_back({begin, end});
    for (const auto& part : parts_) {
      next.clear();
      for (const WordSpan& span : now) part->split(text, span.begin, span.end, next);
      std::swap(now, next);
    }
    words.insert(words.end(), now.begin(), now.end());
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_bert_pre_tokenizer() { return std::make_unique<BertPreTokenizer>(); }

std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& config, std::string_view where) {
  if (config.is_null()) return nullptr;
  const std::string type = string_field(config, "type", where);
  if (type == "BertPreTokenizer") return make_bert_pre_tokenizer();
  if (type == "WhitespaceSplit") return std::make_unique<WhitespaceSplit>();
  if (type == "Whitespace") return std::make_unique<Whitespace>();
  if (type == "Sequence") {
    std::vector<std::unique_ptr<PreTokenizer>> parts;
    for (const Json& part : array_field(config, "pretokenizers", where)) {
      if (auto made = make_pre_tokenizer(part, where)) parts.push_back(std::move(made));
    }
    return std::make_unique<PreTokenizerSequence>(std::move(parts));
  }
  throw unsupported_component("pre_tokenizer", type, "BertPreTokenizer, Whitespace, WhitespaceSplit, Sequence", where);
}

}  // namespace tilefit
