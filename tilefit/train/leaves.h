// The gradient of a step as the sum of its leaves' gradients, added in one canonical binary tree whatever computes them.
// A leaf is a micro-batch of per_device_train_batch_size examples; leaf l of a step is its l-th micro-batch. Node (k, j) of the tree is the
// sum of nodes (k-1, 2j) and (k-1, 2j+1); a leaf that is absent (short last batch) is skipped. Leaves come one after the other and are
// folded like a binary counter, so L leaves need at most log2(L) + 1 buffers.
#pragma once
#include <cstdint>
#include <vector>

#include "tilefit/cpu/memory.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit {

/// Folds flat gradients of `size` floats each. One thread calls it; nothing is allocated after the first step.
class LeafFold {
 public:
  /// first_buffer: memory of `size` floats that it may use (kept by the caller), or null. max_leaves: most leaves of a step.
  LeafFold(int64_t size, float* first_buffer, int64_t max_leaves);

  /// A zeroed buffer for the gradient of the next leaf.
  float* begin_leaf(ThreadPool& pool);

  /// Takes the buffer of begin_leaf as the gradient of leaf `leaf`. Leaves of a step come in ascending order.
  void end_leaf(ThreadPool& pool, int64_t leaf);

  /// Sum over the leaves since the last call (at least one). Valid until the next begin_leaf.
  float* finish(ThreadPool& pool);

  /// Forgets the leaves taken so far.
  void clear() noexcept;

  /// Most buffers that a step of `leaves` leaves needs at a time.
  static int64_t num_buffers(int64_t leaves) noexcept;

 private:
  struct Node {
    int level;
    int64_t index;
    float* sum;
  };
  void add_right_to_left(ThreadPool& pool);

  int64_t size_;
  float* open_ = nullptr;  ///< the buffer handed out and not yet taken back
  std::vector<Node> nodes_;
  std::vector<float*> free_;
  std::vector<Buffer> owned_;
};

/// Norm of a flat gradient: the square root of the sum of block norms (4,096 elements each) in one fixed tree, times `scale`.
/// block_sums: scratch, at least size / 4096 + 1 doubles.
double gradient_norm(ThreadPool& pool, int64_t size, const float* gradient, double scale, std::vector<double>& block_sums);

/// The factor that brings a gradient of that norm down to max_norm, as torch.nn.utils.clip_grad_norm_ computes it:
/// min(1, max_norm / (norm + 1e-6)). max_norm 0 or less: 1.
double clip_factor(double norm, double max_norm) noexcept;

}  // namespace tilefit
