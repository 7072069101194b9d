// Names near a mistyped one, for "Did you mean ...?".
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tilefit {

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours, each 1.
int edit_distance(std::string_view a, std::string_view b);

/// Up to `limit` candidates near `typed`, nearest first (ties in candidate order): within a third of its length (at least 2) in edits,
/// then those that contain it as a whole. Empty when nothing is near.
std::vector<std::string> nearest_names(std::string_view typed, std::span<const std::string> candidates, size_t limit = 3);

/// ". Did you mean A, B or C?" of nearest_names, each with `prefix` before it; empty when nothing is near.
std::string did_you_mean(std::string_view typed, std::span<const std::string> candidates, std::string_view prefix = "");

}  // namespace tilefit
