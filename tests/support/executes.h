// Whether this CPU carries out instructions that CPUID may hide: some hypervisors mask avx512_bf16 on silicon that has it. The product
// believes CPUID; tests may try.
#pragma once

namespace tilefit::test {

/// True when vdpbf16ps runs here. Tries it under a handler of SIGILL, once.
bool executes_avx512_bf16();

}  // namespace tilefit::test
