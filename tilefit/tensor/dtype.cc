#include "tilefit/tensor/dtype.h"

#include <array>

#include "tilefit/base/check.h"

namespace tilefit {
namespace {

struct Row {
  DType dtype;
  int bytes;
  std::string_view name, safetensors_name;
};

/// In the order of the enumerators.
constexpr std::array<Row, kNumDTypes> kRows = {{{DType::kF64, 8, "float64", "F64"},
                                                {DType::kF32, 4, "float32", "F32"},
                                                {DType::kBF16, 2, "bfloat16", "BF16"},
                                                {DType::kF16, 2, "float16", "F16"},
                                                {DType::kI64, 8, "int64", "I64"},
                                                {DType::kI32, 4, "int32", "I32"},
                                                {DType::kI16, 2, "int16", "I16"},
                                                {DType::kI8, 1, "int8", "I8"},
                                                {DType::kU8, 1, "uint8", "U8"},
                                                {DType::kU16, 2, "uint16", "U16"},
                                                {DType::kU32, 4, "uint32", "U32"},
                                                {DType::kU64, 8, "uint64", "U64"},
                                                {DType::kBool, 1, "bool", "BOOL"}}};

const Row& row(DType dtype) noexcept { return kRows[static_cast<size_t>(dtype)]; }

template <class T>
T load(const void* in, int64_t i) noexcept {
  T value;
  std::memcpy(&value, static_cast<const char*>(in) + i * static_cast<int64_t>(sizeof(T)), sizeof value);
  return value;
}

template <class T>
void store(void* out, int64_t i, T value) noexcept {
  std::memcpy(static_cast<char*>(out) + i * static_cast<int64_t>(sizeof(T)), &value, sizeof value);
}

}  // namespace

int64_t dtype_bytes(DType dtype) noexcept { return row(dtype).bytes; }

bool is_floating(DType dtype) noexcept { return dtype <= DType::kF16; }

std::string_view dtype_name(DType dtype) noexcept { return row(dtype).name; }

std::string_view safetensors_dtype_name(DType dtype) noexcept { return row(dtype).safetensors_name; }

std::optional<DType> parse_dtype(std::string_view name) noexcept {
  constexpr std::string_view kTorch = "torch.";
  if (name.substr(0, kTorch.size()) == kTorch) name.remove_prefix(kTorch.size());
  for (const Row& r : kRows)
    if (r.name == name) return r.dtype;
  return std::nullopt;
}

std::optional<DType> parse_safetensors_dtype(std::string_view name) noexcept {
  for (const Row& r : kRows)
    if (r.safetensors_name == name) return r.dtype;
  return std::nullopt;
}

float f16_to_f32(uint16_t bits) noexcept {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16, exponent = bits >> 10 & 31u, mantissa = bits & 0x3FFu;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24, exact in float
    const float size = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -size : size;
  }
  const uint32_t wide = sign | (exponent == 31 ? 0x7F800000u : (exponent + 112) << 23) | mantissa << 13;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

uint16_t f32_to_f16(float value) noexcept {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7FFFFFFFu;
  if (size > 0x7F800000u) return static_cast<uint16_t>(sign | 0x7E00u | (size >> 13 & 0x3FFu));
  if (size >= 0x477FF000u) return static_cast<uint16_t>(sign | 0x7C00u);  // 65520 and above round to infinity
  if (size < 0x33000001u) return static_cast<uint16_t>(sign);             // 2^-25 and below round to zero
  uint32_t mantissa, shift, base;
  if (size >= 0x38800000u) {  // normal half: rebias the exponent, drop 13 bits
    mantissa = size - (112u << 23);
    shift = 13;
    base = mantissa >> shift;
  } else {  // subnormal half: the mantissa with its hidden bit, in units of 2^-24
    mantissa = (size & 0x7FFFFFu) | 0x800000u;
    shift = 126 - (size >> 23);
    base = mantissa >> shift;
  }
  const uint32_t rest = mantissa & ((1u << shift) - 1), half = 1u << (shift - 1);
  if (rest > half || (rest == half && (base & 1u))) ++base;  // a carry out of the mantissa raises the exponent, as it should
  return static_cast<uint16_t>(sign | base);
}

void convert_to_f32(DType from, const void* in, float* out, int64_t n) noexcept {
  TF_CHECK(is_floating(from), "dtype {}", dtype_name(from));
  if (n == 0) return;
  if (from == DType::kF32) std::memcpy(out, in, static_cast<size_t>(n) * sizeof(float));
  else if (from == DType::kF64)
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(load<double>(in, i));
  else if (from == DType::kBF16)
    for (int64_t i = 0; i < n; ++i) out[i] = bf16_to_f32(load<uint16_t>(in, i));
  else
    for (int64_t i = 0; i < n; ++i) out[i] = f16_to_f32(load<uint16_t>(in, i));
}

void convert_from_f32(DType to, const float* in, void* out, int64_t n) noexcept {
  TF_CHECK(is_floating(to), "dtype {}", dtype_name(to));
  if (n == 0) return;
  if (to == DType::kF32) std::memcpy(out, in, static_cast<size_t>(n) * sizeof(float));
  else if (to == DType::kF64)
    for (int64_t i = 0; i < n; ++i) store(out, i, static_cast<double>(in[i]));
  else if (to == DType::kBF16)
    for (int64_t i = 0; i < n; ++i) store(out, i, f32_to_bf16(in[i]));
  else
    for (int64_t i = 0; i < n; ++i) store(out, i, f32_to_f16(in[i]));
}

}  // namespace tilefit
