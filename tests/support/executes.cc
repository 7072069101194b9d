#include "executes.h"

#include <csetjmp>
#include <csignal>

#include "tilefit/cpu/features.h"

namespace tilefit::test {
namespace {

sigjmp_buf g_back;

void jump_back(int) { siglongjmp(g_back, 1); }

bool try_vdpbf16ps() {
  struct sigaction handler = {}, before = {};
  handler.sa_handler = jump_back;
  sigaction(SIGILL, &handler, &before);
  const bool ran = sigsetjmp(g_back, 1) == 0;
  if (ran) asm volatile(".byte 0x62, 0xF2, 0x7E, 0x48, 0x52, 0xC0" ::: "xmm0");  // vdpbf16ps zmm0, zmm0, zmm0
  sigaction(SIGILL, &before, nullptr);
  return ran;
}

}  // namespace

bool executes_avx512_bf16() {
  static const bool executes = isa_supported(Isa::kAvx512) && try_vdpbf16ps();
  return executes;
}

}  // namespace tilefit::test
