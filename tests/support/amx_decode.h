// The machine code of AMX instructions (Intel SDM, volume 2), as a signal handler needs it: no allocation, no lock.
#pragma once
#include <ucontext.h>

#include <cstdint>
#include <optional>

namespace tilefit::test {

enum class AmxOp : uint8_t {
  kLoadConfig,
  kStoreConfig,
  kRelease,
  kZero,
  kLoad,
  kStore,
  kBf16,
  kInt8SS,
  kInt8SU,
  kInt8US,
  kInt8UU
};

struct AmxInstruction {
  AmxOp op;
  const char* name = "";                 ///< "tdpbf16ps"
  unsigned length = 0;                   ///< bytes
  unsigned reg = 0, rm = 0, vector = 0;  ///< ModRM.reg, ModRM.r/m and VEX.vvvv with the bits that VEX adds
  uintptr_t address = 0;                 ///< memory operand: base and displacement
  uintptr_t index = 0;                   ///< and index times scale: for tiles the stride of the rows
  const char* fault = nullptr;           ///< Why the CPU would refuse this encoding; then length and addresses are not set.
};

/// The AMX instruction at `code` with its operands' addresses by `registers` (a signal's), or nothing. Reads no byte beyond the
/// instruction, which may end where the mapped memory does.
std::optional<AmxInstruction> decode_amx(const uint8_t* code, const greg_t* registers);

}  // namespace tilefit::test
