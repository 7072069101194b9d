// Profile scopes of the layers: the names of phases, and how much work a call has. FLOPs count real tokens only (padding is work, but
// no result) and what the mathematics asks for, not what a kernel computes twice; their sum over a step is that of docs/performance.md.
#pragma once
#include "tilefit/base/profile.h"
#include "tilefit/nn/context.h"
#include "tilefit/tensor/param.h"

namespace tilefit {

/// A product with the weight w_OC over the token rows: forward, dgrad or wgrad of the linear layer `layer`.
inline ProfileScope profile_gemm(const Ctx& ctx, const char* layer, const char* part, const Param& w_OC) {
  double real_rows = 0;
  if (ctx.profile)
    for (const kernels::SequenceSpan& sequence : ctx.rows->sequences) real_rows += sequence.num_keys;
  return {ctx.profile, {layer, part, PhaseCategory::kGemm}, {2 * real_rows * static_cast<double>(w_OC.size()), 0}};
}

/// Attention over all heads with C channels together. products: matrix products of [T, C] with [C, T] or alike, per sequence.
inline ProfileScope profile_attention(const Ctx& ctx, const char* part, int64_t C, int products) {
  double pairs = 0;
  if (ctx.profile)
    for (const kernels::SequenceSpan& sequence : ctx.rows->sequences)
      pairs += static_cast<double>(sequence.num_keys) * sequence.num_keys;
  return {ctx.profile, {"attention", part, PhaseCategory::kAttention}, {2 * products * pairs * static_cast<double>(C), 0}};
}

/// A pass over rows or flat arrays that reads and writes `elements` of the step's type.
inline ProfileScope profile_rows(const Ctx& ctx, const char* subject, const char* part, int64_t elements,
                                 PhaseCategory category = PhaseCategory::kRows) {
  return {ctx.profile, {subject, part, category}, {0, static_cast<double>(elements * dtype_bytes(ctx.dtype))}};
}

}  // namespace tilefit
