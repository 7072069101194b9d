// Each way of addressing, as the assembler encodes it, is carried out by the emulator (or by a CPU with AMX) and must reach the right
// rows; encodings that the assembler does not make are given to the decoder as bytes.
#include "tests/support/amx_decode.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tests/support/amx_emulator.h"

namespace tilefit::test {
namespace {

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

class AmxDecode : public testing::Test {
 protected:
  static constexpr int kRowCount = 5, kBytes = 12, kStride = 40;

  AmxDecode() : from_(1 << 14), to_(1 << 14) {
    std::mt19937 random(7);
    for (uint8_t& x : from_) x = static_cast<uint8_t>(random() | 1);
    for (int tile = 0; tile < 8; ++tile) config_.set(tile, kRowCount, kBytes);
  }
  ~AmxDecode() override {
    asm volatile("tilerelease");
    for (int row = 0; row < kRowCount; ++row)
      for (int i = 0; i < kBytes; ++i)
        EXPECT_EQ(to()[row * kBytes + i], source()[row * kStride * stride_sign_ + i]) << "row " << row << ", byte " << i;
  }
  const uint8_t* source() const { return from_.data() + from_.size() / 2; }
  uint8_t* to() { return to_.data(); }

  AmxEmulator emulator_;
  int stride_sign_ = 1;
  AmxTileConfig config_;
  std::vector<uint8_t> from_, to_;
};

TEST_F(AmxDecode, DisplacementsOf8Bits) {
  RUN("ldtilecfg 0x40(%%rdi)\n tileloadd -0x70(%%rsi,%%rdx), %%tmm0\n mov $12, %%edx\n tilestored %%tmm0, 0x20(%%rcx,%%rdx)",
      reinterpret_cast<char*>(&config_) - 0x40, source() + 0x70, kStride, to() - 0x20);
}

TEST_F(AmxDecode, DisplacementsOf32Bits) {
  RUN("ldtilecfg -0x400(%%rdi)\n tileloaddt1 0x12345(%%rsi,%%rdx,8), %%tmm7\n mov $6, %%edx\n"
      "tilestored %%tmm7, -0x1000(%%rcx,%%rdx,2)",
      reinterpret_cast<char*>(&config_) + 0x400, source() - 0x12345, kStride / 8, to() + 0x1000);
}

TEST_F(AmxDecode, NegativeStride) {
  stride_sign_ = -1;
  RUN("ldtilecfg (%%rdi)\n tileloadd (%%rsi,%%rdx), %%tmm1\n mov $12, %%edx\n tilestored %%tmm1, (%%rcx,%%rdx)", &config_,
      source(), -kStride, to());
}

// r12 and r13 need SIB and a displacement as bases, rsp's number means no index while r12 is one.
TEST_F(AmxDecode, Registers8To15) {
  RUN("mov %%rdi, %%r12\n ldtilecfg (%%r12)\n mov %%rsi, %%r12\n mov %%rdx, %%r13\n tileloadd (%%r12,%%r13), %%tmm2\n"
      "mov %%rcx, %%r13\n mov $3, %%r12d\n tilestored %%tmm2, (%%r13,%%r12,4)",
      &config_, source(), kStride, to());
}

TEST_F(AmxDecode, ConfigByIndexedAddress) {
  RUN(
      "mov $0x20, %%r15d\n mov %%rdi, %%r8\n ldtilecfg -0x80(%%r8,%%r15,4)\n sttilecfg 0x100(%%r8,%%r15,2)\n"
      "mov %%rdi, %%r13\n ldtilecfg (%%r13)\n ldtilecfg 0x140(%%r13)\n"
      "mov %%rsi, %%r14\n mov %%rdx, %%r11\n tileloadd (%%r14,%%r11,1), %%tmm6\n"
      "mov %%rcx, %%r9\n mov $12, %%r10d\n tilestored %%tmm6, (%%r9,%%r10)",
      [&] {
        static AmxTileConfig configs[6];  // the copy is at 0x140
        configs[0] = config_;
        return &configs[0];
      }(),
      source(), kStride, to());
}

TEST_F(AmxDecode, RemainingRegisters) {
  RUN("ldtilecfg (%%rdi)\n mov %%rsi, %%rbx\n mov %%rdx, %%rax\n mov %%rbp, %%r15\n mov %%rax, %%rbp\n tileloadd "
      "(%%rbx,%%rbp), "
      "%%tmm3\n"
      "mov %%rcx, %%rbp\n mov $12, %%edi\n tilestored %%tmm3, (%%rbp,%%rdi)\n mov %%r15, %%rbp",
      &config_, source(), kStride, to());
}

// Copies the rows to the stack below the red zone, so that rsp can be the base.
TEST_F(AmxDecode, StackPointerAsBase) {
  RUN("ldtilecfg (%%rdi)\n mov %%rcx, %%rax\n sub $512, %%rsp\n lea 0x20(%%rsp), %%rdi\n mov $256, %%ecx\n cld\n rep movsb\n"
      "tileloadd 0x20(%%rsp,%%rdx), %%tmm4\n mov $12, %%edx\n tilestored %%tmm4, 0x20(%%rsp,%%rdx)\n"
      "lea 0x20(%%rsp), %%rsi\n mov %%rax, %%rdi\n mov $60, %%ecx\n rep movsb\n add $512, %%rsp",
      &config_, source(), kStride, to());
}

TEST_F(AmxDecode, WithoutIndexEveryRowIsTheSame) {
  uint8_t rows[kRowCount * kBytes];
  RUN("ldtilecfg (%%rdi)\n tileloadd (%%rsi), %%tmm5\n mov $12, %%edx\n tilestored %%tmm5, (%%rcx,%%rdx)", &config_,
      source(), 0, rows);
  for (int i = 0; i < kRowCount * kBytes; ++i) EXPECT_EQ(rows[i], source()[i % kBytes]) << i;
  RUN("tileloadd (%%rsi,%%rdx), %%tmm5\n mov $12, %%edx\n tilestored %%tmm5, (%%rcx,%%rdx)", &config_, source(), kStride,
      to());
}

TEST_F(AmxDecode, WithoutBase) {
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

TEST(AmxDecodeConfig, StaticAndThreadLocalMemory) {
  AmxEmulator emulator;
  static AmxTileConfig in_static;            // addressed by rip
  static thread_local AmxTileConfig in_tls;  // addressed by fs
  AmxTileConfig stored;
  in_static.set(2, 3, 4);
  in_tls.set(4, 5, 6);
  asm volatile("ldtilecfg %0" : : "m"(in_static));
  asm volatile("sttilecfg %0" : "=m"(stored));
  EXPECT_EQ(std::memcmp(&stored, &in_static, 64), 0);
  asm volatile("ldtilecfg %0" : : "m"(in_tls));
  asm volatile("sttilecfg %0" : "=m"(stored));
  EXPECT_EQ(std::memcmp(&stored, &in_tls, 64), 0);
  asm volatile("tilerelease");
}

// Why the decoder refuses the bytes; "none" where it does not, "unknown" where they are no AMX instruction.
std::string fault_of(const std::vector<uint8_t>& code) {
  const gregset_t registers = {};
  const auto decoded = decode_amx(code.data(), registers);
  if (!decoded) return "unknown";
  return decoded->fault ? decoded->fault : "none";
}

TEST(AmxDecodeBytes, RefusesEncodingsThatAreNone) {
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0x78, 0x49, 0xC0}), "none");  // tilerelease
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0xF8, 0x49, 0xC0}), "VEX.W or VEX.L is set");
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0x7C, 0x49, 0xC0}), "VEX.W or VEX.L is set");
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0x70, 0x49, 0xC0}), "VEX.vvvv is not 1111");
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0x78, 0x49, 0xC1}), "bad ModRM.r/m");
  EXPECT_EQ(fault_of({0xC4, 0x62, 0x7B, 0x49, 0xC0}), "bad ModRM.reg");               // tilezero of tile 8
  EXPECT_EQ(fault_of({0xC4, 0xC2, 0x6A, 0x5C, 0xC1}), "no such tile");                // tdpbf16ps 0, 9, 2
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0x2A, 0x5C, 0xC1}), "no such tile");                // tdpbf16ps 0, 1, 10
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0x7B, 0x4B, 0x00}), "memory operand without SIB");  // tileloadd 0, (rax)
}

TEST(AmxDecodeBytes, LeavesOtherInstructionsAlone) {
  EXPECT_EQ(fault_of({0x0F, 0x0B}), "unknown");                    // ud2
  EXPECT_EQ(fault_of({0xC4, 0xE1, 0x78, 0x49, 0xC0}), "unknown");  // another opcode map
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0x78, 0x4A, 0xC0}), "unknown");  // another opcode
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0x6B, 0x5C, 0xC1}), "unknown");  // tdpfp16ps, not emulated
  EXPECT_EQ(fault_of({0xC4, 0xE2, 0x6A, 0x5C, 0x01}), "unknown");  // tdpbf16ps with a memory operand
}

}  // namespace
}  // namespace tilefit::test
