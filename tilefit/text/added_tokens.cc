#include "tilefit/text/added_tokens.h"

#include <algorithm>

#include "tilefit/text/unicode.h"
#include "tilefit/text/utf8.h"

namespace tilefit {

std::optional<int32_t> AddedTokens::add(const AddedToken& token, const Vocabulary& vocabulary) {
  if (token.content.empty()) return std::nullopt;
  if (const auto known = by_content_.find(token.content); known != by_content_.end()) {
    const bool was_special = tokens_[known->second].token.special;
    tokens_[known->second].token = token;
    tokens_[known->second].token.special = token.special || was_special;  // once special, always special
    return tokens_[known->second].id;
  }
  auto id = vocabulary.id(token.content);
  if (!id) {
    id = std::max(end_id_, vocabulary.size());
    end_id_ = *id + 1;
  }
  by_content_[token.content] = tokens_.size();
  by_id_[*id] = tokens_.size();
  tokens_.push_back({*id, token, token.content});
  return id;
}

void AddedTokens::build(const Normalizer* normalizer) {
  std::u32string content;
  NormalizedText normal;
  const auto enter = [&](size_t i) {
    Entry& entry = tokens_[i];
    decode_utf8(entry.token.content, content);
    if (entry.token.normalized && normalizer) {
      normalizer->run(content, 0, normal);
      content = normal.chars;
      entry.shown = encode_utf8(content);
    }
    (entry.token.normalized ? normalized_ : raw_).insert(content, static_cast<int32_t>(i));
  };
  // Of tokens that normalise to the same string the first is found, and special ones come first.
  for (const bool special : {true, false}) {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].token.special == special) enter(i);
    }
  }
}

void AddedTokens::split(std::u32string_view text, bool normalized, std::vector<Span>& spans) const {
  const CharTrie& trie = normalized ? normalized_ : raw_;
  size_t done = 0;  // everything before is in spans
  for (size_t at = 0; at < text.size();) {
    const CharTrie::Match match = trie.longest(text.substr(at));
    if (match.value == CharTrie::kNone) {
      ++at;
      continue;
    }
    const Entry& entry = tokens_[static_cast<size_t>(match.value)];
    const AddedToken& token = entry.token;
    size_t begin = at, end = at + match.length;
    at = end;  // the search goes on behind the match, whatever becomes of it
    if (token.single_word) {
      const bool touches_before = begin > 0 && (char_flags(text[begin - 1]) & kCharWord);
      const bool touches_after = end < text.size() && (char_flags(text[end]) & kCharWord);
      if (touches_before || touches_after) continue;
    }
    if (token.lstrip) {
      while (begin > done && is_white_space(text[begin - 1])) --begin;
    }
    if (token.rstrip) {
      while (end < text.size() && is_white_space(text[end])) ++end;
    }
    // A token of white space may lie inside what the rstrip of the one before took; the library then gives both, and so do we.
    if (done < begin) spans.push_back({-1, done, begin});
    spans.push_back({entry.id, begin, end});
    done = end;
  }
  if (done < text.size()) spans.push_back({-1, done, text.size()});
}

const std::string* AddedTokens::shown(int32_t id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &tokens_[at->second].shown;
}

std::optional<int32_t> AddedTokens::id(std::string_view content) const {
  const auto at = by_content_.find(std::string(content));
  if (at == by_content_.end()) return std::nullopt;
  return tokens_[at->second].id;
}

bool AddedTokens::is_special(std::string_view content) const {
  const auto at = by_content_.find(std::string(content));
  return at != by_content_.end() && tokens_[at->second].token.special;
}

}  // namespace tilefit
