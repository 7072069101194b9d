#include "tilefit/base/text_distance.h"

#include <algorithm>
#include <utility>

namespace tilefit {

int edit_distance(std::string_view a, std::string_view b) {
  const size_t width = b.size() + 1;
  std::vector<int> before(width), last(width), row(width);
  for (size_t j = 0; j < width; ++j) last[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j < width; ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::vector<std::string> nearest_names(std::string_view typed, std::span<const std::string> candidates, size_t limit) {
  // A mistyped name may be anything on the command line: bound the quadratic work.
  constexpr size_t kMaxTyped = 200;
  typed = typed.substr(0, kMaxTyped);
  const int near = std::max(2, static_cast<int>(typed.size()) / 3);
  const int containing = near + 1;
  std::vector<std::pair<int, const std::string*>> found;
  for (const std::string& name : candidates) {
    const int distance = edit_distance(typed, name);
    if (distance <= near && distance < static_cast<int>(name.size())) found.emplace_back(distance, &name);
    else if (typed.size() >= 3 && name.find(typed) != std::string::npos) found.emplace_back(containing, &name);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // One clear winner stands alone: its rivals would only distract.
  if (found.size() > 1 && found[0].first <= 2 && found[1].first > 2 * found[0].first) found.resize(1);
  std::vector<std::string> out;
  for (size_t i = 0; i < found.size() && i < limit; ++i) out.push_back(*found[i].second);
  return out;
}

std::string did_you_mean(std::string_view typed, std::span<const std::string> candidates, std::string_view prefix) {
  const std::vector<std::string> names = nearest_names(typed, candidates);
  if (names.empty()) return "";
  std::string out = ". Did you mean ";
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += prefix;
    out += names[i];
  }
  return out + "?";
}

}  // namespace tilefit
