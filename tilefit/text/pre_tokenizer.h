// Pre-tokenizers: cut a normalised text into the words that the model then splits into tokens. The classes mirror the
// "pre_tokenizer" entry of tokenizer.json.
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "tilefit/base/json_fwd.h"

namespace tilefit {

/// Characters [begin, end) of a normalised text; never empty.
struct WordSpan {
  size_t begin, end;
};

/// Immutable; safe to share by threads.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  /// Appends to `words` the words of text[begin, end), in order.
  virtual void split(std::u32string_view text, size_t begin, size_t end, std::vector<WordSpan>& words) const = 0;
};

/// BERT's: white space separates, every punctuation character is a word of its own.
std::unique_ptr<PreTokenizer> make_bert_pre_tokenizer();

/// Builds the pre-tokenizer of a tokenizer.json; null gives nullptr (the whole text is one word). Knows BertPreTokenizer,
/// Whitespace, WhitespaceSplit and Sequence. Throws Error naming the type it does not know, and the known ones.
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& config, std::string_view where);

}  // namespace tilefit
