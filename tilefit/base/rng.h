// Counter-based random numbers: a value depends on its key and counter alone, never on who draws it or in which order.
// Two users: weight initialisation (Philox) and dropout masks (DropoutKey + element hash, cheap enough to recompute).
// Hugging Face's data order needs mt19937 instead: std::mt19937 is that generator (data/sampler).
#pragma once
#include <array>
#include <cstdint>

namespace tilefit {

/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijective 64-bit mix.
constexpr uint64_t mix64(uint64_t x) noexcept {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/// Folds one more word into a key.
constexpr uint64_t mix_key(uint64_t key, uint64_t word) noexcept { return mix64(key ^ mix64(word)); }

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four words for a key and a counter.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) noexcept;

/// Sets out[0..n) to draws from N(0, stddev^2) keyed by (seed, stream); element i depends on (seed, stream, i) alone.
/// Box-Muller on Philox words.
void fill_normal(float* out, int64_t n, float stddev, uint64_t seed, uint64_t stream) noexcept;

/// 32 hash bits of dropout element `element` under a row key: two multiply-xorshift rounds (Wellons' lowbias32 constants) with
/// the key's halves folded in. Kernels compute the same function in vectors; this is its definition.
constexpr uint32_t dropout_bits(uint64_t key, uint32_t element) noexcept {
  uint32_t x = element ^ static_cast<uint32_t>(key);
  x = (x ^ (x >> 16)) * 0x7FEB352Du;
  x += static_cast<uint32_t>(key >> 32);
  x = (x ^ (x >> 15)) * 0x846CA68Bu;
  return x ^ (x >> 16);
}

/// A value is dropped when its dropout_bits are below this: p * 2^32, rounded. p = 0 drops nothing; p = 1 all but one in 2^32.
constexpr uint32_t dropout_threshold(double p) noexcept {
  return p >= 1 - 0x1p-33 ? 0xFFFFFFFFu : static_cast<uint32_t>(p * 4294967296.0 + 0.5);
}

}  // namespace tilefit
