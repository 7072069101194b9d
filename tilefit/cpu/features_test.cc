#include "tilefit/cpu/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "tests/support/golden.h"
#include "tilefit/base/error.h"

namespace tilefit {
namespace {

using ::testing::HasSubstr;

constexpr Isa kWithKernels[] = {Isa::kBaseline, Isa::kAvx2, Isa::kAvx512};

Code code_of(std::span<const Isa> available, std::string_view wanted, const CpuFeatures& features) {
  try {
    choose_isa(available, wanted, features);
  } catch (const Error& e) {
    return e.code();
  }
  return Code::kResumable;
}

CpuFeatures avx2_machine() {
  CpuFeatures f;
  f.sse42 = f.avx2 = f.fma = f.f16c = true;
  f.model_name = "Test CPU";
  return f;
}

CpuFeatures avx512_machine() {
  CpuFeatures f = avx2_machine();
  f.avx512f = f.avx512bw = f.avx512dq = f.avx512vl = true;
  return f;
}

// A CPU with everything, under a system that saves `xcr0`.
struct FakeCpu {
  std::map<std::pair<uint32_t, uint32_t>, CpuidRegisters> leaves = {
      {{0, 0}, {7, 0x756E6547, 0x6C65746E, 0x49656E69}},                          // "GenuineIntel"
      {{1, 0}, {0, 0, 1u << 12 | 1u << 20 | 1u << 27 | 1u << 28 | 1u << 29, 0}},  // FMA SSE4.2 OSXSAVE AVX F16C
      {{7, 0}, {1, 1u << 5 | 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, 1u << 11, 1u << 22 | 1u << 24 | 1u << 25}},
      {{7, 1}, {1u << 5, 0, 0, 0}},
      {{0x80000000u, 0}, {0x80000004u, 0, 0, 0}},
      {{0x80000002u, 0}, {0x20202020, 0x74736554, 0x20202020, 0x20555043}},  // "    Test    CPU "
      {{0x80000003u, 0}, {0x00000020, 0x58585858, 0, 0}},                    // " ", NUL, junk
      {{0x80000004u, 0}, {0, 0, 0, 0}}};
  uint64_t xcr0 = 0x600E7;
  bool permitted = true;
  int xgetbv_calls = 0, permission_calls = 0;

  CpuFeatures decode() {
    return decode_cpu_features(
        [&](uint32_t leaf, uint32_t subleaf) {
          const auto found = leaves.find({leaf, subleaf});
          if (found == leaves.end()) ADD_FAILURE() << "asked for leaf " << leaf << "." << subleaf;
          return found == leaves.end() ? CpuidRegisters{} : found->second;
        },
        [&] { return ++xgetbv_calls, xcr0; }, [&] { return ++permission_calls, permitted; });
  }
};

TEST(CpuFeaturesTest, DecodesACpuThatHasAll) {
  const CpuFeatures f = FakeCpu().decode();
  EXPECT_EQ(f.vendor, "GenuineIntel");
  EXPECT_EQ(f.model_name, "Test CPU");
  EXPECT_EQ(cpu_lacks(Isa::kAmx, f), "");
  EXPECT_TRUE(f.avx512_vnni && f.amx_int8);
}

TEST(CpuFeaturesTest, WithoutOsxsaveOnlySseIsLeftAndXgetbvIsNotRun) {
  FakeCpu cpu;
  cpu.leaves[{1, 0}][2] &= ~(1u << 27);
  const CpuFeatures f = cpu.decode();
  EXPECT_TRUE(f.sse42);
  EXPECT_FALSE(f.avx2 || f.fma || f.f16c || f.avx512f || f.amx_tile);
  EXPECT_EQ(cpu.xgetbv_calls, 0);
  EXPECT_EQ(cpu.permission_calls, 0);
}

TEST(CpuFeaturesTest, RegistersTheSystemDoesNotSaveAreNotUsed) {
  FakeCpu cpu;
  cpu.xcr0 = 0x7;
  EXPECT_EQ(cpu_lacks(Isa::kAvx2, cpu.decode()), "");
  EXPECT_EQ(cpu_lacks(Isa::kAmx, cpu.decode()), "avx512f, avx512bw, avx512dq, avx512vl, avx512_bf16, amx_tile, amx_bf16");
  EXPECT_FALSE(cpu.decode().avx512_vnni);
  EXPECT_EQ(cpu.permission_calls, 0);
  cpu.xcr0 = 0x3;  // Without the upper halves of YMM.
  EXPECT_FALSE(cpu.decode().avx2);
  cpu.xcr0 = 0x67;  // ZMM in part.
  EXPECT_FALSE(cpu.decode().avx512f);
}

TEST(CpuFeaturesTest, AmxNeedsPermission) {
  FakeCpu cpu;
  cpu.permitted = false;
  EXPECT_EQ(cpu_lacks(Isa::kAmx, cpu.decode()), "amx_tile, amx_bf16");
  EXPECT_EQ(cpu.permission_calls, 1);
}

TEST(CpuFeaturesTest, OldCpusAreNotAskedForLeavesTheyLack) {
  FakeCpu cpu;
  cpu.leaves[{7, 0}][0] = 0;
  cpu.leaves.erase({7, 1});
  EXPECT_EQ(cpu_lacks(Isa::kAvx512Bf16, cpu.decode()), "avx512_bf16");
  cpu.leaves[{0, 0}][0] = 4;
  cpu.leaves.erase({7, 0});
  cpu.leaves[{0x80000000u, 0}][0] = 0;
  const CpuFeatures f = cpu.decode();
  EXPECT_TRUE(f.sse42);
  EXPECT_FALSE(f.avx2);
  EXPECT_EQ(f.model_name, "");
}

TEST(CpuFeaturesTest, AgreesWithTheKernel) {
  std::ifstream file("/proc/cpuinfo");
  std::string line, name;
  std::set<std::string> flags;
  while (std::getline(file, line)) {
    if (line.rfind("model name", 0) == 0 && name.empty()) name = line.substr(line.find(": ") + 2);
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) flags.insert(word);
    break;
  }
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo has no flags line";
  const CpuFeatures& f = cpu_features();
  const std::pair<const char*, bool> pairs[] = {{"sse4_2", f.sse42},
                                                {"avx2", f.avx2},
                                                {"fma", f.fma},
                                                {"f16c", f.f16c},
                                                {"avx512f", f.avx512f},
                                                {"avx512bw", f.avx512bw},
                                                {"avx512dq", f.avx512dq},
                                                {"avx512vl", f.avx512vl},
                                                {"avx512_vnni", f.avx512_vnni},
                                                {"avx512_bf16", f.avx512_bf16}};
  for (const auto& [flag, value] : pairs) EXPECT_EQ(value, flags.count(flag) == 1) << flag;
  if (f.amx_tile) {
    EXPECT_TRUE(flags.count("amx_tile"));
    EXPECT_EQ(f.amx_bf16, flags.count("amx_bf16") == 1);
  }
  EXPECT_THAT(f.vendor, ::testing::SizeIs(12));
  EXPECT_FALSE(f.model_name.empty());
  EXPECT_EQ(f.model_name.substr(0, 3), name.substr(0, 3));
}

TEST(IsaTest, NamesAndSupport) {
  EXPECT_EQ(isa_name(Isa::kBaseline), "baseline");
  EXPECT_EQ(isa_name(Isa::kAvx512Bf16), "avx512_bf16");
  EXPECT_EQ(isa_name(Isa::kAmx), "amx");
  EXPECT_TRUE(isa_supported(Isa::kBaseline));
  EXPECT_EQ(isa_supported(Isa::kAvx2), cpu_features().avx2 && cpu_features().fma && cpu_features().f16c);
}

TEST(IsaTest, TheBestAvailableLevelIsChosen) {
  constexpr Isa kOnlyBaseline[] = {Isa::kBaseline};
  constexpr Isa kUnordered[] = {Isa::kAvx512, Isa::kBaseline, Isa::kAvx2};
  EXPECT_EQ(choose_isa(kWithKernels, "", avx512_machine()), Isa::kAvx512);
  EXPECT_EQ(choose_isa(kUnordered, "", avx512_machine()), Isa::kAvx512);
  EXPECT_EQ(choose_isa(kUnordered, "", avx2_machine()), Isa::kAvx2);
  EXPECT_EQ(choose_isa(kOnlyBaseline, "", avx512_machine()), Isa::kBaseline);
  CpuFeatures no_fma = avx512_machine();
  no_fma.fma = false;
  EXPECT_EQ(choose_isa(kWithKernels, "", no_fma), Isa::kBaseline) << "each level needs the one before";
}

TEST(IsaTest, ALowerLevelCanBeForced) {
  EXPECT_EQ(choose_isa(kWithKernels, "avx2", avx512_machine()), Isa::kAvx2);
  EXPECT_EQ(choose_isa(kWithKernels, "baseline", avx512_machine()), Isa::kBaseline);
}

TEST(IsaTest, WrongWishesSayWhatIsWrongAndWhatToDo) {
  EXPECT_EQ(code_of(kWithKernels, "avx521", avx2_machine()), Code::kUsage);
  EXPECT_EQ(test::error_message([] { choose_isa(kWithKernels, "avx521", avx2_machine()); }),
            "[cpu/features] TILEFIT_ISA is 'avx521', expected one of baseline, avx2, avx512, avx512_bf16, amx. Try: "
            "TILEFIT_ISA=avx512");
  EXPECT_THAT(test::error_message([] { choose_isa(kWithKernels, "zzzzzzzzz", avx2_machine()); }),
              HasSubstr("Try: TILEFIT_ISA=avx2"));

  EXPECT_EQ(code_of(kWithKernels, "avx512", avx2_machine()), Code::kEnvironment);
  EXPECT_EQ(
      test::error_message([] { choose_isa(kWithKernels, "avx512", avx2_machine()); }),
      "[cpu/features] TILEFIT_ISA is 'avx512', but this CPU (Test CPU) lacks avx512f, avx512bw, avx512dq, avx512vl. Try: "
      "TILEFIT_ISA=avx2, or leave it unset");

  CpuFeatures all = avx512_machine();
  all.avx512_bf16 = all.amx_tile = all.amx_bf16 = true;
  EXPECT_EQ(code_of(kWithKernels, "amx", all), Code::kUsage);
  EXPECT_EQ(test::error_message([&] { choose_isa(kWithKernels, "amx", all); }),
            "[cpu/features] TILEFIT_ISA is 'amx', but this build has kernels for baseline, avx2, avx512 only. Try: "
            "TILEFIT_ISA=avx512, or leave it unset");

  EXPECT_EQ(code_of(kWithKernels, "", CpuFeatures{}), Code::kEnvironment);
  EXPECT_THAT(test::error_message([] { choose_isa(kWithKernels, "", CpuFeatures{}); }), HasSubstr("lacks sse4_2"));
}

TEST(IsaTest, TheEnvironmentIsRead) {
  const char* before = std::getenv("TILEFIT_ISA");
  const std::string kept = before ? before : "";
  setenv("TILEFIT_ISA", "baseline", 1);
  EXPECT_EQ(choose_isa(kWithKernels), Isa::kBaseline);
  setenv("TILEFIT_ISA", "", 1);
  EXPECT_TRUE(isa_supported(choose_isa(kWithKernels)));
  setenv("TILEFIT_ISA", "sse9", 1);
  EXPECT_THROW(choose_isa(kWithKernels), Error);
  if (before) setenv("TILEFIT_ISA", kept.c_str(), 1);
  else unsetenv("TILEFIT_ISA");
}

}  // namespace
}  // namespace tilefit
