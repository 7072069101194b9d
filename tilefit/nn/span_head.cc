#include "tilefit/nn/span_head.h"

#include <algorithm>

#include "tilefit/nn/dropout_sites.h"

namespace tilefit {
namespace {

/// Writes each sequence's target, or -1 when it is ignored; returns how many count.
int64_t resolve_targets(const RowLayout& rows, std::span<const int32_t> targets, int32_t* target_B) {
  int64_t counted = 0;
  for (size_t b = 0; b < targets.size(); ++b) {
    const int32_t target = std::max(targets[b], 0);
    target_B[b] = target < rows.sequences[b].num_rows ? target : -1;
    counted += target_B[b] >= 0;
  }
  return counted;
}

template <class T>
double sum(const Tensor& values) {
  double total = 0;
  for (int64_t i = 0; i < values.cols; ++i) total += static_cast<double>(values.as<T>()[i]);
  return total;
}

}  // namespace

SpanHead::SpanHead(const ParamScope& scope, int64_t C, double dropout_p)
    : linear_(scope / "qa_outputs", C, 2, "qa_head"), dropout_p_(dropout_p) {}

void SpanHead::forward(Ctx& ctx, const Tensor& x_MC, const Tensor& logits_M2, Stash* stash) {
  const kernels::DropoutRows dropout = ctx.dropout(dropout_p_, dropout_site(-1, DropoutPlace::kHead));
  if (dropout.p > 0) ops::dropout(ctx, x_MC, dropout, x_MC);
  linear_.forward(ctx, x_MC, logits_M2);
  if (stash) stash->x_MC = x_MC;
}

void SpanHead::backward(Ctx& ctx, const Tensor& dlogits_M2, const Tensor& dx_MC, const Stash& stash) {
  const Arena::Scope scratch(ctx.arena);
  Tensor dy_M2 = dlogits_M2;
  if (dlogits_M2.dtype != ctx.dtype) {
    dy_M2 = ctx.tensor(dlogits_M2.rows, dlogits_M2.cols);
    ops::narrow(ctx, dlogits_M2, dy_M2);
  }
  linear_.backward(ctx, dy_M2, stash.x_MC, dx_MC);
  const kernels::DropoutRows dropout = ctx.dropout(dropout_p_, dropout_site(-1, DropoutPlace::kHead));
  if (dropout.p > 0) ops::dropout(ctx, dx_MC, dropout, dx_MC);
}

double span_loss(Ctx& ctx, const Tensor& logits_M2, std::span<const int32_t> starts, std::span<const int32_t> ends,
                 const Tensor& dlogits_M2) {
  const size_t B = ctx.rows->sequences.size();
  TF_CHECK(starts.size() == B && ends.size() == B, "{} starts and {} ends for {} sequences", starts.size(), ends.size(), B);
  const Arena::Scope scratch(ctx.arena);
  auto* const target_B = static_cast<int32_t*>(ctx.arena.take(static_cast<int64_t>(B * sizeof(int32_t))));
  const Tensor loss_B = ctx.wide_tensor(1, static_cast<int64_t>(B));
  double total = 0;
  for (const int64_t column : {0, 1}) {
    if (ctx.dry_run()) break;
    const auto counted =
        static_cast<double>(std::max<int64_t>(1, resolve_targets(*ctx.rows, column == 0 ? starts : ends, target_B)));
    ops::span_cross_entropy(ctx, logits_M2, column, target_B, 0.5 / counted, loss_B, dlogits_M2);
    total += (loss_B.dtype == DType::kF32 ? sum<float>(loss_B) : sum<double>(loss_B)) / counted / 2;
  }
  return total;
}

}  // namespace tilefit
