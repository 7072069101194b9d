// The blocks of an encoder, and the only loop over them: what is kept, recomputed and freed, and when gradients are announced.
#pragma once
#include <deque>
#include <utility>
#include <vector>

#include "tilefit/nn/block.h"

namespace tilefit {

class Stack {
 public:
  /// What backward needs. Sized once; with Ctx::recompute only block inputs are kept.
  struct Stash {
    std::vector<PostNormBlock::Stash> blocks;
    std::vector<Tensor> x_MC;  ///< input of each block
  };

  /// Blocks are named scope / 0, scope / 1, ...
  Stack(const ParamScope& scope, const BlockNames& names, const BlockShape& shape, int64_t num_layers);

  int64_t num_layers() const noexcept { return static_cast<int64_t>(blocks_.size()); }

  /// Output of the last block. x_MC is overwritten when stash is null; with a stash everything backward needs stays in the arena.
  Tensor forward(Ctx& ctx, const Tensor& x_MC, Stash* stash);

  /// d_MC: gradient of forward's result; becomes that of x. Announces each block's flat gradients by ctx.grads_ready as soon as they are complete.
  void backward(Ctx& ctx, const Tensor& d_MC, Stash& stash);

 private:
  std::deque<PostNormBlock> blocks_;
  std::vector<std::pair<size_t, size_t>> params_;  ///< of each block: first and one past the last in registration order
  ParamStore& store_;
};

}  // namespace tilefit
