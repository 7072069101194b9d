#include "tilefit/train/leaves.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tilefit/base/check.h"
#include "tilefit/kernels/reduce.h"

namespace tilefit {

LeafFold::LeafFold(int64_t size, float* first_buffer, int64_t max_leaves) : size_(size) {
  const auto most = static_cast<size_t>(num_buffers(max_leaves));
  nodes_.reserve(most);
  free_.reserve(most);
  owned_.reserve(most);
  if (first_buffer) free_.push_back(first_buffer);
}

int64_t LeafFold::num_buffers(int64_t leaves) noexcept {
  return leaves <= 1 ? 1 : std::bit_width(static_cast<uint64_t>(leaves - 1)) + 1;
}

float* LeafFold::begin_leaf(ThreadPool& pool) {
  TF_CHECK(!open_, "the leaf before has not ended");
  if (free_.empty()) {
    owned_.emplace_back(size_ * static_cast<int64_t>(sizeof(float)));
    free_.push_back(owned_.back().as<float>());
  }
  open_ = free_.back();
  free_.pop_back();
  kernels::fill_zero(pool, size_, open_);
  return open_;
}

void LeafFold::end_leaf(ThreadPool& pool, int64_t leaf) {
  TF_CHECK(open_, "no leaf was begun");
  nodes_.push_back({0, leaf, open_});
  open_ = nullptr;
  // A right child ends the subtree of its parent: as long as the last node is one and its sibling is there, they become the parent.
  while (nodes_.size() >= 2) {
    const Node &left = nodes_[nodes_.size() - 2], &right = nodes_.back();
    if (left.level != right.level || right.index != left.index + 1 || left.index % 2 != 0) break;
    add_right_to_left(pool);
  }
}

void LeafFold::add_right_to_left(ThreadPool& pool) {
  Node &left = nodes_[nodes_.size() - 2], &right = nodes_.back();
  kernels::add(pool, size_, right.sum, left.sum);
  free_.push_back(right.sum);
  left.level += 1;
  left.index /= 2;
  nodes_.pop_back();
}

float* LeafFold::finish(ThreadPool& pool) {
  TF_CHECK(!nodes_.empty() && !open_, "{} leaves", nodes_.size());
  // The leaves to the right are absent, so each remaining node is the right child of a common ancestor with the node to its left.
  while (nodes_.size() > 1) add_right_to_left(pool);
  float* const sum = nodes_[0].sum;
  clear();
  return sum;
}

void LeafFold::clear() noexcept {
  if (open_) free_.push_back(open_);
  open_ = nullptr;
  for (const Node& node : nodes_) free_.push_back(node.sum);
  nodes_.clear();
}

double gradient_norm(ThreadPool& pool, int64_t size, const float* gradient, double scale, std::vector<double>& block_sums) {
  const int64_t blocks = (size + kernels::kBlockSize - 1) / kernels::kBlockSize;
  if (std::ssize(block_sums) < blocks) block_sums.resize(static_cast<size_t>(blocks));
  kernels::block_sums_of_squares(pool, size, gradient, block_sums.data());
  return scale * std::sqrt(kernels::tree_sum(block_sums.data(), blocks));
}

double clip_factor(double norm, double max_norm) noexcept {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1.0;
}

}  // namespace tilefit
