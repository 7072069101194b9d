#include "tilefit/train/optimizer.h"

#include <fmt/format.h>

#include <cmath>

#include "tilefit/base/error.h"
#include "tilefit/kernels/optimizer.h"

namespace tilefit {
OptimizerOptions make_optimizer_options(const std::string& name,
                                        const std::vector<std::pair<std::string, double>>& arguments,
                                        const OptimizerOptions& defaults) {
  OptimizerOptions options = defaults;
  options.hf_adamw = name == "adamw_hf";
  options.kind = name == "sgd" ? OptimizerKind::kSgd : OptimizerKind::kAdamW;
  if (options.kind == OptimizerKind::kAdamW && !options.hf_adamw && name != "adamw_torch" && name != "adamw_torch_fused")
    throw Error(Code::kUsage, fmt::format("optimizer '{}' is not supported yet", name), "--optim",
                "adamw_torch, adamw_torch_fused, adamw_hf or sgd");
  for (const auto& [key, value] : arguments) {
    if (options.kind == OptimizerKind::kSgd && key == "momentum") options.momentum = value;
    else if (options.kind == OptimizerKind::kSgd && key == "dampening") options.dampening = value;
    else if (options.kind == OptimizerKind::kSgd && key == "nesterov") options.nesterov = value != 0;
    else throw Error(Code::kUsage, fmt::format("optimizer '{}' has no argument '{}'", name, key), "--optim_args");
  }
  if (options.nesterov && (options.momentum <= 0 || options.dampening != 0))
    throw Error(Code::kUsage, "nesterov needs a momentum above 0 and no dampening", "--optim_args",
                "--optim_args momentum=0.9,nesterov=True");
  return options;
}

int64_t Optimizer::state_bytes(const OptimizerOptions& options, int64_t size) noexcept {
  const int64_t arrays = options.kind == OptimizerKind::kAdamW ? 2 : options.momentum != 0 ? 1 : 0;
  return arrays * size * static_cast<int64_t>(sizeof(float));
}

Optimizer::Optimizer(ParamStore& params, const OptimizerOptions& options) : params_(params), options_(options) {
  const int64_t array_bytes = params.size() * static_cast<int64_t>(sizeof(float));
  if (options_.kind == OptimizerKind::kAdamW || options_.momentum != 0) first_ = Buffer(array_bytes);
  if (options_.kind == OptimizerKind::kAdamW) second_ = Buffer(array_bytes);
}

void Optimizer::step(ThreadPool& pool, const float* gradient, double learning_rate, double gradient_scale) {
  ++num_steps_;
  const uint64_t before = params_.version();
  params_.values_changed();
  for (Param& param : params_.params()) {
    if (!param.trainable) continue;
    if (options_.kind == OptimizerKind::kAdamW) step_adamw(pool, param, gradient, learning_rate, gradient_scale, before);
    else step_sgd(pool, param, gradient, learning_rate, gradient_scale);
  }
}

void Optimizer::step_adamw(ThreadPool& pool, Param& param, const float* gradient, double learning_rate,
                           double gradient_scale, uint64_t version_before) {
  // transformers' AdamW adds epsilon to the uncorrected root; in the kernel's form that is epsilon over the root of the correction.
  const double root_correction = std::sqrt(1 - std::pow(options_.beta2, static_cast<double>(num_steps_)));
  kernels::AdamWStep settings;
  settings.learning_rate = learning_rate;
  settings.beta1 = options_.beta1;
  settings.beta2 = options_.beta2;
  settings.epsilon = options_.hf_adamw ? options_.epsilon / root_correction : options_.epsilon;
  settings.weight_decay = weight_decay(param);
  settings.gradient_scale = gradient_scale;
  settings.step = num_steps_;
  settings.decay_after = options_.hf_adamw;
  const float* const g = gradient + param.offset;
  float *const w = param.value<float>(), *const first = first_state() + param.offset,
               *const second = second_state() + param.offset;
  PackedWeight &forward = param.packed_forward, &backward = param.packed_backward;
  const bool packed =
      forward.version == version_before && backward.version == version_before && forward.dtype == backward.dtype;
  if (!packed) {
    kernels::adamw(pool, param.size(), settings, g, w, first, second);
    return;
  }
  const auto run = forward.dtype == DType::kBF16 ? kernels::adamw_packed<Bf16> : kernels::adamw_packed<float>;
  run(pool, param.rows, param.cols, settings, g, w, first, second, forward.data.data(), backward.data.data());
  forward.version = backward.version = params_.version();
}

void Optimizer::step_sgd(ThreadPool& pool, const Param& param, const float* gradient, double learning_rate,
                         double gradient_scale) {
  kernels::SgdStep settings;
  settings.learning_rate = learning_rate;
  settings.momentum = options_.momentum;
  settings.dampening = options_.dampening;
  settings.weight_decay = weight_decay(param);
  settings.gradient_scale = gradient_scale;
  settings.nesterov = options_.nesterov;
  settings.step = num_steps_;
  kernels::sgd(pool, param.size(), settings, gradient + param.offset, param.value<float>(),
               first_state() ? first_state() + param.offset : nullptr);
}

}  // namespace tilefit
