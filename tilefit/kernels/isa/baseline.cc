// The generic kernels compiled for x86-64-v2, any CPU tilefit runs on.
#include <immintrin.h>

#include "tilefit/base/rng.h"
#include "tilefit/kernels/isa/tables.h"
#include "tilefit/kernels/isa/target.h"
#include "tilefit/kernels/reduce.h"
#include "tilefit/kernels/scratch.h"

TF_TARGET_BEGIN("sse4.2")
namespace tilefit::kernels::baseline {
namespace {

constexpr Isa kIsa = Isa::kBaseline;

// clang-format off
#include "tilefit/kernels/isa/vec_baseline.h"
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
}  // namespace tilefit::kernels::baseline
TF_TARGET_END

namespace tilefit::kernels {
const KernelTable<float> kBaselineTable = baseline::kTable<float>;
const KernelTable<Bf16> kBaselineBf16Table = baseline::kTable<Bf16>;
}  // namespace tilefit::kernels
