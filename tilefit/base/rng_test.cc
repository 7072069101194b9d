// Random numbers: Philox against the published known answers, moments of the normal draws, rates of the dropout hash.
#include "tilefit/base/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace tilefit {
namespace {

using Words4 = std::array<uint32_t, 4>;

TEST(Rng, PhiloxKnownAnswers) {  // kat_vectors of Random123 (philox4x32, 10 rounds)
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words4{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Words4{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(philox4x32({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}),
            (Words4{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

TEST(Rng, SplitMixKnownAnswers) {  // the reference generator's first outputs for seed 1234567: states seed + k * gamma
  constexpr uint64_t kGamma = 0x9E3779B97F4A7C15u;
  EXPECT_EQ(mix64(1234567), 6457827717110365317u);
  EXPECT_EQ(mix64(1234567 + kGamma), 3203168211198807973u);
  EXPECT_EQ(mix64(1234567 + 2 * kGamma), 9817491932198370423u);
  EXPECT_NE(mix_key(1, 2), mix_key(2, 1));
}

TEST(Rng, NormalDrawsDependOnSeedStreamAndIndexAlone) {
  std::vector<float> whole(1000), part(13), other(1000);
  fill_normal(whole.data(), 1000, 0.02f, 7, 3);
  fill_normal(part.data(), 13, 0.02f, 7, 3);
  for (size_t i = 0; i < part.size(); ++i) EXPECT_EQ(part[i], whole[i]);
  fill_normal(other.data(), 1000, 0.02f, 7, 4);
  EXPECT_NE(whole, other);
  fill_normal(other.data(), 1000, 0.02f, 8, 3);
  EXPECT_NE(whole, other);
}

TEST(Rng, NormalDrawsHaveTheMomentsOfTheNormalDistribution) {
  constexpr int64_t kN = 400000;
  std::vector<float> draws(kN);
  fill_normal(draws.data(), kN, 2.0f, 42, 0);
  double sum = 0, square = 0, fourth = 0;
  int64_t within = 0;
  for (const float x : draws) {
    ASSERT_TRUE(std::isfinite(x));
    const double z = x / 2.0;
    sum += z;
    square += z * z;
    fourth += z * z * z * z;
    within += std::fabs(z) < 1;
  }
  EXPECT_NEAR(sum / kN, 0, 0.008);
  EXPECT_NEAR(square / kN, 1, 0.012);
  EXPECT_NEAR(fourth / kN, 3, 0.1);
  EXPECT_NEAR(static_cast<double>(within) / kN, 0.6827, 0.004);
}

TEST(Rng, DropoutRateIsTheProbability) {
  constexpr uint32_t kN = 1 << 20;
  for (const double p : {0.0, 0.1, 0.5, 0.9, 1.0}) {
    const uint32_t threshold = dropout_threshold(p);
    int64_t dropped = 0;
    for (uint32_t i = 0; i < kN; ++i) dropped += dropout_bits(mix_key(42, 5), i) < threshold;
    EXPECT_NEAR(static_cast<double>(dropped) / kN, p, 0.002) << p;
  }
  EXPECT_EQ(dropout_threshold(0.0), 0u);
  EXPECT_EQ(dropout_threshold(0.5), 0x80000000u);
  EXPECT_EQ(dropout_threshold(1.0), 0xFFFFFFFFu);
}

TEST(Rng, DropoutRowsAreIndependent) {
  constexpr uint32_t kN = 1 << 16;
  const uint32_t threshold = dropout_threshold(0.1);
  int64_t both = 0;
  for (uint32_t i = 0; i < kN; ++i)
    both += dropout_bits(mix_key(1, 1), i) < threshold && dropout_bits(mix_key(1, 2), i) < threshold;
  EXPECT_NEAR(static_cast<double>(both) / kN, 0.01, 0.002);
}

}  // namespace
}  // namespace tilefit
