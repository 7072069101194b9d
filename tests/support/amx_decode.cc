#include "tests/support/amx_decode.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace tilefit::test {
namespace {

// VEX.pp: the prefix that a VEX instruction would have had without VEX.
enum Prefix : uint8_t { kNone = 0, k66 = 1, kF3 = 2, kF2 = 3 };

// All are VEX.128.0F38.W0; the same opcode and prefix mean different things with a memory and with a register operand.
struct Encoding {
  uint8_t opcode;
  Prefix prefix;
  bool memory;
  AmxOp op;
  const char* name;
};
constexpr Encoding kEncodings[] = {
    {0x49, kNone, true, AmxOp::kLoadConfig, "ldtilecfg"}, {0x49, k66, true, AmxOp::kStoreConfig, "sttilecfg"},
    {0x49, kNone, false, AmxOp::kRelease, "tilerelease"}, {0x49, kF2, false, AmxOp::kZero, "tilezero"},
    {0x4B, kF2, true, AmxOp::kLoad, "tileloadd"},         {0x4B, k66, true, AmxOp::kLoad, "tileloaddt1"},
    {0x4B, kF3, true, AmxOp::kStore, "tilestored"},       {0x5C, kF3, false, AmxOp::kBf16, "tdpbf16ps"},
    {0x5E, kF2, false, AmxOp::kInt8SS, "tdpbssd"},        {0x5E, kF3, false, AmxOp::kInt8SU, "tdpbsud"},
    {0x5E, k66, false, AmxOp::kInt8US, "tdpbusd"},        {0x5E, kNone, false, AmxOp::kInt8UU, "tdpbuud"},
};

// The numbers that instructions give the general registers, as places in the signal's context.
constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

// Sets the memory operand; `code` is at ModRM. Returns the bytes from ModRM to the operand's end.
// index_bit, base_bit: 8 where VEX.X, VEX.B choose r8 to r15.
unsigned decode_memory(const uint8_t* code, const greg_t* registers, unsigned index_bit, unsigned base_bit,
                       AmxInstruction& result) {
  const auto value_of = [&](unsigned number) { return static_cast<uintptr_t>(registers[kRegisters[number]]); };
  const unsigned mode = code[0] >> 6;
  const bool has_sib = (code[0] & 7) == 4;
  unsigned length = has_sib ? 2 : 1;
  const unsigned base = has_sib ? code[1] & 7 : code[0] & 7;
  const bool no_base = mode == 0 && base == 5;  // then a displacement of 32 bits, to the next instruction without SIB
  if (has_sib) {
    const unsigned index = (code[1] >> 3 & 7) | index_bit;
    if (index != 4) result.index = value_of(index) << (code[1] >> 6);
  }
  if (!no_base) result.address = value_of(base | base_bit);
  if (mode == 1) {
    result.address += static_cast<uintptr_t>(static_cast<int8_t>(code[length]));
    length += 1;
  } else if (mode == 2 || no_base) {
    int32_t displacement = 0;
    std::memcpy(&displacement, code + length, sizeof displacement);
    result.address += static_cast<uintptr_t>(displacement);
    length += 4;
  }
  if (no_base && !has_sib) result.address += reinterpret_cast<uintptr_t>(code + length);
  return length;
}

// What of an AMX encoding the CPU refuses whatever the tiles are; null: nothing.
const char* encoding_fault(const AmxInstruction& in, unsigned wide_or_long, bool has_sib) {
  const AmxOp op = in.op;
  const bool product = op >= AmxOp::kBf16, config = op <= AmxOp::kRelease,
             tile_memory = op == AmxOp::kLoad || op == AmxOp::kStore;
  if (wide_or_long) return "VEX.W or VEX.L is set";
  if (!product && in.vector != 0) return "VEX.vvvv is not 1111";
  if (in.reg > (config ? 0U : 7U)) return "bad ModRM.reg";
  if (product && (in.rm > 7 || in.vector > 7)) return "no such tile";
  if ((op == AmxOp::kRelease || op == AmxOp::kZero) && in.rm != 0) return "bad ModRM.r/m";
  if (tile_memory && !has_sib) return "memory operand without SIB";
  return nullptr;
}

}  // namespace

std::optional<AmxInstruction> decode_amx(const uint8_t* code, const greg_t* registers) {
  const uint8_t* at = code;
  const bool thread_local_operand = *at == 0x64;  // prefix fs
  if (thread_local_operand) ++at;
  if (at[0] != 0xC4 || (at[1] & 0x1F) != 2) return std::nullopt;  // VEX of three bytes, opcode map 0F38
  const unsigned inverted = ~unsigned{at[1]}, second = at[2], opcode = at[3];
  if (opcode != 0x49 && opcode != 0x4B && opcode != 0x5C && opcode != 0x5E) return std::nullopt;
  const unsigned modrm = at[4];
  const bool memory = modrm < 0xC0;
  const Encoding* encoding = std::find_if(std::begin(kEncodings), std::end(kEncodings), [&](const Encoding& candidate) {
    return candidate.opcode == opcode && candidate.prefix == (second & 3) && candidate.memory == memory;
  });
  if (encoding == std::end(kEncodings)) return std::nullopt;
  const unsigned r = inverted >> 4 & 8, x = inverted >> 3 & 8, b = inverted >> 2 & 8;
  AmxInstruction result{.op = encoding->op,
                        .name = encoding->name,
                        .reg = (modrm >> 3 & 7) | r,
                        .rm = (modrm & 7) | b,
                        .vector = ~second >> 3 & 15};
  result.fault = encoding_fault(result, second & 0x84, (modrm & 7) == 4);
  if (result.fault) return result;
  result.length = static_cast<unsigned>(at - code) + 4 + (memory ? decode_memory(at + 4, registers, x, b, result) : 1);
  if (memory && thread_local_operand) {
    uintptr_t thread_pointer = 0;  // the psABI keeps the base of fs at fs:0
    asm("mov %%fs:0, %0" : "=r"(thread_pointer));
    result.address += thread_pointer;
  }
  return result;
}

}  // namespace tilefit::test
