#include "tilefit/train/leaves.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace tilefit {
namespace {

constexpr int64_t kSize = 5000;

/// Sum of leaves [begin, begin + count) of which those from num_leaves on are absent: the definition of the tree.
std::vector<float> tree(const std::vector<std::vector<float>>& leaves, size_t begin, size_t count) {
  if (begin >= leaves.size()) return {};
  if (count == 1) return leaves[begin];
  auto left = tree(leaves, begin, count / 2);
  const auto right = tree(leaves, begin + count / 2, count / 2);
  for (size_t i = 0; i < right.size(); ++i) left[i] += right[i];
  return left;
}

std::vector<std::vector<float>> random_leaves(size_t count) {
  std::mt19937 engine(static_cast<uint32_t>(count));
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> leaves(count, std::vector<float>(kSize));
  for (auto& leaf : leaves)
    for (float& x : leaf) x = normal(engine) * std::exp(4 * normal(engine));
  return leaves;
}

TEST(LeafFold, EqualsTheTreeBitForBitForAnyNumberOfLeaves) {
  ThreadPool pool(2);
  std::vector<float> own(kSize);
  LeafFold fold(kSize, own.data(), 16);
  for (size_t count = 1; count <= 16; ++count) {
    const auto leaves = random_leaves(count);
    for (size_t leaf = 0; leaf < count; ++leaf) {
      float* const buffer = fold.begin_leaf(pool);
      for (size_t i = 0; i < kSize; ++i) {
        ASSERT_EQ(buffer[i], 0.0f);
        buffer[i] += leaves[leaf][i];
      }
      fold.end_leaf(pool, static_cast<int64_t>(leaf));
    }
    const float* const sum = fold.finish(pool);
    EXPECT_EQ(std::vector<float>(sum, sum + kSize), tree(leaves, 0, 16)) << count << " leaves";
  }
}

TEST(LeafFold, OneLeafUsesTheCallersBuffer) {
  ThreadPool pool(1);
  std::vector<float> own(kSize, 7.0f);
  LeafFold fold(kSize, own.data(), 1);
  EXPECT_EQ(fold.begin_leaf(pool), own.data());
  own[3] = 2;
  fold.end_leaf(pool, 0);
  EXPECT_EQ(fold.finish(pool), own.data());
  EXPECT_EQ(own[3], 2.0f);
}

TEST(LeafFold, ClearForgetsAStep) {
  ThreadPool pool(1);
  LeafFold fold(kSize, nullptr, 2);
  fold.begin_leaf(pool)[0] = 5;
  fold.end_leaf(pool, 0);
  fold.begin_leaf(pool);
  fold.clear();
  fold.begin_leaf(pool)[0] = 1;
  fold.end_leaf(pool, 0);
  EXPECT_EQ(fold.finish(pool)[0], 1.0f);
}

TEST(LeafFold, NumberOfBuffers) {
  EXPECT_EQ(LeafFold::num_buffers(1), 1);
  EXPECT_EQ(LeafFold::num_buffers(2), 2);
  EXPECT_EQ(LeafFold::num_buffers(4), 3);
  EXPECT_EQ(LeafFold::num_buffers(5), 4);
  EXPECT_EQ(LeafFold::num_buffers(8), 4);
}

TEST(GradientNorm, IsTheNormForAnyThreads) {
  const auto gradient = random_leaves(1)[0];
  double sum = 0;
  for (const float x : gradient) sum += double{x} * double{x};
  std::vector<double> scratch;
  ThreadPool one(1), three(3);
  const double norm = gradient_norm(one, kSize, gradient.data(), 0.25, scratch);
  EXPECT_NEAR(norm, 0.25 * std::sqrt(sum), 1e-12 * norm);
  EXPECT_EQ(gradient_norm(three, kSize, gradient.data(), 0.25, scratch), norm);
}

TEST(ClipFactor, IsTorchs) {
  EXPECT_DOUBLE_EQ(clip_factor(0.5, 1.0), 1.0);
  EXPECT_DOUBLE_EQ(clip_factor(4.0, 1.0), 1.0 / 4.000001);
  EXPECT_DOUBLE_EQ(clip_factor(1.0, 1.0), 1.0 / 1.000001);  // torch's 1e-6 acts at the limit itself
  EXPECT_DOUBLE_EQ(clip_factor(4.0, 0.0), 1.0);
}

}  // namespace
}  // namespace tilefit
