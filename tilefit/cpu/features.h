// What this CPU can do, and which instruction set the kernels use. Read from CPUID and XGETBV by own code (a hypervisor's masks are
// believed: an instruction that CPUID hides is not used), with the system's permission for AMX.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tilefit/base/function_ref.h"

namespace tilefit {

/// Instruction sets that both the CPU has and the system saves on a context switch.
struct CpuFeatures {
  bool sse42 = false, avx2 = false, fma = false, f16c = false;
  bool avx512f = false, avx512bw = false, avx512dq = false, avx512vl = false, avx512_vnni = false, avx512_bf16 = false;
  bool amx_tile = false, amx_bf16 = false, amx_int8 = false;  ///< Only with the system's permission to use tiles.
  std::string vendor;                                         ///< "GenuineIntel", "AuthenticAMD"
  std::string model_name;                                     ///< "AMD EPYC 9R14"; may be empty
};

/// The features of this machine; the first call asks the CPU, and the system for AMX. Thread-safe.
const CpuFeatures& cpu_features();

/// Levels that kernels are written for, slowest first. Each level needs the one before it (cpu_lacks() lists all needs).
enum class Isa { kBaseline, kAvx2, kAvx512, kAvx512Bf16, kAmx };

/// "baseline", "avx2", "avx512", "avx512_bf16", "amx".
std::string_view isa_name(Isa isa) noexcept;

/// The features an Isa needs that `features` lacks, named as in /proc/cpuinfo, with ", " between them; empty: it can run.
/// avx2: AVX2, FMA, F16C. avx512: and AVX-512 F, BW, DQ, VL. avx512_bf16: and that. amx: and AMX tiles with bf16.
std::string cpu_lacks(Isa isa, const CpuFeatures& features);

/// True when this machine can run kernels of a level.
bool isa_supported(Isa isa);

/// The level to compute with: the best of `available` (levels that have kernels, any order, kBaseline among them) that `features`
/// allow, or the one `wanted` names. Throws Error(kUsage) when `wanted` is no name or has no kernels, Error(kEnvironment) when
/// the CPU lacks what it needs.
Isa choose_isa(std::span<const Isa> available, std::string_view wanted, const CpuFeatures& features);

/// As above with this machine's features, and TILEFIT_ISA of the environment (empty or unset: the best) as `wanted`.
Isa choose_isa(std::span<const Isa> available);

/// Registers EAX, EBX, ECX, EDX that CPUID returns.
using CpuidRegisters = std::array<uint32_t, 4>;
using Cpuid = FunctionRef<CpuidRegisters(uint32_t leaf, uint32_t subleaf)>;

/// The rule behind cpu_features(), apart from the machine. cpuid: answers every leaf up to the maximum it reports itself.
/// xcr0: what the system saves, asked for only when CPUID reports OSXSAVE. amx_permitted: asked only when all else allows AMX.
CpuFeatures decode_cpu_features(Cpuid cpuid, FunctionRef<uint64_t()> xcr0, FunctionRef<bool()> amx_permitted);

}  // namespace tilefit
