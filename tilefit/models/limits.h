// Bounds on the sizes a configuration may ask for: far above any encoder, low enough that products of two fit and typing errors show.
#pragma once
#include <cstdint>

namespace tilefit::limits {

inline constexpr int64_t kMaxVocab = 10'000'000;
inline constexpr int64_t kMaxWidth = 1 << 17;
inline constexpr int64_t kMaxLayers = 1000;
inline constexpr int64_t kMaxHeads = 1024;
inline constexpr int64_t kMaxPositions = 1 << 20;

}  // namespace tilefit::limits
