// bfloat16: the upper half of a float32. Storage and scalar conversion; vector code is in kernels/isa.
#pragma once
#include <cstdint>
#include <cstring>

namespace tilefit {

/// A bfloat16 number as it lies in memory.
struct Bf16 {
  uint16_t bits = 0;
};

/// bfloat16 bits to float: exact.
inline float bf16_to_f32(uint16_t bits) noexcept {
  const uint32_t wide = uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

/// Float to bfloat16 bits, round to nearest even; a NaN stays a (quiet) NaN with its sign, as vcvtneps2bf16 keeps it.
inline uint16_t f32_to_bf16(float value) noexcept {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/// The type that goes with elements T where bfloat16 would be too coarse: accumulators, statistics, losses, parameters and their
/// gradients. float for Bf16, T itself otherwise.
template <class T>
struct WideType {
  using Type = T;
};
template <>
struct WideType<Bf16> {
  using Type = float;
};
template <class T>
using Wide = typename WideType<T>::Type;

}  // namespace tilefit
