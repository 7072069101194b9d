#include "tilefit/text/truncation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tilefit/base/error.h"

namespace tilefit {
namespace {

constexpr const char* kWhere = "text/truncation";

/// Cuts `count` tokens into stretches of at most `limit` that overlap by `stride`; the last one ends the text.
std::vector<TokenRange> stretches(size_t count, size_t limit, const Truncation& truncation) {
  if (limit >= count) return {{0, count, true}};
  const auto stride = static_cast<size_t>(truncation.stride);
  if (stride >= limit)
    throw Error(Code::kUsage,
                fmt::format("stride {} must be less than the {} tokens that max_length {} leaves for the truncated text",
                            stride, limit, truncation.max_length),
                kWhere, "a smaller doc_stride or a larger max_length");
  std::vector<TokenRange> ranges;
  for (size_t begin = 0;; begin += limit - stride) {
    const size_t end = std::min(begin + limit, count);
    ranges.push_back({begin, end, begin == 0});
    if (end == count) return ranges;
  }
}

void check_settings(const WindowInput& input, const Truncation& truncation) {
  if (truncation.max_length < 1 || truncation.stride < 0)
    throw Error(Code::kUsage,
                fmt::format("max_length must be at least 1 and stride at least 0, not {} and {}", truncation.max_length,
                            truncation.stride),
                kWhere);
  const int64_t room = truncation.max_length - input.num_added_single;
  if (room >= 0 && truncation.stride > room)
    throw Error(Code::kUsage,
                fmt::format("stride {} must not exceed max_length {} without its {} special tokens", truncation.stride,
                            truncation.max_length, input.num_added_single),
                kWhere, "a smaller doc_stride or a larger max_length");
}

/// Tokens that longest_first leaves to the shorter and the longer text.
std::pair<size_t, size_t> share_longest_first(size_t shorter, size_t room) {
  const size_t longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer <= room) return {shorter, longer};
  return {room / 2, room / 2 + room % 2};
}

/// Tokens to keep of each text. total > room here.
std::pair<size_t, size_t> limits(const WindowInput& input, const Truncation& truncation, size_t total, size_t room) {
  const size_t num_first = input.num_first, num_second = input.num_second.value_or(0);
  if (truncation.strategy == TruncationStrategy::kLongestFirst) {
    if (!input.num_second) return {room, 0};
    auto [shorter, longer] = share_longest_first(std::min(num_first, num_second), room);
    if (num_first > num_second) std::swap(shorter, longer);
    return {shorter, longer};
  }
  const bool cut_first = truncation.strategy == TruncationStrategy::kOnlyFirst;
  if (!cut_first && !input.num_second)
    throw Error(Code::kUsage, "truncation only_second needs a second text", kWhere, "only_first or longest_first");
  const size_t target = cut_first ? num_first : num_second, excess = total - room;
  if (target <= excess)
    throw Error(Code::kUsage,
                fmt::format("the {} text has {} tokens, too few to cut off the {} that exceed max_length {}",
                            cut_first ? "first" : "second", target, excess, truncation.max_length),
                kWhere, "a larger max_length, or truncate the other text first");
  if (cut_first) return {target - excess, num_second};
  return {num_first, target - excess};
}

}  // namespace

std::vector<Window> make_windows(const WindowInput& input, const Truncation& truncation) {
  check_settings(input, truncation);
  const size_t num_second = input.num_second.value_or(0);
  const size_t total = input.num_first + num_second;
  const int64_t room = truncation.max_length - input.num_added;
  if (room >= 0 && total <= static_cast<size_t>(room)) return {{{0, input.num_first, true}, {0, num_second, true}}};
  if (room <= 0)
    throw Error(Code::kUsage,
                fmt::format("max_length {} leaves no room beside {} special tokens", truncation.max_length, input.num_added),
                kWhere, "a larger max_length");
  const auto [keep_first, keep_second] = limits(input, truncation, total, static_cast<size_t>(room));
  if ((input.num_first > 0 && keep_first == 0) || (num_second > 0 && keep_second == 0))
    throw Error(Code::kUsage,
                fmt::format("max_length {} leaves no room for tokens of both texts beside {} special tokens",
                            truncation.max_length, input.num_added),
                kWhere, "a larger max_length");
  const auto first = stretches(input.num_first, keep_first, truncation);
  const auto second = stretches(num_second, keep_second, truncation);
  // The library merges piece by piece: the overflowing windows of the text that comes first in the template, each with all of
  // the other text's; then its first window with the other text's overflowing ones.
  std::vector<Window> windows{{first[0], second[0]}};
  const auto& outer = input.second_first ? second : first;
  const auto& inner = input.second_first ? first : second;
  const auto add = [&](size_t o, size_t i) {
    windows.push_back(input.second_first ? Window{inner[i], outer[o]} : Window{outer[o], inner[i]});
  };
  for (size_t o = 1; o < outer.size(); ++o) {
    for (size_t i = 0; i < inner.size(); ++i) add(o, i);
  }
  for (size_t i = 1; i < inner.size(); ++i) add(0, i);
  return windows;
}

}  // namespace tilefit
