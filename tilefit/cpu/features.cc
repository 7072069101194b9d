#include "tilefit/cpu/features.h"

#include <cpuid.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <vector>

#include "tilefit/base/check.h"
#include "tilefit/base/error.h"
#include "tilefit/base/text_distance.h"

namespace tilefit {
namespace {

constexpr Isa kAllIsas[] = {Isa::kBaseline, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16, Isa::kAmx};

enum Register { kEax, kEbx, kEcx, kEdx };

// State components of XCR0 (Intel SDM volume 1, chapter 13).
constexpr uint64_t kXmmYmmState = 0x6;
constexpr uint64_t kZmmState = 0xE0;
constexpr uint64_t kTileState = 0x60000;

bool bit(uint32_t word, int index) { return (word >> index) & 1; }

struct Need {
  Isa isa;  // Needed from this level on.
  bool CpuFeatures::*feature;
  const char* name;
};

constexpr Need kNeeds[] = {
    {Isa::kBaseline, &CpuFeatures::sse42, "sse4_2"},
    {Isa::kAvx2, &CpuFeatures::avx2, "avx2"},
    {Isa::kAvx2, &CpuFeatures::fma, "fma"},
    {Isa::kAvx2, &CpuFeatures::f16c, "f16c"},
    {Isa::kAvx512, &CpuFeatures::avx512f, "avx512f"},
    {Isa::kAvx512, &CpuFeatures::avx512bw, "avx512bw"},
    {Isa::kAvx512, &CpuFeatures::avx512dq, "avx512dq"},
    {Isa::kAvx512, &CpuFeatures::avx512vl, "avx512vl"},
    {Isa::kAvx512Bf16, &CpuFeatures::avx512_bf16, "avx512_bf16"},
    {Isa::kAmx, &CpuFeatures::amx_tile, "amx_tile"},
    {Isa::kAmx, &CpuFeatures::amx_bf16, "amx_bf16"},
};

void append_registers(std::string& text, std::initializer_list<uint32_t> registers) {
  for (const uint32_t value : registers) {
    char bytes[4];
    std::memcpy(bytes, &value, sizeof bytes);
    text.append(bytes, sizeof bytes);
  }
}

// The brand string as people read it: up to the first NUL, runs of blanks made one, none at the ends.
std::string tidy(std::string_view raw) {
  std::string text;
  for (const char c : raw.substr(0, raw.find('\0')))
    if (c != ' ' || (!text.empty() && text.back() != ' ')) text += c;
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string read_model_name(Cpuid cpuid) {
  if (cpuid(0x80000000u, 0)[kEax] < 0x80000004u) return "";
  std::string raw;
  for (uint32_t leaf = 0x80000002u; leaf <= 0x80000004u; ++leaf) {
    const CpuidRegisters r = cpuid(leaf, 0);
    append_registers(raw, {r[kEax], r[kEbx], r[kEcx], r[kEdx]});
  }
  return tidy(raw);
}

CpuidRegisters machine_cpuid(uint32_t leaf, uint32_t subleaf) {
  CpuidRegisters r{};
  __cpuid_count(leaf, subleaf, r[kEax], r[kEbx], r[kEcx], r[kEdx]);
  return r;
}

uint64_t machine_xcr0() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

// Linux gives a process tile state only on request (kernel 5.16); any failure means no AMX.
bool request_amx() {
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kXfeatureXtiledata = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kXfeatureXtiledata) == 0;
}

std::string names_of(std::span<const Isa> isas) {
  std::string names;
  for (const Isa isa : isas) names += fmt::format("{}{}", names.empty() ? "" : ", ", isa_name(isa));
  return names;
}

bool has(std::span<const Isa> isas, Isa isa) { return std::find(isas.begin(), isas.end(), isa) != isas.end(); }

}  // namespace

CpuFeatures decode_cpu_features(Cpuid cpuid, FunctionRef<uint64_t()> xcr0, FunctionRef<bool()> amx_permitted) {
  CpuFeatures f;
  const CpuidRegisters leaf0 = cpuid(0, 0);
  const uint32_t max_leaf = leaf0[kEax];
  append_registers(f.vendor, {leaf0[kEbx], leaf0[kEdx], leaf0[kEcx]});
  f.vendor = tidy(f.vendor);
  f.model_name = read_model_name(cpuid);
  if (max_leaf < 1) return f;

  const CpuidRegisters leaf1 = cpuid(1, 0);
  f.sse42 = bit(leaf1[kEcx], 20);
  const bool osxsave = bit(leaf1[kEcx], 27);
  const uint64_t saved = osxsave ? xcr0() : 0;
  const bool avx = bit(leaf1[kEcx], 28) && (saved & kXmmYmmState) == kXmmYmmState;
  if (!avx || max_leaf < 7) return f;
  f.fma = bit(leaf1[kEcx], 12);
  f.f16c = bit(leaf1[kEcx], 29);

  const CpuidRegisters leaf7 = cpuid(7, 0);
  const CpuidRegisters leaf7_1 = leaf7[kEax] >= 1 ? cpuid(7, 1) : CpuidRegisters{};
  f.avx2 = bit(leaf7[kEbx], 5);
  if (bit(leaf7[kEbx], 16) && (saved & kZmmState) == kZmmState) {
    f.avx512f = true;
    f.avx512dq = bit(leaf7[kEbx], 17);
    f.avx512bw = bit(leaf7[kEbx], 30);
    f.avx512vl = bit(leaf7[kEbx], 31);
    f.avx512_vnni = bit(leaf7[kEcx], 11);
    f.avx512_bf16 = bit(leaf7_1[kEax], 5);
  }
  if (bit(leaf7[kEdx], 24) && (saved & kTileState) == kTileState && amx_permitted()) {
    f.amx_tile = true;
    f.amx_bf16 = bit(leaf7[kEdx], 22);
    f.amx_int8 = bit(leaf7[kEdx], 25);
  }
  return f;
}

const CpuFeatures& cpu_features() {
  static const CpuFeatures features =
      decode_cpu_features([](uint32_t leaf, uint32_t subleaf) { return machine_cpuid(leaf, subleaf); },
                          [] { return machine_xcr0(); }, [] { return request_amx(); });
  return features;
}

std::string_view isa_name(Isa isa) noexcept {
  constexpr std::string_view kNames[] = {"baseline", "avx2", "avx512", "avx512_bf16", "amx"};
  static_assert(std::size(kNames) == std::size(kAllIsas));
  return kNames[static_cast<int>(isa)];
}

std::string cpu_lacks(Isa isa, const CpuFeatures& features) {
  std::string lacking;
  for (const Need& need : kNeeds)
    if (need.isa <= isa && !(features.*need.feature)) lacking += fmt::format("{}{}", lacking.empty() ? "" : ", ", need.name);
  return lacking;
}

bool isa_supported(Isa isa) { return cpu_lacks(isa, cpu_features()).empty(); }

Isa choose_isa(std::span<const Isa> available, std::string_view wanted, const CpuFeatures& features) {
  TF_CHECK(has(available, Isa::kBaseline), "every build has baseline kernels");
  std::vector<Isa> usable;
  for (const Isa isa : kAllIsas)
    if (has(available, isa) && cpu_lacks(isa, features).empty()) usable.push_back(isa);
  if (usable.empty())
    throw Error(Code::kEnvironment,
                fmt::format("this CPU ({}) lacks {}", features.model_name, cpu_lacks(Isa::kBaseline, features)),
                "cpu/features", "a machine of the x86-64-v2 level (2009 or later)");
  if (wanted.empty()) return usable.back();

  const auto* const named =
      std::find_if(std::begin(kAllIsas), std::end(kAllIsas), [&](Isa isa) { return isa_name(isa) == wanted; });
  if (named == std::end(kAllIsas)) {
    std::vector<std::string> names;
    for (const Isa isa : kAllIsas) names.emplace_back(isa_name(isa));
    const std::vector<std::string> near = nearest_names(wanted, names, 1);
    throw Error(Code::kUsage, fmt::format("TILEFIT_ISA is '{}', expected one of {}", wanted, names_of(kAllIsas)),
                "cpu/features",
                fmt::format("TILEFIT_ISA={}", near.empty() ? isa_name(usable.back()) : std::string_view(near.front())));
  }
  const std::string best = fmt::format("TILEFIT_ISA={}, or leave it unset", isa_name(usable.back()));
  if (const std::string lacking = cpu_lacks(*named, features); !lacking.empty())
    throw Error(Code::kEnvironment,
                fmt::format("TILEFIT_ISA is '{}', but this CPU ({}) lacks {}", wanted, features.model_name, lacking),
                "cpu/features", best);
  if (!has(available, *named))
    throw Error(Code::kUsage,
                fmt::format("TILEFIT_ISA is '{}', but this build has kernels for {} only", wanted, names_of(available)),
                "cpu/features", best);
  return *named;
}

Isa choose_isa(std::span<const Isa> available) {
  const char* wanted = std::getenv("TILEFIT_ISA");
  return choose_isa(available, wanted ? wanted : "", cpu_features());
}

}  // namespace tilefit
