#include "tilefit/nn/linear.h"

#include "tilefit/nn/phases.h"

namespace tilefit {
namespace {

std::vector<ParamPart> stacked(std::span<const ParamScope> scopes, const char* leaf, const std::vector<int64_t>& shape) {
  std::vector<ParamPart> parts;
  for (const ParamScope& scope : scopes) parts.push_back({scope.name(leaf), shape});
  return parts;
}

}  // namespace

Linear::Linear(std::span<const ParamScope> scopes, int64_t C, int64_t O_each, const char* name)
    : store_(scopes[0].store()),
      w_OC_(store_.add(stacked(scopes, "weight", {O_each, C}), ParamKind::kWeight, ParamInit::kNormal)),
      b_O_(store_.add(stacked(scopes, "bias", {O_each}), ParamKind::kBias, ParamInit::kZeros)),
      name_(name) {}

const void* Linear::packed(Ctx& ctx, bool for_forward) {
  if (ctx.dry_run()) return nullptr;
  PackedWeight& p = for_forward ? w_OC_.packed_forward : w_OC_.packed_backward;
  if (p.version == store_.version() && p.dtype == ctx.dtype) return p.data.data();
  if (p.version == 0 || p.dtype != ctx.dtype) {
    const int64_t K = for_forward ? in_size() : out_size(), N = for_forward ? out_size() : in_size();
    p.data = Buffer(ops::packed_bytes(ctx.dtype, K, N));
    p.dtype = ctx.dtype;
  }
  ops::pack_weight(ctx, w_OC_, for_forward, p.data.data());
  p.version = store_.version();
  return p.data.data();
}

void Linear::forward(Ctx& ctx, const Tensor& x_MC, const Tensor& y_MO, const Tensor& gelu_MO) {
  const ProfileScope phase = profile_gemm(ctx, name_, "forward", w_OC_);
  ops::Epilogue epilogue;
  epilogue.bias_N = &b_O_;
  epilogue.gelu_output_MN = gelu_MO;
  ops::gemm(ctx, x_MC, packed(ctx, true), epilogue, y_MO);
}

void Linear::backward(Ctx& ctx, const Tensor& dy_MO, const Tensor& x_MC, const Tensor& dx_MC,
                      const ops::Epilogue& epilogue) {
  // y = x W^T + b, so dW = dy^T x, db = column sums of dy, dx = dy W. dx may be written over an addend, so it comes last.
  TF_CHECK(w_OC_.trainable || !b_O_.trainable, "a bias is trained without its weights");
  if (w_OC_.trainable) {
    const ProfileScope phase = profile_gemm(ctx, name_, "wgrad", w_OC_);
    ops::add_linear_grads(ctx, dy_MO, x_MC, w_OC_, b_O_.trainable ? &b_O_ : nullptr);
  }
  if (dx_MC.empty()) return;
  const ProfileScope phase = profile_gemm(ctx, name_, "dgrad", w_OC_);
  ops::gemm(ctx, dy_MO, packed(ctx, false), epilogue, dx_MC);
}

}  // namespace tilefit
