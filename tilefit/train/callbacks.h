// What others may watch of a training run: progress, log entries, evaluations. The console, dashboards and checkpoints are callbacks;
// the trainer itself prints nothing.
#pragma once
#include <cstdint>

#include "tilefit/base/json_fwd.h"

namespace tilefit {

/// One finished optimizer step.
struct StepInfo {
  int64_t step = 0, max_steps = 0;  ///< steps done, steps in all
  double epoch = 0;
  double loss = 0;           ///< mean over the step's leaves
  double learning_rate = 0;  ///< with which the step was made
  double grad_norm = 0;      ///< before clipping
  bool skipped = false;      ///< loss or gradient was not finite and the weights were left as they are
  int64_t num_examples = 0, num_real_tokens = 0;
};

/// All calls come from the training thread, between steps.
class TrainCallback {
 public:
  virtual ~TrainCallback() = default;

  /// Before the first step.
  virtual void on_begin(int64_t /*max_steps*/) {}
  virtual void on_step(const StepInfo&) {}
  /// A new entry of log_history, with "epoch" and "step".
  virtual void on_log(const Json& /*entry*/) {}
  /// Metrics of an evaluation during training ("eval_f1", ...).
  virtual void on_evaluate(const Json& /*metrics*/) {}
  /// After the last step, also when training ends by an exception.
  virtual void on_end() {}
};

}  // namespace tilefit
