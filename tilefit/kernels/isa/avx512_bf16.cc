// The generic kernels compiled for AVX-512 with bf16 instructions: products of Bf16 by vdpbf16ps.
#include <immintrin.h>

#include "tilefit/base/rng.h"
#include "tilefit/kernels/isa/tables.h"
#include "tilefit/kernels/isa/target.h"
#include "tilefit/kernels/reduce.h"
#include "tilefit/kernels/scratch.h"

TF_TARGET_BEGIN("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")
namespace tilefit::kernels::avx512_bf16 {
namespace {

constexpr Isa kIsa = Isa::kAvx512Bf16;

// clang-format off
#include "tilefit/kernels/isa/bf16_rounding_native.h"
#include "tilefit/kernels/isa/vec_avx512.h"
#include "tilefit/kernels/generic/math-inl.h"
#include "tilefit/kernels/isa/words_bf16.h"
#include "tilefit/kernels/generic/pack-inl.h"
#include "tilefit/kernels/generic/microkernel-inl.h"
#include "tilefit/kernels/generic/gemm-inl.h"
#include "tilefit/kernels/generic/rows-inl.h"
#include "tilefit/kernels/generic/attention-inl.h"
#include "tilefit/kernels/generic/optimizer-inl.h"
#include "tilefit/kernels/generic/table-inl.h"
// clang-format on

}  // namespace
}  // namespace tilefit::kernels::avx512_bf16
TF_TARGET_END

namespace tilefit::kernels {
const KernelTable<Bf16> kAvx512Bf16Table = avx512_bf16::kTable<Bf16>;
}  // namespace tilefit::kernels
