#include "tilefit/base/rng.h"

#include <cmath>

namespace tilefit {

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) noexcept {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c[0], p1 = uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

void fill_normal(float* out, int64_t n, float stddev, uint64_t seed, uint64_t stream) noexcept {
  constexpr double kScale = 1.0 / 4294967296.0, kTwoPi = 6.283185307179586;
  for (int64_t i = 0; i < n; i += 4) {
    const auto block = static_cast<uint64_t>(i / 4);
    const auto r = philox4x32({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                               static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
                              {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
    for (int pair = 0; pair < 2; ++pair) {
      const double radius = stddev * std::sqrt(-2.0 * std::log((r[2 * pair] + 0.5) * kScale));
      const double angle = kTwoPi * r[2 * pair + 1] * kScale;
      const int64_t at = i + 2 * pair;
      if (at < n) out[at] = static_cast<float>(radius * std::cos(angle));
      if (at + 1 < n) out[at + 1] = static_cast<float>(radius * std::sin(angle));
    }
  }
}

}  // namespace tilefit
