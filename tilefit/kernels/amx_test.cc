// What the AMX kernels issue: the fewest tile products a shape allows, one tile load for each in the main loop, no tile spilled.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/support/amx_emulator.h"
#include "tests/support/executes.h"
#include "tilefit/cpu/memory.h"
#include "tilefit/kernels/dispatch.h"

namespace tilefit::kernels {
namespace {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

class AmxTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::executes_avx512_bf16()) GTEST_SKIP() << "this CPU cannot run the vector part of the AMX kernels";
    if (!test::AmxEmulator::counts_available()) GTEST_SKIP() << "this CPU has AMX itself: nothing counts its instructions";
    select_isa(Isa::kAmx);
  }
  test::AmxCounts count_gemm(int64_t M, int64_t N, int64_t K) {
    const std::vector<Bf16> a(static_cast<size_t>(M * K));
    const std::vector<float> b(static_cast<size_t>(K * N));
    std::vector<Bf16> c(static_cast<size_t>(M * N));
    Buffer packed(packed_bytes<Bf16>(K, N));
    pack_matrix<Bf16>(pool_, K, N, b.data(), N, false, packed.data());
    test::AmxEmulator::reset_counts();
    gemm(pool_, M, N, K, a.data(), K, packed.data(), Epilogue<Bf16>{}, c.data(), N);
    return test::AmxEmulator::counts();
  }
  test::AmxCounts count_wgrad(int64_t M, int64_t O, int64_t C) {
    const std::vector<Bf16> dy(static_cast<size_t>(M * O)), x(static_cast<size_t>(M * C));
    std::vector<float> dw(static_cast<size_t>(O * C));
    test::AmxEmulator::reset_counts();
    gemm_wgrad<Bf16>(pool_, M, O, C, dy.data(), O, x.data(), C, dw.data(), C, nullptr);
    return test::AmxEmulator::counts();
  }
  ThreadPool pool_{1};
  test::AmxEmulator emulator_;
};

TEST_F(AmxTest, GemmIssuesTheFewestTileProducts) {
  for (const auto& [M, N, K] :
       {std::array<int64_t, 3>{1, 1, 1}, {16, 16, 32}, {17, 33, 33}, {100, 70, 300}, {64, 96, 1100}}) {
    const test::AmxCounts n = count_gemm(M, N, K);
    EXPECT_EQ(n.tdpbf16ps, ceil_div(M, 16) * ceil_div(N, 16) * ceil_div(K, 32)) << M << " " << N << " " << K;
    EXPECT_EQ(n.configs, n.releases);
    EXPECT_EQ(n.tdpb_int8, 0);
  }
}

TEST_F(AmxTest, GemmLoadsOneTileForEachProductAndSpillsNone) {
  constexpr int64_t M = 96, N = 64, K = 1536;
  const test::AmxCounts n = count_gemm(M, N, K);
  // Sums are stored once per block of K, and read back once per block but the first.
  const int64_t blocks = ceil_div(K, table<Bf16>().gemm_deep_step * 2), sums = M / 16 * (N / 16);
  EXPECT_EQ(n.tile_stores, sums * blocks);
  EXPECT_EQ(n.tile_zeros, sums);
  EXPECT_EQ(n.tile_loads, n.tdpbf16ps + sums * (blocks - 1));
}

TEST_F(AmxTest, WgradIssuesTheFewestTileProductsAndSpillsNone) {
  constexpr int64_t M = 700, O = 96, C = 64;
  const test::AmxCounts n = count_wgrad(M, O, C);
  const int64_t blocks = ceil_div(M, table<Bf16>().wgrad_depth * 2), sums = O / 16 * (C / 16);
  EXPECT_EQ(n.tdpbf16ps, sums * ceil_div(M, 32));
  EXPECT_EQ(n.tile_stores, sums * blocks);
  EXPECT_EQ(n.tile_loads, n.tdpbf16ps + sums * blocks);
}

TEST_F(AmxTest, OddShapesOfWgradIssueTheFewestTileProducts) {
  for (const auto& [M, O, C] : {std::array<int64_t, 3>{1, 1, 1}, {33, 17, 40}, {600, 50, 30}})
    EXPECT_EQ(count_wgrad(M, O, C).tdpbf16ps, ceil_div(M, 32) * ceil_div(O, 16) * ceil_div(C, 16))
        << M << " " << O << " " << C;
}

}  // namespace
}  // namespace tilefit::kernels
