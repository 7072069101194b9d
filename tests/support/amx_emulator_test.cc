// Products are compared bit by bit with the SDM's operation written down anew, and loosely with sums in double. On a CPU with AMX the
// same tests run on the hardware, without what only the emulator promises (counts, messages, the last bit).
#include "tests/support/amx_emulator.h"

#include <gtest/gtest.h>
#include <immintrin.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tilefit/kernels/isa/target.h"

namespace tilefit::test {
namespace {

// What ldtilecfg reads.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  TileConfig& set(int tile, int tile_rows, int tile_row_bytes) {
    rows[tile] = static_cast<uint8_t>(tile_rows);
    row_bytes[tile] = static_cast<uint16_t>(tile_row_bytes);
    return *this;
  }
};
static_assert(sizeof(TileConfig) == 64);

// The intrinsics of gcc 12 do not tell the compiler which memory they read.
void memory_barrier() { asm volatile("" ::: "memory"); }

enum class Product { kBf16, kSS, kSU, kUS, kUU };

TF_TARGET_BEGIN("amx-tile,amx-bf16,amx-int8")

void load_config(const TileConfig& config) {
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

TileConfig config_of(const Shape& s) { return TileConfig().set(5, s.m, 4 * s.n).set(6, s.m, 4 * s.k).set(7, s.k, 4 * s.n); }

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

// `code` may use registers at will but rsp; rdi: a config, rsi: where tile rows are, rdx: stride, rcx: where to store.
#define RUN(code, config, from, stride, to)                                                             \
  do {                                                                                                  \
    const void *rdi = (config), *rsi = (from);                                                          \
    long rdx = (stride);                                                                                \
    void* rcx = (to);                                                                                   \
    asm volatile(code                                                                                   \
                 : "+D"(rdi), "+S"(rsi), "+d"(rdx), "+c"(rcx)                                           \
                 :                                                                                      \
                 : "rax", "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc"); \
  } while (false)

class AmxAddressing : public AmxEmulatorTest {
 protected:
  static constexpr int kRowCount = 5, kBytes = 12, kStride = 40;

  AmxAddressing() : from_(1 << 14), to_(1 << 14) {
    for (uint8_t& x : from_) x = static_cast<uint8_t>(random_() | 1);
    for (int tile = 0; tile < 8; ++tile) config_.set(tile, kRowCount, kBytes);
  }
  ~AmxAddressing() override {
    for (int row = 0; row < kRowCount; ++row)
      for (int i = 0; i < kBytes; ++i)
        EXPECT_EQ(to()[row * kBytes + i], source()[row * kStride * stride_sign_ + i]) << "row " << row << ", byte " << i;
  }
  const uint8_t* source() const { return from_.data() + from_.size() / 2; }
  uint8_t* to() { return to_.data(); }

  int stride_sign_ = 1;
  TileConfig config_;
  std::vector<uint8_t> from_, to_;
};

TEST_F(AmxAddressing, DisplacementsOf8Bits) {
  RUN("ldtilecfg 0x40(%%rdi)\n tileloadd -0x70(%%rsi,%%rdx), %%tmm0\n mov $12, %%edx\n tilestored %%tmm0, 0x20(%%rcx,%%rdx)",
      reinterpret_cast<char*>(&config_) - 0x40, source() + 0x70, kStride, to() - 0x20);
}

TEST_F(AmxAddressing, DisplacementsOf32Bits) {
  RUN("ldtilecfg -0x400(%%rdi)\n tileloaddt1 0x12345(%%rsi,%%rdx,8), %%tmm7\n mov $6, %%edx\n"
      "tilestored %%tmm7, -0x1000(%%rcx,%%rdx,2)",
      reinterpret_cast<char*>(&config_) + 0x400, source() - 0x12345, kStride / 8, to() + 0x1000);
}

TEST_F(AmxAddressing, NegativeStride) {
  stride_sign_ = -1;
  RUN("ldtilecfg (%%rdi)\n tileloadd (%%rsi,%%rdx), %%tmm1\n mov $12, %%edx\n tilestored %%tmm1, (%%rcx,%%rdx)", &config_,
      source(), -kStride, to());
}

// r12 and r13 need SIB and a displacement as bases, rsp's number means no index while r12 is one.
TEST_F(AmxAddressing, Registers8To15) {
  RUN("mov %%rdi, %%r12\n ldtilecfg (%%r12)\n mov %%rsi, %%r12\n mov %%rdx, %%r13\n tileloadd (%%r12,%%r13), %%tmm2\n"
      "mov %%rcx, %%r13\n mov $3, %%r12d\n tilestored %%tmm2, (%%r13,%%r12,4)",
      &config_, source(), kStride, to());
}

TEST_F(AmxAddressing, ConfigByIndexedAddress) {
  RUN(
      "mov $0x20, %%r15d\n mov %%rdi, %%r8\n ldtilecfg -0x80(%%r8,%%r15,4)\n sttilecfg 0x100(%%r8,%%r15,2)\n"
      "mov %%rdi, %%r13\n ldtilecfg (%%r13)\n ldtilecfg 0x140(%%r13)\n"
      "mov %%rsi, %%r14\n mov %%rdx, %%r11\n tileloadd (%%r14,%%r11,1), %%tmm6\n"
      "mov %%rcx, %%r9\n mov $12, %%r10d\n tilestored %%tmm6, (%%r9,%%r10)",
      [&] {
        static TileConfig configs[6];  // the copy is at 0x140
        configs[0] = config_;
        return &configs[0];
      }(),
      source(), kStride, to());
}

TEST_F(AmxAddressing, RemainingRegisters) {
  RUN("ldtilecfg (%%rdi)\n mov %%rsi, %%rbx\n mov %%rdx, %%rax\n mov %%rbp, %%r15\n mov %%rax, %%rbp\n tileloadd "
      "(%%rbx,%%rbp), "
      "%%tmm3\n"
      "mov %%rcx, %%rbp\n mov $12, %%edi\n tilestored %%tmm3, (%%rbp,%%rdi)\n mov %%r15, %%rbp",
      &config_, source(), kStride, to());
}

// Copies the rows to the stack below the red zone, so that rsp can be the base.
TEST_F(AmxAddressing, StackPointerAsBase) {
  RUN("ldtilecfg (%%rdi)\n mov %%rcx, %%rax\n sub $512, %%rsp\n lea 0x20(%%rsp), %%rdi\n mov $256, %%ecx\n cld\n rep movsb\n"
      "tileloadd 0x20(%%rsp,%%rdx), %%tmm4\n mov $12, %%edx\n tilestored %%tmm4, 0x20(%%rsp,%%rdx)\n"
      "lea 0x20(%%rsp), %%rsi\n mov %%rax, %%rdi\n mov $60, %%ecx\n rep movsb\n add $512, %%rsp",
      &config_, source(), kStride, to());
}

TEST_F(AmxAddressing, WithoutIndexEveryRowIsTheSame) {
  uint8_t rows[kRowCount * kBytes];
  RUN("ldtilecfg (%%rdi)\n tileloadd (%%rsi), %%tmm5\n mov $12, %%edx\n tilestored %%tmm5, (%%rcx,%%rdx)", &config_,
      source(), 0, rows);
  for (int i = 0; i < kRowCount * kBytes; ++i) EXPECT_EQ(rows[i], source()[i % kBytes]) << i;
  RUN("tileloadd (%%rsi,%%rdx), %%tmm5\n mov $12, %%edx\n tilestored %%tmm5, (%%rcx,%%rdx)", &config_, source(), kStride,
      to());
}

TEST_F(AmxAddressing, WithoutBase) {
  void* const wanted = reinterpret_cast<void*>(0x20000000);
  void* low = mmap(wanted, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (low == wanted) std::memcpy(low, source(), 256);
  RUN("ldtilecfg (%%rdi)\n tileloadd (%%rsi,%%rdx), %%tmm5\n mov $12, %%edx\n tilestored %%tmm5, (%%rcx,%%rdx)", &config_,
      source(), kStride, to());
  if (low != wanted) GTEST_SKIP() << "address 0x20000000 is taken";
  std::memset(to(), 0, kRowCount * kBytes);
  RUN("tileloadd 0x20000000(,%%rdx,4), %%tmm5\n mov $12, %%edx\n tilestored %%tmm5, (%%rcx,%%rdx)", &config_, source(),
      kStride / 4, to());
  munmap(low, 4096);
}

TEST_F(AmxEmulatorTest, ConfigsInStaticAndThreadLocalMemory) {
  static TileConfig in_static;            // addressed by rip
  static thread_local TileConfig in_tls;  // addressed by fs
  TileConfig stored;
  in_static.set(2, 3, 4);
  in_tls.set(4, 5, 6);
  asm volatile("ldtilecfg %0" : : "m"(in_static));
  store_config(&stored);
  EXPECT_EQ(std::memcmp(&stored, &in_static, 64), 0);
  asm volatile("ldtilecfg %0" : : "m"(in_tls));
  store_config(&stored);
  EXPECT_EQ(std::memcmp(&stored, &in_tls, 64), 0);
}

TEST_F(AmxEmulatorTest, ConfigRoundTrip) {
  TileConfig config, stored;
  for (int tile = 0; tile < 8; ++tile) config.set(tile, 2 * tile + 1, 64 - 7 * tile);
  config.set(3, 0, 0);
  load_config(config);
  store_config(&stored);
  EXPECT_EQ(std::memcmp(&config, &stored, 64), 0);
  release();
  store_config(&stored);
  const TileConfig none = [] {
    TileConfig all_zero;
    all_zero.palette = 0;
    return all_zero;
  }();
  EXPECT_EQ(std::memcmp(&none, &stored, 64), 0);
  load_config(config);
  load_config(none);
  store_config(&stored);
  EXPECT_EQ(std::memcmp(&none, &stored, 64), 0);
}

TEST_F(AmxEmulatorTest, LoadsAndConfigsZeroWhatTheyDoNotFill) {
  const std::vector<uint32_t> ones(16 * 16, 0x01010101);
  std::vector<uint32_t> stored(16 * 16);
  load_config(TileConfig().set(0, 16, 64));
  load_tile_0(ones.data(), 64);
  store_tile_0(stored.data(), 64);
  EXPECT_EQ(stored, ones);
  load_config(TileConfig().set(0, 16, 64));
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
  TileConfig config = TileConfig().set(0, 16, 4), after;
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
    load_config(TileConfig().set(0, 1, 4));  // still emulated
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
        load_config(TileConfig().set(1, 1, 4));
        zero_tile_0();
      },
      "tilezero is refused: the tile is not configured");
  expect_refused(
      [] {
        load_config(TileConfig().set(0, 1, 6));
        load_tile_0("0123456", 0);
      },
      "tileloadd is refused: bytes a row are no multiple of 4");
}

TEST_F(AmxEmulatorDeathTest, RefusesProductsOfWrongTiles) {
  expect_refused(
      [] {
        load_config(TileConfig().set(0, 1, 4).set(1, 1, 4));
        asm volatile(".byte 0xC4, 0xE2, 0x73, 0x5E, 0xC1");  // tdpbssd tmm0, tmm1, tmm1: no assembler takes it
      },
      "tdpbssd is refused: the three tiles are not distinct");
  expect_refused(
      [] {
        load_config(TileConfig().set(0, 2, 8).set(1, 3, 8).set(2, 2, 8));
        dot_0_1_2();
      },
      "tdpbf16ps is refused: rows of the result and of the first factor differ");
  expect_refused(
      [] {
        load_config(TileConfig().set(0, 2, 8).set(1, 2, 8).set(2, 2, 12));
        dot_0_1_2();
      },
      "tdpbf16ps is refused: columns of the result and of the second factor differ");
  expect_refused(
      [] {
        load_config(TileConfig().set(0, 2, 8).set(1, 2, 12).set(2, 2, 8));
        dot_0_1_2();
      },
      "tdpbf16ps is refused: columns of the first factor and rows of the second differ");
}

TEST_F(AmxEmulatorDeathTest, RefusesBadConfigs) {
  if (!AmxEmulator::counts_available()) GTEST_SKIP() << "this CPU has AMX, which raises another signal";
  expect_refused([] { load_config(TileConfig().set(0, 17, 64)); }, "ldtilecfg is refused: #GP: more than 16 rows");
  expect_refused([] { load_config(TileConfig().set(7, 16, 65)); }, "ldtilecfg is refused: #GP: more than 64 bytes a row");
  expect_refused([] { load_config(TileConfig().set(1, 16, 0)); },
                 "ldtilecfg is refused: #GP: a tile with rows or columns alone");
  expect_refused([] { load_config(TileConfig().set(8, 1, 4)); }, "ldtilecfg is refused: #GP: reserved bytes are not zero");
  expect_refused(
      [] {
        TileConfig config;
        config.palette = 2;
        load_config(config);
      },
      "ldtilecfg is refused: #GP: unknown palette");
}

TEST_F(AmxEmulatorDeathTest, RefusesEncodingsThatAreNone) {
  // tilerelease with VEX.W, with VEX.vvvv, with ModRM.r/m; tilezero of tile 8.
  expect_refused([] { asm volatile(".byte 0xC4, 0xE2, 0xF8, 0x49, 0xC0"); },
                 "tilerelease is refused: VEX.W or VEX.L is set");
  expect_refused([] { asm volatile(".byte 0xC4, 0xE2, 0x70, 0x49, 0xC0"); }, "tilerelease is refused: VEX.vvvv is not 1111");
  expect_refused([] { asm volatile(".byte 0xC4, 0xE2, 0x78, 0x49, 0xC1"); }, "tilerelease is refused: bad ModRM.r/m");
  expect_refused([] { asm volatile(".byte 0xC4, 0x62, 0x7B, 0x49, 0xC0"); }, "tilezero is refused: bad ModRM.reg");
}

TEST_F(AmxEmulatorDeathTest, OtherIllegalInstructionsStillKill) {
  EXPECT_EXIT(asm volatile("ud2"), testing::KilledBySignal(SIGILL), "^$");
  EXPECT_EXIT(raise(SIGILL), testing::KilledBySignal(SIGILL), "^$");
}

}  // namespace
}  // namespace tilefit::test
