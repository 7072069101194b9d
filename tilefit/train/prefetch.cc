#include "tilefit/train/prefetch.h"

#include <fmt/format.h>

#include <chrono>
#include <system_error>
#include <utility>

#include "tilefit/base/check.h"
#include "tilefit/base/error.h"
#include "tilefit/base/rng.h"
#include "tilefit/cpu/affinity.h"

namespace tilefit {

LeafPrefetcher::LeafPrefetcher(Batcher batcher, std::span<const QaFeature> features, const BatchLayout& layout,
                               uint64_t seed)
    : batcher_(std::move(batcher)),
      seed_(seed),
      slots_{Slot{FeatureBatch(features, layout), {}}, Slot{FeatureBatch(features, layout), {}}} {
  try {
    worker_ = std::thread([this] { worker_main(); });
  } catch (const std::system_error& e) {
    throw Error(Code::kEnvironment, fmt::format("the system refused a thread that prepares batches ({})", e.what()),
                "train/prefetch", "a higher limit of processes (ulimit -u)");
  }
}

LeafPrefetcher::~LeafPrefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

const FeatureBatch& LeafPrefetcher::longest_leaf() {
  rest();
  const std::vector<int64_t> longest = batcher_.longest_leaf();
  keys_.reserve(longest.size());
  for (Slot& slot : slots_) {
    slot.made = false;
    slot.batch.set(longest);
  }
  return slots_[0].batch;
}

const FeatureBatch& LeafPrefetcher::take(const LeafId& id) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  rest();
  Slot& slot = slots_[1 - current_];
  if (!slot.made || slot.id != id) make(slot, id);
  if (slot.error) {
    slot.made = false;
    std::rethrow_exception(std::exchange(slot.error, nullptr));
  }
  current_ = 1 - current_;
  wanted_ = following(id);
  {
    const std::lock_guard lock(mutex_);
    busy_ = true;
  }
  changed_.notify_all();
  waited_s_ += std::chrono::duration<double>(Clock::now() - start).count();
  return slot.batch;
}

void LeafPrefetcher::make(Slot& slot, const LeafId& id) noexcept {
  slot.id = id;
  slot.made = true;
  slot.error = nullptr;
  try {
    if (!has_plan_ || planned_.epoch != id.epoch || planned_.step != id.step) {
      has_plan_ = false;
      batcher_.plan_step(id.epoch, id.step, plan_);
      planned_ = id;
      has_plan_ = true;
    }
    TF_CHECK(id.leaf >= 0 && id.leaf < plan_.num_leaves, "leaf {} of {}", id.leaf, plan_.num_leaves);
    const LeafPlan& leaf = plan_.leaves[static_cast<size_t>(id.leaf)];
    const uint64_t step_key = mix_key(mix64(seed_), static_cast<uint64_t>(id.global_step));
    keys_.clear();
    for (const int64_t index : leaf.index_in_step) keys_.push_back(mix_key(step_key, static_cast<uint64_t>(index)));
    slot.batch.set(leaf.examples, keys_);
  } catch (...) {
    slot.error = std::current_exception();
  }
}

LeafId LeafPrefetcher::following(const LeafId& id) const noexcept {
  if (id.leaf + 1 < plan_.num_leaves) return {id.epoch, id.step, id.leaf + 1, id.global_step};
  if (id.step + 1 < batcher_.steps_per_epoch()) return {id.epoch, id.step + 1, 0, id.global_step + 1};
  return {id.epoch + 1, 0, 0, id.global_step + 1};
}

void LeafPrefetcher::rest() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !busy_; });
}

void LeafPrefetcher::worker_main() noexcept {
  unpin_this_thread();  // lest it share a CPU with the thread that computes
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return busy_ || stop_; });
    if (stop_) return;
    lock.unlock();
    make(slots_[1 - current_], wanted_);
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace tilefit
