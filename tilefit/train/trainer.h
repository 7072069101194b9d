// The training loop: steps, epochs, learning rate, log and evaluation times, with the arithmetic of transformers 5.x' Trainer.
// One step is Trainer::run_step, from the batch to the optimizer, in the order it happens. Prints nothing: callbacks do.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tilefit/base/json.h"
#include "tilefit/data/batcher.h"
#include "tilefit/models/model.h"
#include "tilefit/train/callbacks.h"
#include "tilefit/train/leaves.h"
#include "tilefit/train/memory_plan.h"
#include "tilefit/train/optimizer.h"
#include "tilefit/train/prefetch.h"
#include "tilefit/train/schedule.h"
#include "tilefit/train/trainer_state.h"

namespace tilefit {

/// When something happens during training: never, every so many steps, after every epoch.
enum class Interval { kNo, kSteps, kEpoch };

struct TrainOptions {
  BatchLayout layout;
  int64_t leaf_size = 8;  ///< per_device_train_batch_size
  int64_t leaves = 1;     ///< micro-batches of a step
  bool drop_last = false, balance_leaves = false;
  SamplerOptions sampling;

  double num_epochs = 3;
  int64_t max_steps = -1;  ///< above 0: instead of num_epochs

  OptimizerOptions optimizer;
  double learning_rate = 5e-5;
  std::string schedule = "linear";
  Json schedule_settings;
  double warmup_steps = 0, warmup_ratio = 0;  ///< as num_warmup_steps() takes them
  double max_grad_norm = 1;                   ///< 0: no clipping

  uint64_t seed = 42;         ///< of dropout
  DType dtype = DType::kF32;  ///< of activations and of the weights in products: kF32 or kBF16
  bool recompute = false;
  bool skip_nonfinite = false;  ///< leave out steps whose loss or gradient is not finite; else they end training

  Interval logging = Interval::kSteps;
  double logging_steps = 500;  ///< a count, or a fraction of all steps; so is eval_steps
  bool logging_first_step = false;
  Interval evaluation = Interval::kNo;
  double eval_steps = 500;
  double eval_delay = 0;  ///< steps or epochs before the first evaluation
  bool eval_on_start = false;
};

struct TrainResult {
  int64_t global_step = 0, skipped_steps = 0;
  double seconds = 0;       ///< of all steps and evaluations
  double batch_wait_s = 0;  ///< of these: waiting for batches
  Json metrics =
      Json::object();  ///< train_runtime, train_samples_per_second, train_steps_per_second, total_flos, train_loss, epoch
};

/// Trains one model on one list of features. The model, the features and the pool outlive it.
class Trainer {
 public:
  /// Throws Error: a schedule that makes no sense, no features, no memory.
  Trainer(QuestionAnsweringModel& model, std::span<const QaFeature> features, const TrainOptions& options, ThreadPool& pool);

  /// Optimizer steps of the whole run.
  int64_t max_steps() const noexcept { return state_.max_steps; }
  int64_t num_epochs() const noexcept { return state_.num_train_epochs; }

  /// The memory this run takes, by a dry run of the largest leaf; also sizes the arena. Called by train() when it was not before.
  const MemoryPlan& prepare_memory();

  /// callback outlives the trainer.
  void add_callback(TrainCallback& callback) { callbacks_.push_back(&callback); }
  /// Returns the metrics of an evaluation ("eval_f1", ...), for the strategies that evaluate during training.
  void set_evaluate(std::function<Json()> evaluate) { evaluate_ = std::move(evaluate); }
  /// Name of a feature's example, for messages.
  void set_example_name(std::function<std::string(int64_t feature)> name) { example_name_ = std::move(name); }

  /// Times the phases of all steps into `profile`, which outlives training; null: no longer.
  void set_profile(Profile* profile) noexcept;

  /// Runs all steps. Throws Error(kFailed) naming step and examples when loss or gradient is not finite and such steps are not skipped.
  TrainResult train();

  const TrainerState& state() const noexcept { return state_; }
  /// Adds metrics to the log as transformers' Trainer.log does: with epoch and step.
  void log(Json entry);

 private:
  StepInfo run_step(const StepPlan& plan, int64_t epoch, int64_t step);
  double leaf_gradient(const LeafId& leaf, float* gradient);
  void finish_step(const StepInfo& info, int64_t leaves_done, int64_t epoch);
  void finish_epoch();
  void log_loss();
  void evaluate();
  [[noreturn]] void fail_nonfinite(const StepPlan& plan, double loss, double grad_norm) const;
  bool done() const noexcept { return state_.global_step >= state_.max_steps; }

  QuestionAnsweringModel& model_;
  const TrainOptions options_;
  ThreadPool& pool_;
  Batcher batcher_;
  LeafPrefetcher prefetcher_;
  LeafFold fold_;
  Optimizer optimizer_;
  std::unique_ptr<Schedule> schedule_;
  Arena arena_;
  Ctx ctx_;
  const int64_t num_features_;
  MemoryPlan memory_;
  bool memory_ready_ = false;

  TrainerState state_;
  std::vector<TrainCallback*> callbacks_;
  std::function<Json()> evaluate_;
  std::function<std::string(int64_t)> example_name_;

  StepPlan plan_;
  std::vector<double> block_sums_;
  double flops_per_token_ = 0;  ///< 6 times the parameters that are no embedding tables, as transformers estimates
  int64_t step_tokens_ = 0, step_rows_ = 0;
  StepInfo last_;
  double window_loss_ = 0, total_loss_ = 0;  ///< sums of step losses since the last log entry, and before it
  int64_t last_logged_step_ = 0, skipped_steps_ = 0;
};

/// Metrics "PREFIX_runtime", "PREFIX_samples_per_second", "PREFIX_steps_per_second", rounded as transformers' speed_metrics does.
void add_speed_metrics(Json& metrics, const std::string& prefix, double seconds, double num_samples, double num_steps);

}  // namespace tilefit
