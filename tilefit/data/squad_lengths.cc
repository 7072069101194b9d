#include "tilefit/data/squad_lengths.h"

#include <algorithm>

#include "tilefit/base/rng.h"

namespace tilefit {

// clang-format off
const std::array<int32_t, 128> kSquadFeatureLengths = {
     48,  55,  60,  65,  70,  72,  75,  77,  80,  83,  86,  88,  91,  92,  94,  95,
     96,  98,  99, 101, 102, 103, 105, 106, 108, 109, 111, 113, 114, 115, 116, 118,
    119, 121, 122, 124, 125, 126, 128, 129, 130, 132, 133, 134, 135, 137, 138, 140,
    141, 142, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 161,
    163, 164, 166, 167, 169, 171, 173, 174, 175, 177, 178, 179, 180, 182, 183, 185,
    187, 188, 189, 191, 194, 196, 198, 200, 201, 203, 205, 206, 208, 210, 211, 213,
    215, 218, 222, 226, 228, 232, 235, 237, 239, 242, 245, 248, 251, 256, 259, 262,
    264, 267, 270, 275, 281, 289, 297, 304, 309, 315, 324, 338, 349, 374, 384, 384,
};
// clang-format on

std::vector<int32_t> draw_squad_lengths(int64_t n, uint64_t seed) {
  std::vector<int32_t> drawn;
  drawn.reserve(static_cast<size_t>(n));
  std::array<int32_t, 128> round = kSquadFeatureLengths;
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<size_t>(i) % round.size();
    // Fisher-Yates, one swap per draw; each round starts from the order the last one left.
    std::swap(round[at], round[at + mix_key(seed, static_cast<uint64_t>(i)) % (round.size() - at)]);
    drawn.push_back(round[at]);
  }
  return drawn;
}

}  // namespace tilefit
