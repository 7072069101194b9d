#include "tilefit/text/wordpiece.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tilefit/base/error.h"
#include "tilefit/text/utf8.h"

namespace tilefit {

WordPiece::WordPiece(Vocabulary vocabulary_in, const WordPieceOptions& options, std::string_view where)
    : TokenModel(std::move(vocabulary_in)),
      max_chars_(static_cast<size_t>(std::max<int64_t>(options.max_input_chars_per_word, 0))) {
  const auto unk = vocabulary().id(options.unk_token);
  if (!unk)
    throw Error(Code::kFailed, fmt::format("the unknown token '{}' is not in the vocabulary", options.unk_token),
                std::string(where), "add it to the vocabulary or name the right unk_token");
  unk_id_ = *unk;
  std::u32string key;
  for (int32_t id = 0; id < vocabulary().size(); ++id) {
    const std::string_view token = vocabulary().token(id);
    decode_utf8(token, key);
    first_.insert(key, id);  // a token with the prefix too: text may hold it literally
    if (token.substr(0, options.continuing_subword_prefix.size()) != options.continuing_subword_prefix) continue;
    decode_utf8(token.substr(options.continuing_subword_prefix.size()), key);
    continued_.insert(key, id);
  }
}

void WordPiece::tokenize(std::u32string_view word, std::vector<Piece>& pieces) const {
  const size_t before = pieces.size();
  bool covered = word.size() <= max_chars_;
  for (size_t at = 0; covered && at < word.size();) {
    const CharTrie::Match match = (at == 0 ? first_ : continued_).longest(word.substr(at));
    covered = match.value != CharTrie::kNone;
    pieces.push_back({match.value, at, at + match.length});
    at += match.length;
  }
  if (covered) return;
  pieces.resize(before);
  pieces.push_back({unk_id_, 0, word.size()});
}

}  // namespace tilefit
