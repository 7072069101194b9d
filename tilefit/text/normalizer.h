// Normalizers: rewrite a text before it is cut into words and keep, for every new character, the source character it came from.
// The classes mirror the "normalizer" entry of tokenizer.json; normalizer kinds that change text in other ways (NFKC,
// Precompiled, Replace ...) join here as further classes.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tilefit/base/json_fwd.h"

namespace tilefit {

/// A text under normalisation. source[i] is the index (in code points of the original text) of the character that chars[i]
/// came from; every normalised character stems from exactly one, so a span [i, j) covers [source[i], source[j - 1] + 1).
struct NormalizedText {
  std::u32string chars;
  std::vector<int32_t> source;

  size_t size() const noexcept { return chars.size(); }
  void clear() noexcept {
    chars.clear();
    source.clear();
  }
  void push(char32_t c, int32_t from) {
    chars.push_back(c);
    source.push_back(from);
  }
};

/// What a normalizer reads: characters with their sources, or raw text, whose sources count up from first_source.
struct NormalizerInput {
  std::u32string_view chars;
  const int32_t* source = nullptr;
  int32_t first_source = 0;

  int32_t source_of(size_t i) const noexcept { return source ? source[i] : first_source + static_cast<int32_t>(i); }
};

/// Immutable; safe to share by threads.
class Normalizer {
 public:
  virtual ~Normalizer() = default;

  /// Replaces `out` by the normalised form of raw text that starts at code point first_source of the original.
  void run(std::u32string_view in, int32_t first_source, NormalizedText& out) const {
    out.clear();
    apply({in, nullptr, first_source}, out);
  }

  /// Appends to `out` (empty on entry) the normalised form of `in`.
  virtual void apply(const NormalizerInput& in, NormalizedText& out) const = 0;
};

/// BERT's clean-up: control characters out, every white space a blank, blanks around CJK ideographs, accents stripped
/// (canonical decomposition, then without nonspacing marks), lower case; each step by its option.
/// Source of the behaviour: huggingface/tokenizers normalizers/bert.rs (0.23).
struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};
std::unique_ptr<Normalizer> make_bert_normalizer(const BertNormalizerOptions& options);

/// Builds the normalizer of a tokenizer.json; null (no normalisation) gives nullptr. Knows BertNormalizer, Lowercase, NFD and
/// Sequence. where: file name for messages. Throws Error naming the type it does not know, and the known ones.
std::unique_ptr<Normalizer> make_normalizer(const Json& config, std::string_view where);

}  // namespace tilefit
