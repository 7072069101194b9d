#include "tilefit/text/truncation.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"

namespace tilefit {
namespace {

using test::error_message;

/// "first begin-end/second begin-end" of every window.
std::vector<std::string> windows(const WindowInput& input, const Truncation& truncation) {
  std::vector<std::string> out;
  for (const Window& w : make_windows(input, truncation))
    out.push_back(std::to_string(w.first.begin) + "-" + std::to_string(w.first.end) + "/" + std::to_string(w.second.begin) +
                  "-" + std::to_string(w.second.end));
  return out;
}

using Strings = std::vector<std::string>;
constexpr auto kOnlyFirst = TruncationStrategy::kOnlyFirst;
constexpr auto kOnlySecond = TruncationStrategy::kOnlySecond;
constexpr auto kLongestFirst = TruncationStrategy::kLongestFirst;

TEST(Truncation, StrideOverlapsWindows) {
  EXPECT_EQ(windows({7, std::nullopt, 2, 2}, {5, 2, kOnlyFirst}),
            (Strings{"0-3/0-0", "1-4/0-0", "2-5/0-0", "3-6/0-0", "4-7/0-0"}));
  EXPECT_EQ(windows({3, 12, 2, 3}, {14, 5, kOnlySecond}), (Strings{"0-3/0-8", "0-3/3-11", "0-3/6-12"}));
  EXPECT_EQ(windows({3, 4, 2, 3}, {10, 0, kOnlySecond}), (Strings{"0-3/0-4"}));
}

// The order of the library: windows of the first text with all of the second, then its first window with the rest.
TEST(Truncation, LongestFirstCutsBoth) {
  EXPECT_EQ(windows({7, 12, 2, 3}, {10, 0, kLongestFirst}),
            (Strings{"0-3/0-4", "3-6/0-4", "3-6/4-8", "3-6/8-12", "6-7/0-4", "6-7/4-8", "6-7/8-12", "0-3/4-8", "0-3/8-12"}));
  EXPECT_EQ(windows({2, 12, 2, 3}, {10, 0, kLongestFirst}), (Strings{"0-2/0-5", "0-2/5-10", "0-2/10-12"}));
  EXPECT_EQ(windows({7, 0, 2, 3}, {8, 0, kLongestFirst}), (Strings{"0-5/0-0", "5-7/0-0"}));
}

TEST(Truncation, SecondTextFirstInTheTemplate) {
  WindowInput input{3, 3, 1, 1};
  input.second_first = true;
  EXPECT_EQ(windows(input, {5, 0, kLongestFirst}), (Strings{"0-2/0-2", "0-2/2-3", "2-3/2-3", "2-3/0-2"}));
}

TEST(Truncation, RefusesWhatCannotBeDone) {
  EXPECT_EQ(error_message([] {
              make_windows({7, std::nullopt, 2, 2}, {3, 0, kOnlySecond});
            }),
            "[text/truncation] truncation only_second needs a second text. Try: only_first or longest_first");
  EXPECT_EQ(
      error_message([] {
        make_windows({7, 5, 2, 3}, {10, 0, kOnlySecond});
      }),
      "[text/truncation] the second text has 5 tokens, too few to cut off the 5 that exceed max_length 10. Try: a larger "
      "max_length, or truncate the other text first");
  EXPECT_EQ(
      error_message([] {
        make_windows({7, 12, 2, 3}, {12, 4, kLongestFirst});
      }),
      "[text/truncation] stride 4 must be less than the 4 tokens that max_length 12 leaves for the truncated text. Try: a "
      "smaller doc_stride or a larger max_length");
  EXPECT_EQ(
      error_message([] {
        make_windows({1, std::nullopt, 2, 2}, {5, 5, kOnlyFirst});
      }),
      "[text/truncation] stride 5 must not exceed max_length 5 without its 2 special tokens. Try: a smaller doc_stride or a "
      "larger max_length");
  EXPECT_NE(error_message([] { make_windows({7, 12, 2, 3}, {3, 0, kLongestFirst}); }), "");
  EXPECT_NE(error_message([] { make_windows({7, 12, 2, 3}, {4, 0, kLongestFirst}); }), "");
  EXPECT_NE(error_message([] { make_windows({7, 12, 2, 3}, {0, 0, kLongestFirst}); }), "");
  EXPECT_NE(error_message([] { make_windows({7, 12, 2, 3}, {10, -1, kLongestFirst}); }), "");
}

}  // namespace
}  // namespace tilefit
