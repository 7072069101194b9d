// Optimizers on the flat parameter arrays: which algorithm with which settings, its state, and who decays. The arithmetic itself is
// kernels/optimizer.h. State arrays have the layout of the parameters, so that saving and sharding them needs no table of its own.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tilefit/cpu/memory.h"
#include "tilefit/cpu/thread_pool.h"
#include "tilefit/tensor/param.h"

namespace tilefit {

enum class OptimizerKind { kAdamW, kSgd };

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdamW;
  double weight_decay = 0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  ///< AdamW
  bool hf_adamw = false;  ///< transformers' own AdamW (4.x): decay after the update, epsilon before the bias correction
  double momentum = 0, dampening = 0;  ///< SGD
  bool nesterov = false;
};

/// Options of --optim `name` (adamw_hf, adamw_torch, adamw_torch_fused, sgd) with the settings of --optim_args (sgd: momentum, dampening,
/// nesterov as 0 or 1). defaults: what other flags say (weight_decay, betas, epsilon). Throws Error(kUsage): unknown name or setting,
/// nesterov without momentum.
OptimizerOptions make_optimizer_options(const std::string& name,
                                        const std::vector<std::pair<std::string, double>>& arguments,
                                        const OptimizerOptions& defaults);

/// One optimizer over all trainable parameters of a store, which must outlive it. float32.
class Optimizer {
 public:
  /// Throws Error(kEnvironment) when there is no memory for the state.
  Optimizer(ParamStore& params, const OptimizerOptions& options);

  /// Updates the parameters' values from a flat gradient (layout of the store) times gradient_scale, and tells the store. AdamW also brings
  /// packed weights up to date.
  void step(ThreadPool& pool, const float* gradient, double learning_rate, double gradient_scale);

  /// Steps done so far; a resumed run sets it.
  int64_t num_steps() const noexcept { return num_steps_; }
  void set_num_steps(int64_t steps) noexcept { num_steps_ = steps; }

  const OptimizerOptions& options() const noexcept { return options_; }

  /// State arrays (flat, layout of the store): first moment or momentum buffer, second moment. Null when the algorithm has none.
  float* first_state() noexcept { return first_.as<float>(); }
  float* second_state() noexcept { return second_.as<float>(); }

  /// Passes over flat arrays that a step makes: gradient and weights, and read and write of each state array.
  int64_t arrays_touched() const noexcept { return 3 + 2 * ((first_.size() > 0) + (second_.size() > 0)); }

  /// Bytes of state for that many parameters.
  static int64_t state_bytes(const OptimizerOptions& options, int64_t size) noexcept;

 private:
  /// version_before: that of the values until now; packed weights of it are brought up to date.
  void step_adamw(ThreadPool& pool, Param& param, const float* gradient, double learning_rate, double gradient_scale,
                  uint64_t version_before);
  void step_sgd(ThreadPool& pool, const Param& param, const float* gradient, double learning_rate, double gradient_scale);
  double weight_decay(const Param& param) const noexcept { return param.decays() ? options_.weight_decay : 0; }

  ParamStore& params_;
  OptimizerOptions options_;
  Buffer first_, second_;
  int64_t num_steps_ = 0;
};

}  // namespace tilefit
