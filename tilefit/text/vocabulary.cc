#include "tilefit/text/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

#include "tilefit/base/error.h"

namespace tilefit {

Vocabulary::Vocabulary(std::vector<std::pair<std::string, int32_t>> entries, std::string_view where) {
  const auto fail = [&](std::string what) { throw Error(Code::kFailed, std::move(what), std::string(where)); };
  if (entries.empty()) fail("the vocabulary is empty");
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  tokens_.reserve(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    auto& [token, id] = entries[i];
    if (i > 0 && id == entries[i - 1].second)
      fail(fmt::format("tokens '{}' and '{}' both have id {}", tokens_.back(), token, id));
    if (id != static_cast<int32_t>(i))
      fail(fmt::format("no token has id {}: the {} ids must be 0..{} without holes", i, entries.size(), entries.size() - 1));
    tokens_.push_back(std::move(token));
  }
  ids_.reserve(tokens_.size());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const auto [at, is_new] = ids_.emplace(tokens_[i], static_cast<int32_t>(i));
    if (!is_new) fail(fmt::format("token '{}' is listed twice, with ids {} and {}", tokens_[i], at->second, i));
  }
}

std::optional<int32_t> Vocabulary::id(std::string_view token) const {
  const auto at = ids_.find(token);
  if (at == ids_.end()) return std::nullopt;
  return at->second;
}

}  // namespace tilefit
