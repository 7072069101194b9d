// Learning-rate schedules of transformers' get_scheduler: the rate of every optimizer step as a pure function of the step.
// A schedule holds no state, so resuming needs nothing but the step number.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tilefit/base/json_fwd.h"

namespace tilefit {

/// Names that Schedule accepts, as --lr_scheduler_type takes them.
const std::vector<std::string>& schedule_names();

/// Warm-up steps as transformers counts them: `warmup_steps` when it is 1 or more, a fraction of the total (rounded up) when it is
/// between 0 and 1 (5.x); else `warmup_ratio` of the total, rounded up (4.24).
int64_t num_warmup_steps(double warmup_steps, double warmup_ratio, int64_t total_steps);

/// One schedule. Source: transformers 5.x, optimization.py.
class Schedule {
 public:
  /// kwargs: object with the schedule's own settings (--lr_scheduler_kwargs), null or empty for the defaults:
  /// cosine, cosine_with_restarts: num_cycles; polynomial: lr_end, power; inverse_sqrt: timescale; cosine_with_min_lr: num_cycles,
  /// min_lr or min_lr_rate; cosine_warmup_with_min_lr: those and warmup_lr_rate; warmup_stable_decay: num_decay_steps,
  /// num_stable_steps, warmup_type, decay_type, min_lr_ratio, num_cycles.
  /// Throws Error(kUsage): unknown name, unknown or missing setting, wrong type, lr_end not below the base rate.
  Schedule(const std::string& name, double base_rate, int64_t warmup_steps, int64_t total_steps, const Json& kwargs);

  /// Learning rate of optimizer step `step` (from 0).
  double rate(int64_t step) const { return base_rate_ * factor(step); }

 private:
  enum class Kind {
    kLinear,
    kCosine,
    kCosineWithRestarts,
    kPolynomial,
    kConstant,
    kConstantWithWarmup,
    kInverseSqrt,
    kCosineWithMinLr,
    kCosineWarmupWithMinLr,
    kWarmupStableDecay
  };
  enum class Ramp { kLinear, kCosine, kOneMinusSqrt };

  static Ramp parse_ramp(const std::string& text, const char* setting);
  double factor(int64_t step) const;
  double warmup_stable_decay(int64_t step) const;
  double cosine_warmup_with_min_lr(int64_t step) const;
  double progress(int64_t step) const;

  Kind kind_;
  double base_rate_;
  int64_t warmup_, total_;
  double cycles_ = 0.5;
  double min_rate_ = 0;  ///< lowest factor
  double power_ = 1, rate_end_ = 1e-7;
  double timescale_ = 0;
  double warmup_from_ = -1;  ///< cosine_warmup_with_min_lr: factor of the first step; negative: 1 / warm-up steps
  int64_t stable_ = 0, decay_ = 0;
  Ramp warmup_ramp_ = Ramp::kLinear, decay_ramp_ = Ramp::kCosine;
};

}  // namespace tilefit
