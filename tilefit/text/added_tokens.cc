#include "tilefit/text/added_tokens.h"

#include <algorithm>

#include "tilefit/text/unicode.h"
#include "tilefit/text/utf8.h"

namespace tilefit {

std::optional<int32_t> AddedTokens::add(const AddedToken& token, const Vocabulary& vocabulary) {
  if (token.content.empty()) return std::nullopt;
  if (const auto known = by_content_.find(token.content); known != by_content_.end()) {
    const bool was_special = tokens_[known->second].second.special;
    tokens_[known->second].second = token;
    tokens_[known->second].second.special = token.special || was_special;  // once special, always special
    return tokens_[known->second].first;
  }
  auto id = vocabulary.id(token.content);
  if (!id) {
    id = std::max(end_id_, vocabulary.size());
    end_id_ = *id + 1;
  }
  by_content_[token.content] = tokens_.size();
  by_id_[*id] = tokens_.size();
  tokens_.emplace_back(*id, token);
  return id;
}

void AddedTokens::build(const Normalizer* normalizer) {
  std::u32string content;
  NormalizedText normal;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const AddedToken& token = tokens_[i].second;
    decode_utf8(token.content, content);
    if (token.normalized && normalizer) {
      normalizer->run(content, 0, normal);
      content = normal.chars;
    }
    (token.normalized ? normalized_ : raw_).insert(content, static_cast<int32_t>(i));
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
    const auto& [id, token] = tokens_[static_cast<size_t>(match.value)];
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
    if (begin < done) continue;  // white space that an rstrip took
    if (done < begin) spans.push_back({-1, done, begin});
    spans.push_back({id, begin, end});
    done = end;
  }
  if (done < text.size()) spans.push_back({-1, done, text.size()});
}

const AddedToken* AddedTokens::find(int32_t id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &tokens_[at->second].second;
}

std::optional<int32_t> AddedTokens::id(std::string_view content) const {
  const auto at = by_content_.find(std::string(content));
  if (at == by_content_.end()) return std::nullopt;
  return tokens_[at->second].first;
}

bool AddedTokens::is_special(std::string_view content) const {
  const auto at = by_content_.find(std::string(content));
  return at != by_content_.end() && tokens_[at->second].second.special;
}

}  // namespace tilefit
