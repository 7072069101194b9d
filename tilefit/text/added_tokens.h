// Added tokens ("[MASK]", "<special>"): strings found in the text before the model sees it, in the raw text or, when they are
// "normalized", in the normalised text. Behaviour: huggingface/tokenizers tokenizer/added_vocabulary.rs (0.23).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tilefit/text/char_trie.h"
#include "tilefit/text/normalizer.h"
#include "tilefit/text/vocabulary.h"

namespace tilefit {

struct AddedToken {
  std::string content;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the white space before it in
  bool rstrip = false;       // takes the white space after it in
  bool normalized = true;    // looked for in the normalised text, itself normalised
  bool special = false;      // left out by decode(skip_special)
};

/// Immutable after the last add() and build(); look-ups are thread-safe.
class AddedTokens {
 public:
  /// Adds a token under its vocabulary id, else under the next free id; adding a content again replaces its options.
  /// Empty contents are ignored. Returns the id, or nullopt for the empty content.
  std::optional<int32_t> add(const AddedToken& token, const Vocabulary& vocabulary);

  /// Makes the search tables; call once after the last add(). normalizer may be null.
  void build(const Normalizer* normalizer);

  /// A stretch [begin, end) of a text: an added token, or plain text (id -1).
  struct Span {
    int32_t id;
    size_t begin, end;
  };
  /// Cuts text[begin, end) into spans, none empty, in order; leftmost-longest matches. normalized: which kind to look for.
  void split(std::u32string_view text, bool normalized, std::vector<Span>& spans) const;

  bool has_any(bool normalized) const noexcept { return !(normalized ? normalized_ : raw_).empty(); }

  /// How a token shows in id_to_token and decode: normalised when it is searched for in normalised text; null: unknown id.
  const std::string* shown(int32_t id) const;
  std::optional<int32_t> id(std::string_view content) const;
  bool is_special(std::string_view content) const;
  /// Largest id + 1 of tokens that are not in the vocabulary; 0 when there are none.
  int32_t end_id() const noexcept { return end_id_; }

 private:
  struct Entry {
    int32_t id;
    AddedToken token;
    std::string shown;  // set by build()
  };
  std::vector<Entry> tokens_;                           // in the order of adding
  std::unordered_map<std::string, size_t> by_content_;  // into tokens_
  std::unordered_map<int32_t, size_t> by_id_;
  CharTrie raw_, normalized_;  // contents to indices into tokens_
  int32_t end_id_ = 0;
};

}  // namespace tilefit
