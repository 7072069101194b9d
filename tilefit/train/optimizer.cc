#include "tilefit/train/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
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

  std::vector<const Param*> ordered;
  for (const Param& param : params.params()) ordered.push_back(&param);
  std::sort(ordered.begin(), ordered.end(), [](const Param* a, const Param* b) { return a->offset < b->offset; });
  bool open = false;  // the last segment may still grow: no frozen parameter has come since
  for (const Param* param : ordered) {
    const bool decays = param->decays() && options_.weight_decay != 0;
    if (!param->trainable) {
      open = false;
    } else if (open && segments_.back().decays == decays) {
      segments_.back().end = param->offset + param->size();  // the gap between is zero, and stays so
    } else {
      segments_.push_back({param->offset, param->offset + param->size(), decays});
      open = true;
    }
  }
}

void Optimizer::step(ThreadPool& pool, const float* gradient, double learning_rate, double gradient_scale) {
  ++num_steps_;
  float* const values = params_.values<float>();
  for (const Segment& segment : segments_) {
    const int64_t n = segment.end - segment.begin;
    const double decay = segment.decays ? options_.weight_decay : 0;
    if (options_.kind == OptimizerKind::kAdamW) {
      // transformers' AdamW adds epsilon to the uncorrected root; in the kernel's form that is epsilon over the root of the correction.
      const double root_correction = std::sqrt(1 - std::pow(options_.beta2, static_cast<double>(num_steps_)));
      kernels::AdamWStep settings;
      settings.learning_rate = learning_rate;
      settings.beta1 = options_.beta1;
      settings.beta2 = options_.beta2;
      settings.epsilon = options_.hf_adamw ? options_.epsilon / root_correction : options_.epsilon;
      settings.weight_decay = decay;
      settings.gradient_scale = gradient_scale;
      settings.step = num_steps_;
      settings.decay_after = options_.hf_adamw;
      kernels::adamw(pool, n, settings, gradient + segment.begin, values + segment.begin, first_state() + segment.begin,
                     second_state() + segment.begin);
    } else {
      kernels::SgdStep settings;
      settings.learning_rate = learning_rate;
      settings.momentum = options_.momentum;
      settings.dampening = options_.dampening;
      settings.weight_decay = decay;
      settings.gradient_scale = gradient_scale;
      settings.nesterov = options_.nesterov;
      settings.step = num_steps_;
      kernels::sgd(pool, n, settings, gradient + segment.begin, values + segment.begin,
                   first_state() ? first_state() + segment.begin : nullptr);
    }
  }
  params_.values_changed();
}

}  // namespace tilefit
