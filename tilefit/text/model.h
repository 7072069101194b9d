// The model step of a tokenizer: one word to tokens. WordPiece now; byte-level BPE and Unigram implement the same interface.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tilefit/text/vocabulary.h"

namespace tilefit {

/// A token inside a word: characters [begin, end) of it.
struct Piece {
  int32_t id;
  size_t begin, end;
};

/// Immutable; safe to share by threads.
class TokenModel {
 public:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  virtual ~TokenModel() = default;

  /// Appends the tokens of a word (not empty, normalised) to `pieces`.
  virtual void tokenize(std::u32string_view word, std::vector<Piece>& pieces) const = 0;

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
};

}  // namespace tilefit
