#include "tilefit/data/batcher.h"

#include <algorithm>
#include <numeric>

#include "tilefit/base/check.h"

namespace tilefit {

Batcher::Batcher(Sampler sampler, std::vector<int32_t> lengths, const BatcherOptions& options)
    : sampler_(std::move(sampler)), lengths_(std::move(lengths)), options_(options) {
  TF_CHECK(std::ssize(lengths_) == sampler_.num_examples(), "{} lengths for {} examples", lengths_.size(),
           sampler_.num_examples());
  TF_CHECK(options_.leaf_size > 0 && options_.leaves_per_step > 0, "leaves of {}, {} a step", options_.leaf_size,
           options_.leaves_per_step);
  const int64_t n = sampler_.num_examples();
  num_examples_ = options_.drop_last ? n / options_.leaf_size * options_.leaf_size : n;
  leaves_per_epoch_ = (num_examples_ + options_.leaf_size - 1) / options_.leaf_size;
  steps_per_epoch_ = std::max<int64_t>(1, (leaves_per_epoch_ + options_.leaves_per_step - 1) / options_.leaves_per_step);
}

void Batcher::plan_step(int64_t epoch, int64_t step, StepPlan& plan) {
  TF_CHECK(step >= 0 && step < steps_per_epoch_, "step {} of {}", step, steps_per_epoch_);
  if (epoch != epoch_) {
    order_ = sampler_.epoch_order(epoch);
    epoch_ = epoch;
  }
  const int64_t step_size = options_.leaf_size * options_.leaves_per_step;
  const int64_t begin = step * step_size, end = std::min(num_examples_, begin + step_size);
  plan.num_examples = std::max<int64_t>(0, end - begin);
  plan.num_leaves = (plan.num_examples + options_.leaf_size - 1) / options_.leaf_size;
  if (std::ssize(plan.leaves) < plan.num_leaves) plan.leaves.resize(static_cast<size_t>(plan.num_leaves));
  for (LeafPlan& leaf : plan.leaves) {
    leaf.examples.clear();
    leaf.index_in_step.clear();
  }
  in_step_.assign(order_.begin() + begin, order_.begin() + std::max(begin, end));
  if (options_.balance && plan.num_leaves > 1) {
    deal(plan);
    return;
  }
  for (int64_t i = 0; i < plan.num_examples; ++i) {
    LeafPlan& leaf = plan.leaves[static_cast<size_t>(i / options_.leaf_size)];
    leaf.examples.push_back(in_step_[static_cast<size_t>(i)]);
    leaf.index_in_step.push_back(i);
  }
}

void Batcher::deal(StepPlan& plan) {
  const auto length_at = [&](int64_t i) { return lengths_[static_cast<size_t>(in_step_[static_cast<size_t>(i)])]; };
  by_length_.resize(static_cast<size_t>(plan.num_examples));
  std::iota(by_length_.begin(), by_length_.end(), int64_t{0});
  std::sort(by_length_.begin(), by_length_.end(),
            [&](int64_t a, int64_t b) { return length_at(a) != length_at(b) ? length_at(a) > length_at(b) : a < b; });
  tokens_.assign(static_cast<size_t>(plan.num_leaves), 0);

  // Longest first, each to the leaf with the fewest tokens that still has room.
  for (const int64_t i : by_length_) {
    int64_t best = -1;
    for (int64_t l = 0; l < plan.num_leaves; ++l) {
      const int64_t room = std::min(options_.leaf_size, plan.num_examples - l * options_.leaf_size);
      if (std::ssize(plan.leaves[static_cast<size_t>(l)].examples) >= room) continue;
      if (best < 0 || tokens_[static_cast<size_t>(l)] < tokens_[static_cast<size_t>(best)]) best = l;
    }
    plan.leaves[static_cast<size_t>(best)].index_in_step.push_back(i);
    plan.leaves[static_cast<size_t>(best)].examples.push_back(in_step_[static_cast<size_t>(i)]);
    tokens_[static_cast<size_t>(best)] += length_at(i);
  }
  for (LeafPlan& leaf : plan.leaves) {  // inside a leaf the step's own order
    std::sort(leaf.index_in_step.begin(), leaf.index_in_step.end());
    for (size_t k = 0; k < leaf.examples.size(); ++k)
      leaf.examples[k] = in_step_[static_cast<size_t>(leaf.index_in_step[k])];
  }
}

std::vector<int64_t> Batcher::longest_leaf() const {
  std::vector<int64_t> order(lengths_.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const size_t count = std::min(order.size(), static_cast<size_t>(options_.leaf_size));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](int64_t a, int64_t b) {
                      const auto length_a = lengths_[static_cast<size_t>(a)], length_b = lengths_[static_cast<size_t>(b)];
                      return length_a != length_b ? length_a > length_b : a < b;
                    });
  order.resize(count);
  return order;
}

}  // namespace tilefit
