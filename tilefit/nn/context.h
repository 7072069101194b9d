// What every layer call gets: threads, scratch memory, the batch's row layout, and switches of the step. No weights, no state of a layer.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "tilefit/base/profile.h"
#include "tilefit/cpu/thread_pool.h"
#include "tilefit/kernels/attention.h"
#include "tilefit/kernels/dropout.h"
#include "tilefit/tensor/arena.h"

namespace tilefit {

/// How token rows form sequences. Packed batches hold real tokens only; in padded ones a sequence owns num_rows rows of which the first
/// num_keys are tokens and the others padding that is computed but not attended to.
struct RowLayout {
  int64_t num_rows = 0;                          ///< M: token rows of the batch
  std::vector<kernels::SequenceSpan> sequences;  ///< in row order, covering [0, M)
  std::vector<int32_t> position_M;               ///< position of each row in its sequence
  std::vector<uint64_t> key_M;                   ///< dropout key of each row's example
};

struct Ctx {
  ThreadPool& pool;
  Arena& arena;
  DType dtype = DType::kF32;        ///< of activations: kF32, kBF16, or kF64 for gradient checks
  bool training = false;            ///< dropout is active
  bool recompute = false;           ///< keep only block inputs; backward runs each block's forward again
  const RowLayout* rows = nullptr;  ///< of the batch at hand; set by the model

  /// Called in backward when flat gradients [begin, end) are complete for this batch.
  std::function<void(int64_t begin, int64_t end)> grads_ready = {};
  /// Called in forward with hidden state l as transformers counts them: 0 = embeddings, l = output of block l - 1.
  std::function<void(int64_t l, const Tensor& x_MC)> on_hidden_state = {};

  Profile* profile = nullptr;  ///< of the thread that runs the step; null: nothing is measured

  /// Layers take arena memory but compute nothing: for measuring a step.
  bool dry_run() const noexcept { return arena.measuring(); }

  /// Of parameters, their gradients, statistics, logits and losses: the dtype, but kF32 beside kBF16.
  DType wide_dtype() const noexcept { return tilefit::wide_dtype(dtype); }

  Tensor tensor(int64_t rows_count, int64_t cols) const { return arena.tensor(dtype, rows_count, cols); }
  Tensor wide_tensor(int64_t rows_count, int64_t cols) const { return arena.tensor(wide_dtype(), rows_count, cols); }

  /// The dropout of a site; p counts only in training.
  kernels::DropoutRows dropout(double p, uint64_t site) const {
    return {rows->key_M.data(), rows->position_M.data(), site, training ? p : 0.0};
  }
};

}  // namespace tilefit
