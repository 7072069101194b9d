// The generic kernels compiled for AVX2 and FMA.
#include <immintrin.h>

#include "tilefit/base/rng.h"
#include "tilefit/kernels/isa/tables.h"
#include "tilefit/kernels/isa/target.h"
#include "tilefit/kernels/reduce.h"
#include "tilefit/kernels/scratch.h"

TF_TARGET_BEGIN("avx2,fma,f16c")
namespace tilefit::kernels::avx2 {
namespace {

constexpr Isa kIsa = Isa::kAvx2;

// clang-format off
#include "tilefit/kernels/isa/vec_avx2.h"
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
}  // namespace tilefit::kernels::avx2
TF_TARGET_END

namespace tilefit::kernels {
const KernelTable<float> kAvx2Table = avx2::kTable<float>;
const KernelTable<Bf16> kAvx2Bf16Table = avx2::kTable<Bf16>;
}  // namespace tilefit::kernels
