// Which tokens of a text, or of a pair, go into which window. Behaviour: huggingface/tokenizers utils/truncation.rs and
// Encoding::truncate (0.23), with the order in which it lists overflowing windows.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tilefit/text/post_processor.h"

namespace tilefit {

struct Window {
  TokenRange first, second;
};

/// Sizes that decide the windows; num_second is nullopt for a single text.
struct WindowInput {
  size_t num_first = 0;
  std::optional<size_t> num_second;
  int64_t num_added_single = 0;  // special tokens that join a single text
  int64_t num_added = 0;         // ... that join this input
  bool second_first = false;     // the template puts the second text first
};

/// The first window, then the overflowing ones. Throws Error(kUsage): max_length or stride out of range, nothing to cut the rest
/// from, stride not below the tokens a window holds of the cut text. Differs from the library in one point: where max_length
/// leaves no room for a text that is not empty, the library returns windows longer than max_length; here that is an error.
std::vector<Window> make_windows(const WindowInput& input, const Truncation& truncation);

}  // namespace tilefit
