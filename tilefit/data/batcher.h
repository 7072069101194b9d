// What each training step computes: which examples form which leaf (micro-batch), as a function of the data order alone.
// Knows lengths and indices only; token batches are made by the trainer (models/batch.h).
#pragma once
#include <cstdint>
#include <vector>

#include "tilefit/data/sampler.h"

namespace tilefit {

struct BatcherOptions {
  int64_t leaf_size = 8;        ///< examples of a leaf: per_device_train_batch_size
  int64_t leaves_per_step = 1;  ///< L
  bool drop_last = false;       ///< leave out the short leaf at the end of an epoch
  bool balance = false;         ///< deal a step's examples to its leaves so that each has nearly the same number of tokens
};

/// One leaf: example indices, and for each its index within the step (before any dealing; the key of its dropout masks).
struct LeafPlan {
  std::vector<int64_t> examples;
  std::vector<int64_t> index_in_step;
};

/// One step. At the end of an epoch leaves may be fewer and the last one shorter, as in transformers 5.x.
struct StepPlan {
  std::vector<LeafPlan> leaves;
  int64_t num_leaves = 0;  ///< leaves in use; the vector keeps those of longer steps
  int64_t num_examples = 0;
};

/// Plans of all steps. Holds the order of one epoch at a time.
class Batcher {
 public:
  /// lengths: tokens of each example.
  Batcher(Sampler sampler, std::vector<int32_t> lengths, const BatcherOptions& options);

  /// Leaves and steps of one epoch; at least one step.
  int64_t leaves_per_epoch() const noexcept { return leaves_per_epoch_; }
  int64_t steps_per_epoch() const noexcept { return steps_per_epoch_; }

  /// Sets plan to step `step` (from 0) of epoch `epoch` (from 0).
  void plan_step(int64_t epoch, int64_t step, StepPlan& plan);

  /// Examples with the most tokens, longest first: the largest leaf that can come up. At most leaf_size of them.
  std::vector<int64_t> longest_leaf() const;

 private:
  void deal(StepPlan& plan);

  Sampler sampler_;
  std::vector<int32_t> lengths_;
  BatcherOptions options_;
  int64_t num_examples_ = 0;  ///< of an epoch, after drop_last
  int64_t leaves_per_epoch_ = 0, steps_per_epoch_ = 0;
  int64_t epoch_ = -1;
  std::vector<int64_t> order_;
  std::vector<int64_t> in_step_, by_length_, tokens_;  ///< scratch of deal()
};

}  // namespace tilefit
