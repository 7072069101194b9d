// Batches of training leaves, made one leaf ahead on a thread of its own while the model works on the present one.
// What a batch holds depends on its LeafId alone, never on whether it was foreseen.
#pragma once
#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "tilefit/data/batcher.h"
#include "tilefit/train/feature_batch.h"

namespace tilefit {

/// A leaf of a run.
struct LeafId {
  int64_t epoch = 0, step = 0, leaf = 0;  ///< step of the epoch, leaf of the step
  int64_t global_step = 0;                ///< steps done before this one: key of its dropout masks

  bool operator==(const LeafId&) const = default;
};

/// Two batches in turn. One thread calls it; nothing is allocated once longest_leaf() was called and a step is over.
class LeafPrefetcher {
 public:
  /// features are read by a call, and after take() until rest() or the destructor has returned. seed: of dropout. Throws Error(kEnvironment) when the system refuses a thread.
  LeafPrefetcher(Batcher batcher, std::span<const QaFeature> features, const BatchLayout& layout, uint64_t seed);
  LeafPrefetcher(const LeafPrefetcher&) = delete;
  LeafPrefetcher& operator=(const LeafPrefetcher&) = delete;
  ~LeafPrefetcher();

  /// The largest leaf that can come up. Valid until the next call; makes room for it in both batches.
  const FeatureBatch& longest_leaf();

  /// The batch of a leaf, valid until the next call. Then the leaf that follows it is begun: the next of the step, or the first of the next
  /// step. Throws what making the batch threw.
  const FeatureBatch& take(const LeafId& id);

  /// Returns when the batch begun last is made: nothing reads the features any more until the next take().
  void rest();

  /// Seconds that take() has cost so far.
  double waited_s() const noexcept { return waited_s_; }

 private:
  struct Slot {
    FeatureBatch batch;
    LeafId id;
    bool made = false;
    std::exception_ptr error{};
  };

  void make(Slot& slot, const LeafId& id) noexcept;
  LeafId following(const LeafId& id) const noexcept;
  void worker_main() noexcept;

  // Used by the worker while busy_, else by the caller.
  Batcher batcher_;
  const uint64_t seed_;
  StepPlan plan_;
  LeafId planned_;
  bool has_plan_ = false;
  std::vector<uint64_t> keys_;
  std::array<Slot, 2> slots_;
  size_t current_ = 0;  ///< slot that the caller holds; the worker fills the other one
  LeafId wanted_;

  double waited_s_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false, stop_ = false;
  std::thread worker_;
};

}  // namespace tilefit
