// WordPiece: greedy longest-match-first subwords (Wu et al. 2016, arXiv:1609.08144; greedy form of BERT, Devlin et al. 2018,
// arXiv:1810.04805). A word that cannot be covered, or is too long, becomes the unknown token as a whole.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tilefit/text/char_trie.h"
#include "tilefit/text/model.h"

namespace tilefit {

struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  int64_t max_input_chars_per_word = 100;
};

class WordPiece final : public TokenModel {
 public:
  /// Throws Error(kFailed) when the unknown token is not in the vocabulary.
  WordPiece(Vocabulary vocabulary, const WordPieceOptions& options, std::string_view where);

  void tokenize(std::u32string_view word, std::vector<Piece>& pieces) const override;

 private:
  CharTrie first_, continued_;  // tokens that may start a word; tokens that go on, keyed without the prefix
  int32_t unk_id_ = 0;
  size_t max_chars_;
};

}  // namespace tilefit
