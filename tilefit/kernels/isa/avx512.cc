// The generic kernels compiled for AVX-512 F, BW, DQ and VL.
#include <immintrin.h>

#include "tilefit/base/rng.h"
#include "tilefit/kernels/isa/tables.h"
#include "tilefit/kernels/isa/target.h"
#include "tilefit/kernels/reduce.h"
#include "tilefit/kernels/scratch.h"

TF_TARGET_BEGIN("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")
namespace tilefit::kernels::avx512 {
namespace {

constexpr Isa kIsa = Isa::kAvx512;

// clang-format off
#include "tilefit/kernels/isa/bf16_rounding_avx512.h"
#include "tilefit/kernels/isa/vec_avx512.h"
#include "tilefit/kernels/generic/math-inl.h"
#include "tilefit/kernels/generic/words_f32-inl.h"
#include "tilefit/kernels/generic/pack-inl.h"
#include "tilefit/kernels/generic/microkernel-inl.h"
#include "tilefit/kernels/generic/gemm-inl.h"
#include "tilefit/kernels/generic/rows-inl.h"
#include "tilefit/kernels/generic/attention-inl.h"
#include "tilefit/kernels/generic/optimizer-inl.h"
#include "tilefit/kernels/generic/table-inl.h"
// clang-format on

}  // namespace
}  // namespace tilefit::kernels::avx512
TF_TARGET_END

namespace tilefit::kernels {
const KernelTable<float> kAvx512Table = avx512::kTable<float>;
const KernelTable<Bf16> kAvx512Bf16StorageTable = avx512::kTable<Bf16>;
}  // namespace tilefit::kernels
