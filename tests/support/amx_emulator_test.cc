// Products are compared bit by bit with the SDM's operation written down anew, and loosely with sums in double. On a CPU with AMX the
// same tests run on the hardware, without what only the emulator promises (counts, messages, the last bit).
#include "tests/support/amx_emulator.h"

#include <gtest/gtest.h>
#include <immintrin.h>
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tilefit/kernels/isa/target.h"

namespace tilefit::test {
namespace {

// The intrinsics of gcc 12 do not tell the compiler which memory they read.
void memory_barrier() { asm volatile("" ::: "memory"); }

enum class Product { kBf16, kSS, kSU, kUS, kUU };

TF_TARGET_BEGIN("amx-tile,amx-bf16,amx-int8")

void load_config(const AmxTileConfig& config) {
  memory_barrier();
  _tile_loadconfig(&config);
}

void store_config(void* config) {
  _tile_storeconfig(config);
  memory_barrier();
}

void release() { _tile_release(); }
void zero_tile_0() { _tile_zero(0); }
void dot_0_1_2() { _tile_dpbf16ps(0, 1, 2); }

void load_tile_0(const void* from, long stride) {
  memory_barrier();
  _tile_loadd(0, from, stride);
}

void store_tile_0(void* to, long stride) { _tile_stored(0, to, stride); }

// c += a * b on tiles 5, 6 and 7; strides in bytes.
void multiply(Product product, void* c, long c_stride, const void* a, long a_stride, const void* b, long b_stride) {
  memory_barrier();
  _tile_loadd(5, c, c_stride);
  _tile_loadd(6, a, a_stride);
  _tile_stream_loadd(7, b, b_stride);
  switch (product) {
    case Product::kBf16: _tile_dpbf16ps(5, 6, 7); break;
    case Product::kSS: _tile_dpbssd(5, 6, 7); break;
    case Product::kSU: _tile_dpbsud(5, 6, 7); break;
    case Product::kUS: _tile_dpbusd(5, 6, 7); break;
    case Product::kUU: _tile_dpbuud(5, 6, 7); break;
  }
  _tile_stored(5, c, c_stride);
  memory_barrier();
}

TF_TARGET_END

float from_bf16(uint16_t x) { return std::bit_cast<float>(uint32_t{x} << 16); }
uint16_t to_bf16(float x) { return static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 16); }

// Shapes of a product, in elements of 4 bytes: c[m][n] += a[m][k] * b[k][n].
struct Shape {
  int m, n, k;
};
constexpr Shape kShapes[] = {{16, 16, 16}, {1, 1, 1},   {3, 5, 7},   {16, 1, 16},
                             {1, 16, 9},   {13, 11, 2}, {7, 15, 16}, {16, 13, 1}};

AmxTileConfig config_of(const Shape& s) {
  return AmxTileConfig().set(5, s.m, 4 * s.n).set(6, s.m, 4 * s.k).set(7, s.k, 4 * s.n);
}

class AmxEmulatorTest : public testing::Test {
 protected:
  ~AmxEmulatorTest() override { release(); }

  AmxEmulator emulator_;
  std::mt19937 random_{7};
};
using AmxEmulatorDeathTest = AmxEmulatorTest;

TEST_F(AmxEmulatorTest, Bf16ProductIsTheSdmOperation) {
  std::normal_distribution<float> normal;
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(testing::Message() << s.m << "x" << s.n << "x" << s.k);
    const size_t n = s.n, k = s.k, m = s.m, c_columns = n + 3, a_pairs = k + 1, b_pairs = n + 2;
    std::vector<float> c(m * c_columns);
    std::vector<uint16_t> a(m * a_pairs * 2), b(k * b_pairs * 2);
    for (float& x : c) x = normal(random_);
    for (uint16_t& x : a) x = to_bf16(normal(random_));
    for (uint16_t& x : b) x = to_bf16(normal(random_));
    std::vector<float> expected = c;
    std::vector<double> exact(c.begin(), c.end());
    for (size_t i = 0; i < m; ++i)
      for (size_t j = 0; j < n; ++j) {
        float sums[2] = {0, 0};
        for (size_t p = 0; p < k; ++p)
          for (size_t half = 0; half < 2; ++half) {
            const float x = from_bf16(a[(i * a_pairs + p) * 2 + half]), y = from_bf16(b[(p * b_pairs + j) * 2 + half]);
            sums[half] = std::fma(x, y, sums[half]);
            exact[i * c_columns + j] += double{x} * double{y};
          }
        expected[i * c_columns + j] += sums[0] + sums[1];
      }
    load_config(config_of(s));
    multiply(Product::kBf16, c.data(), 4 * c_columns, a.data(), 4 * a_pairs, b.data(), 4 * b_pairs);
    if (AmxEmulator::counts_available()) {
      EXPECT_EQ(c, expected);  // also that nothing beside the tile was written
    }
    for (size_t i = 0; i < c.size(); ++i) EXPECT_NEAR(c[i], exact[i], 3e-6 * static_cast<double>(k + 1)) << i;
  }
}

TEST_F(AmxEmulatorTest, Bf16ProductFlushesDenormals) {
  const float smallest = std::numeric_limits<float>::min();
  struct Case {
    float c, a, b, expected;
  };
  for (const Case& x : {Case{0, smallest / 2, 1024, 0},                     // denormal factor
                        Case{smallest / 2, 0, 0, 0},                        // denormal sum
                        Case{0, 0x1p-100F, -0x1p-27F, 0},                   // denormal result
                        Case{1.5F * smallest, 0x1p-100F, -0x1p-26F, 0},     // denormal difference
                        Case{smallest, 0x1p-100F, 0x1p-26F, 2 * smallest},  // normal
                        Case{1, 0x1p100F, 0x1p100F, INFINITY}, Case{1.5F, 3, -2, -4.5F}}) {
    const uint16_t a[2] = {to_bf16(x.a), 0}, b[2] = {to_bf16(x.b), 0};
    float c = x.c;
    load_config(config_of({1, 1, 1}));
    multiply(Product::kBf16, &c, 4, a, 4, b, 4);
    EXPECT_EQ(c, x.expected) << x.c << " + " << x.a << " * " << x.b;
  }
  // The mode was the handler's alone.
  volatile float tiny = smallest;
  tiny = tiny / 2;
  EXPECT_GT(tiny, 0);
}

TEST_F(AmxEmulatorTest, Int8ProductsAreExact) {
  for (const Product product : {Product::kSS, Product::kSU, Product::kUS, Product::kUU})
    for (const Shape& s : kShapes) {
      SCOPED_TRACE(testing::Message() << s.m << "x" << s.n << "x" << s.k << ", product " << static_cast<int>(product));
      const bool a_signed = product == Product::kSS || product == Product::kSU;
      const bool b_signed = product == Product::kSS || product == Product::kUS;
      const size_t n = s.n, k = s.k, m = s.m;
      std::vector<uint32_t> c(m * n);
      std::vector<uint8_t> a(m * k * 4), b(k * n * 4);
      for (uint32_t& x : c) x = static_cast<uint32_t>(random_());  // so that some sums wrap around
      for (uint8_t& x : a) x = static_cast<uint8_t>(random_());
      for (uint8_t& x : b) x = static_cast<uint8_t>(random_());
      std::vector<uint32_t> expected = c;
      for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < n; ++j)
          for (size_t p = 0; p < 4 * k; ++p) {
            const uint8_t x = a[i * 4 * k + p], y = b[(p / 4 * n + j) * 4 + p % 4];
            const int factor = a_signed ? static_cast<int8_t>(x) : x, other = b_signed ? static_cast<int8_t>(y) : y;
            expected[i * n + j] += static_cast<uint32_t>(factor * other);
          }
      load_config(config_of(s));
      multiply(product, c.data(), 4 * n, a.data(), 4 * k, b.data(), 4 * n);
      EXPECT_EQ(c, expected);
    }
}

TEST_F(AmxEmulatorTest, ConfigRoundTrip) {
  AmxTileConfig config, stored;
  for (int tile = 0; tile < 8; ++tile) config.set(tile, 2 * tile + 1, 64 - 7 * tile);
  config.set(3, 0, 0);
  load_config(config);
  store_config(&stored);
  EXPECT_EQ(std::memcmp(&config, &stored, 64), 0);
  release();
  store_config(&stored);
  const AmxTileConfig none;
  EXPECT_EQ(std::memcmp(&none, &stored, 64), 0);
  load_config(config);
  load_config(none);
  store_config(&stored);
  EXPECT_EQ(std::memcmp(&none, &stored, 64), 0);
}

TEST_F(AmxEmulatorTest, LoadsAndConfigsZeroWhatTheyDoNotFill) {
  const std::vector<uint32_t> ones(16 * 16, 0x01010101);
  std::vector<uint32_t> stored(16 * 16);
  load_config(AmxTileConfig().set(0, 16, 64));
  load_tile_0(ones.data(), 64);
  store_tile_0(stored.data(), 64);
  EXPECT_EQ(stored, ones);
  load_config(AmxTileConfig().set(0, 16, 64));
  store_tile_0(stored.data(), 64);
  EXPECT_EQ(stored, std::vector<uint32_t>(16 * 16));
  load_tile_0(ones.data(), 64);
  zero_tile_0();
  store_tile_0(stored.data(), 64);
  EXPECT_EQ(stored, std::vector<uint32_t>(16 * 16));
}

TEST_F(AmxEmulatorTest, StartRowSkipsRowsOnce) {
  const std::vector<uint32_t> ones(16, 1);
  std::vector<uint32_t> stored(16, 9);
  AmxTileConfig config = AmxTileConfig().set(0, 16, 4), after;
  config.start_row = 14;
  load_config(config);
  load_tile_0(ones.data(), 4);
  store_config(&after);
  EXPECT_EQ(after.start_row, 0);
  store_tile_0(stored.data(), 4);
  std::vector<uint32_t> expected(16, 0);
  expected[14] = expected[15] = 1;
  EXPECT_EQ(stored, expected);
}

TEST_F(AmxEmulatorTest, CountsEveryInstruction) {
  if (!AmxEmulator::counts_available()) GTEST_SKIP() << "this CPU has AMX";
  AmxEmulator::reset_counts();
  EXPECT_EQ(AmxEmulator::counts(), AmxCounts{});
  const uint32_t zeros[16] = {};
  uint32_t c[1] = {};
  load_config(config_of({1, 1, 1}).set(0, 1, 4));
  for (const Product product : {Product::kBf16, Product::kSS, Product::kSU, Product::kUS, Product::kUU, Product::kUU})
    multiply(product, c, 4, zeros, 4, zeros, 4);
  zero_tile_0();
  zero_tile_0();
  release();
  EXPECT_EQ(AmxEmulator::counts(), (AmxCounts{.tdpbf16ps = 1,
                                              .tdpb_int8 = 5,
                                              .tile_loads = 18,
                                              .tile_stores = 6,
                                              .tile_zeros = 2,
                                              .configs = 1,
                                              .releases = 1}));
}

TEST_F(AmxEmulatorTest, ThreadsHaveTheirOwnTiles) {
  constexpr int kRounds = 300;
  const auto work = [](const Shape& s, uint8_t value, int& wrong) {
    const std::vector<uint8_t> a(s.m * s.k * 4, value), b(s.k * s.n * 4, 1);
    load_config(config_of(s));
    for (int round = 0; round < kRounds; ++round) {
      std::vector<uint32_t> c(s.m * s.n, round);
      multiply(Product::kUU, c.data(), 4 * s.n, a.data(), 4 * s.k, b.data(), 4 * s.n);
      for (const uint32_t x : c) wrong += x != static_cast<uint32_t>(round + 4 * s.k * value);
    }
    release();
  };
  int wrong[2] = {0, 0};
  {
    std::jthread first([&] { work({16, 3, 11}, 5, wrong[0]); });
    std::jthread second([&] { work({9, 16, 16}, 200, wrong[1]); });
  }
  EXPECT_EQ(wrong[0], 0);
  EXPECT_EQ(wrong[1], 0);
}

int skipped_ud2 = 0;

TEST(AmxEmulatorHandler, OtherIllegalInstructionsGoToThePreviousHandler) {
  struct sigaction skip = {}, before = {}, now = {};
  skip.sa_flags = SA_SIGINFO;
  skip.sa_sigaction = [](int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
    ++skipped_ud2;
  };
  ASSERT_EQ(sigaction(SIGILL, &skip, &before), 0);
  {
    AmxEmulator outer;
    { AmxEmulator inner; }
    asm volatile("ud2" ::: "memory");
    load_config(AmxTileConfig().set(0, 1, 4));  // still emulated
    release();
    asm volatile("ud2" ::: "memory");
  }
  EXPECT_EQ(skipped_ud2, 2);
  ASSERT_EQ(sigaction(SIGILL, &before, &now), 0);
  EXPECT_EQ(now.sa_sigaction, skip.sa_sigaction);
}

// Dies of SIGILL, with the emulator's line on stderr where it is in use.
void expect_refused(void (*code)(), const std::string& message) {
  EXPECT_EXIT(code(), testing::KilledBySignal(SIGILL), AmxEmulator::counts_available() ? "AmxEmulator: " + message : "");
}

TEST_F(AmxEmulatorDeathTest, RefusesTilesThatAreNotConfigured) {
  expect_refused([] { zero_tile_0(); }, "tilezero is refused: tiles are not configured");
  expect_refused([] { dot_0_1_2(); }, "tdpbf16ps is refused: tiles are not configured");
  expect_refused(
      [] {
        load_config(AmxTileConfig().set(1, 1, 4));
        zero_tile_0();
      },
      "tilezero is refused: the tile is not configured");
  expect_refused(
      [] {
        load_config(AmxTileConfig().set(0, 1, 6));
        load_tile_0("0123456", 0);
      },
      "tileloadd is refused: bytes a row are no multiple of 4");
}

TEST_F(AmxEmulatorDeathTest, RefusesProductsOfWrongTiles) {
  expect_refused(
      [] {
        load_config(AmxTileConfig().set(0, 1, 4).set(1, 1, 4));
        asm volatile(".byte 0xC4, 0xE2, 0x73, 0x5E, 0xC1");  // tdpbssd tmm0, tmm1, tmm1: no assembler takes it
      },
      "tdpbssd is refused: the three tiles are not distinct");
  expect_refused(
      [] {
        load_config(AmxTileConfig().set(0, 2, 8).set(1, 3, 8).set(2, 2, 8));
        dot_0_1_2();
      },
      "tdpbf16ps is refused: rows of the result and of the first factor differ");
  expect_refused(
      [] {
        load_config(AmxTileConfig().set(0, 2, 8).set(1, 2, 8).set(2, 2, 12));
        dot_0_1_2();
      },
      "tdpbf16ps is refused: columns of the result and of the second factor differ");
  expect_refused(
      [] {
        load_config(AmxTileConfig().set(0, 2, 8).set(1, 2, 12).set(2, 2, 8));
        dot_0_1_2();
      },
      "tdpbf16ps is refused: columns of the first factor and rows of the second differ");
}

TEST_F(AmxEmulatorDeathTest, RefusesBadConfigs) {
  if (!AmxEmulator::counts_available()) GTEST_SKIP() << "this CPU has AMX, which raises another signal";
  expect_refused([] { load_config(AmxTileConfig().set(0, 17, 64)); }, "ldtilecfg is refused: #GP: more than 16 rows");
  expect_refused([] { load_config(AmxTileConfig().set(7, 16, 65)); }, "ldtilecfg is refused: #GP: more than 64 bytes a row");
  expect_refused([] { load_config(AmxTileConfig().set(1, 16, 0)); },
                 "ldtilecfg is refused: #GP: a tile with rows or columns alone");
  expect_refused([] { load_config(AmxTileConfig().set(8, 1, 4)); },
                 "ldtilecfg is refused: #GP: reserved bytes are not zero");
  expect_refused(
      [] {
        AmxTileConfig config;
        config.palette = 2;
        load_config(config);
      },
      "ldtilecfg is refused: #GP: unknown palette");
}

TEST_F(AmxEmulatorDeathTest, OtherIllegalInstructionsStillKill) {
  EXPECT_EXIT(asm volatile("ud2"), testing::KilledBySignal(SIGILL), "^$");
  EXPECT_EXIT(raise(SIGILL), testing::KilledBySignal(SIGILL), "^$");
}

}  // namespace
}  // namespace tilefit::test
