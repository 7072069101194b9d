// Element types of tensors and weight files, and the scalar conversions between float32 and the narrower or wider floats.
// Here for files and tests; the kernels have their own vector code for the hot path.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "tilefit/base/bf16.h"

namespace tilefit {

enum class DType : uint8_t { kF64, kF32, kBF16, kF16, kI64, kI32, kI16, kI8, kU8, kU16, kU32, kU64, kBool };

inline constexpr int kNumDTypes = 13;

/// Bytes of one element.
int64_t dtype_bytes(DType dtype) noexcept;

/// True for float64, float32, bfloat16 and float16.
bool is_floating(DType dtype) noexcept;

/// Name in config.json and in torch: "float32", "bfloat16", "int64", "bool".
std::string_view dtype_name(DType dtype) noexcept;

/// Name in a safetensors header: "F32", "BF16", "I64", "BOOL".
std::string_view safetensors_dtype_name(DType dtype) noexcept;

/// The type of a name as dtype_name (a leading "torch." is allowed) or safetensors_dtype_name gives it; nothing when unknown.
[[nodiscard]] std::optional<DType> parse_dtype(std::string_view name) noexcept;
[[nodiscard]] std::optional<DType> parse_safetensors_dtype(std::string_view name) noexcept;

/// IEEE half bits to float: exact, subnormals included.
float f16_to_f32(uint16_t bits) noexcept;

/// Float to IEEE half bits, round to nearest even; too large becomes infinity, a NaN a quiet NaN with its sign.
uint16_t f32_to_f16(float value) noexcept;

/// Sets out[0..n) to the n elements at `in` (any alignment). from: a floating type; float64 rounds to nearest even, the others are exact.
void convert_to_f32(DType from, const void* in, float* out, int64_t n) noexcept;

/// Sets the n elements at `out` (any alignment) to in[0..n), rounded to nearest even. to: a floating type.
void convert_from_f32(DType to, const float* in, void* out, int64_t n) noexcept;

}  // namespace tilefit
