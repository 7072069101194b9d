// The two-way table between token strings and ids of a model's vocabulary (added tokens are separate: added_tokens.h).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tilefit {

/// Immutable; look-ups are thread-safe. Ids are 0..size-1 without holes.
class Vocabulary {
 public:
  /// entries: token and id in any order. Throws Error(kFailed): empty, a token or an id given twice, an id nobody has.
  Vocabulary(std::vector<std::pair<std::string, int32_t>> entries, std::string_view where);

  int32_t size() const noexcept { return static_cast<int32_t>(tokens_.size()); }
  std::optional<int32_t> id(std::string_view token) const;
  const std::string& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  bool has(int32_t id) const noexcept { return id >= 0 && id < size(); }

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string_view, int32_t> ids_;  // views into tokens_
};

}  // namespace tilefit
