#include "tilefit/train/trainer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "tilefit/base/error.h"
#include "tilefit/train/phase_report.h"

namespace tilefit {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr Phase kBatchPhase{"batch", nullptr, PhaseCategory::kData};
constexpr Phase kZeroPhase{"zero gradients", nullptr, PhaseCategory::kOptimizer};
constexpr Phase kLeafSumPhase{"leaf sum", nullptr, PhaseCategory::kOptimizer};
constexpr Phase kNormPhase{"gradient norm", nullptr, PhaseCategory::kOptimizer};
constexpr Phase kOptimizerPhase{"optimizer", nullptr, PhaseCategory::kOptimizer};

std::vector<int32_t> lengths_of(std::span<const QaFeature> features) {
  std::vector<int32_t> lengths;
  lengths.reserve(features.size());
  for (const QaFeature& feature : features) lengths.push_back(static_cast<int32_t>(feature.size()));
  return lengths;
}

Batcher make_batcher(std::span<const QaFeature> features, const TrainOptions& options) {
  if (features.empty()) throw Error(Code::kFailed, "there are no training features", "training");
  SamplerOptions sampling = options.sampling;
  sampling.group_batch_size = options.leaf_size * options.leaves;
  const auto lengths = lengths_of(features);
  return Batcher(Sampler(sampling, std::ssize(lengths), lengths), lengths,
                 {options.leaf_size, options.leaves, options.drop_last, options.balance_leaves});
}

/// Parameters that transformers counts for its estimate of operations: all but embedding tables.
int64_t num_non_embedding(const ParamStore& params) {
  int64_t count = 0;
  for (const Param& param : params.params())
    if (param.kind != ParamKind::kEmbedding) count += param.size();
  return count;
}

/// Weights packed for forward and for backward.
int64_t packed_bytes(const ParamStore& params, DType dtype) {
  int64_t bytes = 0;
  for (const Param& param : params.params())
    if (param.kind == ParamKind::kWeight)
      bytes += ops::packed_bytes(dtype, param.cols, param.rows) + ops::packed_bytes(dtype, param.rows, param.cols);
  return bytes;
}

}  // namespace

Trainer::Trainer(QuestionAnsweringModel& model, std::span<const QaFeature> features, const TrainOptions& options,
                 ThreadPool& pool)
    : model_(model),
      options_(options),
      pool_(pool),
      batcher_(make_batcher(features, options)),
      prefetcher_(batcher_, features, options.layout, options.seed),
      fold_(model.params().size(), model.params().grads<float>(), options.leaves),
      optimizer_(model.params(), options.optimizer),
      ctx_{pool, arena_, options.dtype},
      num_features_(std::ssize(features)) {
  ctx_.training = true;
  ctx_.recompute = options_.recompute;
  const auto per_epoch = static_cast<double>(batcher_.steps_per_epoch());
  state_.max_steps =
      options_.max_steps > 0 ? options_.max_steps : static_cast<int64_t>(std::ceil(options_.num_epochs * per_epoch));
  state_.num_train_epochs = options_.max_steps > 0
                                ? (state_.max_steps + batcher_.steps_per_epoch() - 1) / batcher_.steps_per_epoch()
                                : static_cast<int64_t>(std::ceil(options_.num_epochs));
  state_.train_batch_size = options_.leaf_size;
  state_.logging_steps = step_interval(options_.logging_steps, state_.max_steps);
  state_.eval_steps = step_interval(options_.eval_steps, state_.max_steps);
  schedule_ = std::make_unique<Schedule>(options_.schedule, options_.learning_rate,
                                         num_warmup_steps(options_.warmup_steps, options_.warmup_ratio, state_.max_steps),
                                         state_.max_steps, options_.schedule_settings);
  flops_per_token_ = 6.0 * static_cast<double>(num_non_embedding(model_.params()));
}

const MemoryPlan& Trainer::prepare_memory() {
  if (memory_ready_) return memory_;
  const int64_t array_bytes = model_.params().size() * static_cast<int64_t>(sizeof(float));
  const FeatureBatch& longest = prefetcher_.longest_leaf();
  memory_.weights = array_bytes;
  memory_.packed_weights = packed_bytes(model_.params(), options_.dtype);
  memory_.gradients = LeafFold::num_buffers(options_.leaves) * array_bytes;
  memory_.optimizer = Optimizer::state_bytes(options_.optimizer, model_.params().size());
  memory_.activations = model_.activation_bytes(longest.tokens, options_.dtype, true, options_.recompute);
  arena_.reserve(memory_.activations);
  memory_ready_ = true;
  return memory_;
}

void Trainer::set_profile(Profile* profile) noexcept {
  ctx_.profile = profile;
  pool_.measure_idle(profile != nullptr);
  if (profile) profile->watch_idle(&pool_.idle_ns());
}

TrainResult Trainer::train() {
  prepare_memory();
  const auto start = Clock::now();
  for (TrainCallback* callback : callbacks_) callback->on_begin(state_.max_steps);
  struct AtEnd {
    std::vector<TrainCallback*>& callbacks;
    LeafPrefetcher& prefetcher;
    ~AtEnd() {
      prefetcher.rest();  // the features may go when training is over
      for (TrainCallback* callback : callbacks) callback->on_end();
    }
  };
  {
    const AtEnd at_end{callbacks_, prefetcher_};
    if (options_.eval_on_start) evaluate();
    for (int64_t epoch = 0; !done(); ++epoch) {
      int64_t leaves_done = 0;
      for (int64_t step = 0; step < batcher_.steps_per_epoch() && !done(); ++step) {
        ProfileScope phase(ctx_.profile, kStepPhase);
        batcher_.plan_step(epoch, step, plan_);
        const StepInfo info = run_step(plan_, epoch, step);
        phase.end();
        leaves_done += plan_.num_leaves;
        finish_step(info, leaves_done, epoch);
      }
      finish_epoch();
    }
  }

  TrainResult result;
  result.global_step = state_.global_step;
  result.skipped_steps = skipped_steps_;
  result.batch_wait_s = prefetcher_.waited_s();
  const double train_loss = (total_loss_ + window_loss_) / std::max(static_cast<double>(state_.global_step), 0.001);
  const auto step_size = static_cast<double>(options_.leaf_size * options_.leaves);
  const double samples = options_.max_steps > 0 ? static_cast<double>(state_.max_steps) * step_size
                                                : options_.num_epochs * static_cast<double>(num_features_);
  result.seconds = seconds_since(start);
  add_speed_metrics(result.metrics, "train", result.seconds, samples, static_cast<double>(state_.max_steps));
  result.metrics["total_flos"] = state_.total_flos;
  result.metrics["train_loss"] = train_loss;
  log(result.metrics);
  result.metrics["epoch"] = state_.epoch;
  return result;
}

StepInfo Trainer::run_step(const StepPlan& plan, int64_t epoch, int64_t step) {
  StepInfo info;
  info.learning_rate = schedule_->rate(state_.global_step);
  step_tokens_ = step_rows_ = 0;

  const auto array_bytes = static_cast<double>(model_.params().size()) * sizeof(float);
  // 1. Loss and gradient of every leaf, folded into their sum.
  double loss_sum = 0;
  for (int64_t l = 0; l < plan.num_leaves; ++l) {
    float* const gradient = profiled(ctx_.profile, kZeroPhase, {0, array_bytes}, [&] { return fold_.begin_leaf(pool_); });
    loss_sum += leaf_gradient({epoch, step, l, state_.global_step}, gradient);
    profiled(ctx_.profile, kLeafSumPhase, {}, [&] { fold_.end_leaf(pool_, l); });
  }
  const float* const gradient = profiled(ctx_.profile, kLeafSumPhase, {}, [&] { return fold_.finish(pool_); });

  // 2. The step's loss and gradient are the means over its leaves.
  const double mean = 1.0 / static_cast<double>(plan.num_leaves);
  info.loss = loss_sum * mean;
  info.grad_norm = profiled(ctx_.profile, kNormPhase, {0, array_bytes},
                            [&] { return gradient_norm(pool_, model_.params().size(), gradient, mean, block_sums_); });
  info.skipped = !std::isfinite(info.loss) || !std::isfinite(info.grad_norm);

  // 3. Weights. The mean and the clipping are one factor on the gradient.
  if (!info.skipped) {
    const auto arrays = static_cast<double>(optimizer_.arrays_touched());
    const ProfileScope phase(ctx_.profile, kOptimizerPhase, {0, arrays * array_bytes});
    optimizer_.step(pool_, gradient, info.learning_rate, mean * clip_factor(info.grad_norm, options_.max_grad_norm));
  } else if (!options_.skip_nonfinite) {
    fail_nonfinite(plan, info.loss, info.grad_norm);
  }
  info.num_examples = plan.num_examples;
  info.num_real_tokens = step_tokens_;
  return info;
}

double Trainer::leaf_gradient(const LeafId& leaf, float* gradient) {
  const FeatureBatch& batch =
      profiled(ctx_.profile, kBatchPhase, {}, [&]() -> const FeatureBatch& { return prefetcher_.take(leaf); });
  step_tokens_ += batch.num_real_tokens;
  step_rows_ += batch.tokens.num_rows();

  model_.params().set_grad_buffer(gradient);
  const double loss = model_.train_step(ctx_, batch.tokens, batch.starts, batch.ends);
  model_.params().set_grad_buffer(nullptr);
  return loss;
}

void Trainer::finish_step(const StepInfo& info, int64_t leaves_done, int64_t epoch) {
  state_.global_step += 1;
  state_.epoch =
      static_cast<double>(epoch) + static_cast<double>(leaves_done) / static_cast<double>(batcher_.leaves_per_epoch());
  state_.total_flos += flops_per_token_ * static_cast<double>(step_rows_);
  skipped_steps_ += info.skipped ? 1 : 0;
  // A loss that is not finite counts as the mean of the window so far (--logging_nan_inf_filter).
  window_loss_ +=
      std::isfinite(info.loss) ? info.loss : window_loss_ / static_cast<double>(state_.global_step - last_logged_step_);
  last_ = info;
  last_.step = state_.global_step;
  last_.max_steps = state_.max_steps;
  last_.epoch = state_.epoch;
  for (TrainCallback* callback : callbacks_) callback->on_step(last_);

  const int64_t step = state_.global_step;
  if ((step == 1 && options_.logging_first_step) ||
      (options_.logging == Interval::kSteps && step % state_.logging_steps == 0))
    log_loss();
  if (options_.evaluation == Interval::kSteps && step % state_.eval_steps == 0 &&
      options_.eval_delay <= static_cast<double>(step))
    evaluate();
}

void Trainer::finish_epoch() {
  if (options_.logging == Interval::kEpoch) log_loss();
  if (options_.evaluation == Interval::kEpoch && options_.eval_delay <= state_.epoch) evaluate();
}

void Trainer::log_loss() {
  if (state_.global_step <= last_logged_step_) return;
  Json entry = {{"loss", window_loss_ / static_cast<double>(state_.global_step - last_logged_step_)},
                {"grad_norm", last_.grad_norm},
                {"learning_rate", last_.learning_rate}};
  total_loss_ += window_loss_;
  window_loss_ = 0;
  last_logged_step_ = state_.global_step;
  log(std::move(entry));
}

void Trainer::evaluate() {
  if (!evaluate_) return;
  const Json metrics = evaluate_();
  log(metrics);
  for (TrainCallback* callback : callbacks_) callback->on_evaluate(metrics);
}

void Trainer::log(Json entry) {
  entry["epoch"] = state_.epoch;
  entry["step"] = state_.global_step;
  for (TrainCallback* callback : callbacks_) callback->on_log(entry);
  state_.log_history.push_back(std::move(entry));
}

void Trainer::fail_nonfinite(const StepPlan& plan, double loss, double grad_norm) const {
  constexpr size_t kMostNames = 8;
  std::vector<std::string> names;
  for (const LeafPlan& leaf : plan.leaves)
    for (const int64_t feature : leaf.examples)
      if (names.size() < kMostNames)
        names.push_back(example_name_ ? example_name_(feature) : fmt::format("feature {}", feature));
  const bool more = plan.num_examples > static_cast<int64_t>(kMostNames);
  throw Error(Code::kFailed,
              fmt::format("loss {} and gradient norm {} at step {} of {}; its examples: {}{}", loss, grad_norm,
                          state_.global_step + 1, state_.max_steps, fmt::join(names, ", "), more ? ", ..." : ""),
              "training", "a lower --learning_rate, more --warmup_steps, or --on_nan skip to leave such steps out");
}

void add_speed_metrics(Json& metrics, const std::string& prefix, double seconds, double num_samples, double num_steps) {
  const auto rounded = [](double value, double digits) { return std::round(value * digits) / digits; };
  metrics[prefix + "_runtime"] = rounded(seconds, 1e4);
  if (seconds <= 0) return;
  metrics[prefix + "_samples_per_second"] = rounded(num_samples / seconds, 1e3);
  metrics[prefix + "_steps_per_second"] = rounded(num_steps / seconds, 1e3);
}

}  // namespace tilefit
