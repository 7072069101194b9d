// Conversions: every half and bfloat16 value, the ties between neighbours, and what lies outside the range.
#include "tilefit/tensor/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace tilefit {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(DType, NamesAndSizes) {
  EXPECT_EQ(dtype_bytes(DType::kF64), 8);
  EXPECT_EQ(dtype_bytes(DType::kBF16), 2);
  EXPECT_EQ(dtype_bytes(DType::kBool), 1);
  EXPECT_EQ(parse_dtype("torch.bfloat16"), DType::kBF16);
  EXPECT_FALSE(parse_dtype("F32"));
  EXPECT_FALSE(parse_safetensors_dtype("float32"));
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(dtype_name(dtype)), dtype);
    EXPECT_EQ(parse_safetensors_dtype(safetensors_dtype_name(dtype)), dtype);
    EXPECT_EQ(is_floating(dtype), std::string(dtype_name(dtype)).find("float") != std::string::npos);
  }
}

TEST(DType, EveryHalfRoundTrips) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = f16_to_f32(half);
    if (std::isnan(value)) {
      EXPECT_EQ(f32_to_f16(value), half | 0x200u);
      continue;
    }
    ASSERT_EQ(f32_to_f16(value), half) << std::hex << bits;
    const uint32_t exponent = bits >> 10 & 31u, mantissa = bits & 0x3FFu;
    if (exponent == 31) continue;
    const double expected =
        std::ldexp(exponent ? 1024.0 + mantissa : mantissa, static_cast<int>(exponent ? exponent : 1) - 25);
    ASSERT_EQ(std::fabs(static_cast<double>(value)), expected) << std::hex << bits;
  }
}

TEST(DType, HalfRoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7BFF; ++bits) {
    const double low = f16_to_f32(static_cast<uint16_t>(bits)), high = f16_to_f32(static_cast<uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);
    const uint32_t even = bits & 1u ? bits + 1 : bits;
    ASSERT_EQ(f32_to_f16(middle), even) << std::hex << bits;
    ASSERT_EQ(f32_to_f16(-middle), even | 0x8000u) << std::hex << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, kInf)), bits + 1);
  }
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7BFF);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7C00);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xFC00);
  EXPECT_EQ(f32_to_f16(-1e-30f), 0x8000);
  EXPECT_EQ(f32_to_f16(kInf), 0x7C00);
}

TEST(DType, Bfloat16RoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7F80; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    ASSERT_EQ(f32_to_bf16(bf16_to_f32(half)), half);
    const uint32_t middle_bits = bits << 16 | 0x8000u;
    float middle;
    std::memcpy(&middle, &middle_bits, sizeof middle);
    ASSERT_EQ(f32_to_bf16(middle), bits & 1u ? bits + 1 : bits);
    ASSERT_EQ(f32_to_bf16(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(f32_to_bf16(std::nextafter(middle, kInf)), bits + 1);
  }
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::nanf("")))));
}

TEST(DType, ConvertsArraysAtAnyAlignment) {
  const std::vector<float> values = {0.0f, -1.5f, 3.0f, 0.333251953125f, 256.0f};
  const auto n = static_cast<int64_t>(values.size());
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kBF16, DType::kF16}) {
    std::vector<char> bytes(values.size() * 8 + 1);
    std::vector<float> back(values.size());
    convert_from_f32(dtype, values.data(), bytes.data() + 1, n);
    convert_to_f32(dtype, bytes.data() + 1, back.data(), n);
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(back[i], dtype == DType::kBF16 && i == 3 ? 0.333984375f : values[i]) << dtype_name(dtype);
  }
  const double wide = 1.0 + 0x1p-25;
  float narrow = 0;
  convert_to_f32(DType::kF64, &wide, &narrow, 1);
  EXPECT_EQ(narrow, 1.0f);
}

}  // namespace
}  // namespace tilefit
