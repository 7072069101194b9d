#include "tilefit/data/batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tilefit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Batcher sequential(std::vector<int32_t> lengths, const BatcherOptions& options) {
  SamplerOptions sampling;
  sampling.strategy = SamplingStrategy::kSequential;
  const auto n = std::ssize(lengths);
  return Batcher(Sampler(sampling, n), std::move(lengths), options);
}

TEST(Batcher, CutsTheOrderIntoLeavesAndSteps) {
  Batcher batcher = sequential(std::vector<int32_t>(11, 5), {.leaf_size = 2, .leaves_per_step = 2});
  EXPECT_EQ(batcher.leaves_per_epoch(), 6);
  EXPECT_EQ(batcher.steps_per_epoch(), 3);
  StepPlan plan;
  batcher.plan_step(0, 1, plan);
  EXPECT_EQ(plan.num_leaves, 2);
  EXPECT_THAT(plan.leaves[0].examples, ElementsAre(4, 5));
  EXPECT_THAT(plan.leaves[1].examples, ElementsAre(6, 7));
  EXPECT_THAT(plan.leaves[1].index_in_step, ElementsAre(2, 3));
}

TEST(Batcher, LastStepOfAnEpochIsShort) {
  Batcher batcher = sequential(std::vector<int32_t>(11, 5), {.leaf_size = 2, .leaves_per_step = 4});
  StepPlan plan;
  batcher.plan_step(0, 0, plan);
  batcher.plan_step(0, 1, plan);
  EXPECT_EQ(plan.num_leaves, 2);
  EXPECT_EQ(plan.num_examples, 3);
  EXPECT_THAT(plan.leaves[1].examples, ElementsAre(10));
  EXPECT_THAT(plan.leaves[3].examples, IsEmpty());
}

TEST(Batcher, DropLastLeavesOutTheShortLeafOnly) {
  Batcher batcher = sequential(std::vector<int32_t>(11, 5), {.leaf_size = 2, .leaves_per_step = 4, .drop_last = true});
  EXPECT_EQ(batcher.leaves_per_epoch(), 5);
  EXPECT_EQ(batcher.steps_per_epoch(), 2);
  StepPlan plan;
  batcher.plan_step(0, 1, plan);
  EXPECT_EQ(plan.num_leaves, 1);
  EXPECT_THAT(plan.leaves[0].examples, ElementsAre(8, 9));
}

TEST(Batcher, DealingBalancesTokensAndKeepsTheSet) {
  Batcher batcher = sequential({100, 10, 90, 20, 80, 30, 70, 40}, {.leaf_size = 4, .leaves_per_step = 2, .balance = true});
  StepPlan plan;
  batcher.plan_step(0, 0, plan);
  std::vector<int64_t> all;
  for (const LeafPlan& leaf : plan.leaves) {
    EXPECT_EQ(leaf.examples.size(), 4u);
    EXPECT_TRUE(std::is_sorted(leaf.index_in_step.begin(), leaf.index_in_step.end()));
    int64_t tokens = 0;
    for (const int64_t example : leaf.examples) {
      all.push_back(example);
      tokens += std::vector<int64_t>{100, 10, 90, 20, 80, 30, 70, 40}[static_cast<size_t>(example)];
    }
    EXPECT_EQ(tokens, 220);
  }
  std::sort(all.begin(), all.end());
  EXPECT_THAT(all, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(Batcher, EpochsAreShuffledAnew) {
  Batcher batcher(Sampler({}, 10), std::vector<int32_t>(10, 5), {.leaf_size = 10});
  StepPlan first, second, again;
  batcher.plan_step(0, 0, first);
  EXPECT_THAT(first.leaves[0].examples, ElementsAre(2, 6, 1, 8, 4, 5, 0, 9, 3, 7));
  batcher.plan_step(1, 0, second);
  EXPECT_NE(second.leaves[0].examples, first.leaves[0].examples);
  batcher.plan_step(0, 0, again);
  EXPECT_EQ(again.leaves[0].examples, first.leaves[0].examples);
}

TEST(Batcher, LongestLeaf) {
  Batcher batcher = sequential({3, 9, 5, 9, 1}, {.leaf_size = 3});
  EXPECT_THAT(batcher.longest_leaf(), ElementsAre(1, 3, 2));
}

}  // namespace
}  // namespace tilefit
