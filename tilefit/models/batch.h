// Token batches: what a model's forward pass reads. Sequences are packed back to back, or each padded to the same length as
// transformers does it.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tilefit/nn/context.h"

namespace tilefit {

/// One tokenised example. The spans are read while the batch is made, not later.
struct TokenSequence {
  std::span<const int32_t> ids;
  std::span<const int32_t> type_ids;  ///< as long as ids, or empty (all 0)
  uint64_t example_key = 0;           ///< key of its dropout masks: of (seed, step, index in the step); 0 in evaluation
};

/// How sequences become rows.
struct Padding {
  int64_t length = 0;  ///< 0: packed, only tokens have rows; else every sequence gets `length` rows
  int32_t pad_id = 0;  ///< token of the padding rows (their type is 0)

  static Padding packed() { return {}; }
  static Padding padded_to(int64_t length, int32_t pad_id) { return {length, pad_id}; }
};

/// M token rows. Reuse one object from step to step: its arrays keep their capacity.
struct TokenBatch {
  std::vector<int32_t> id_M, type_id_M;
  RowLayout layout;

  int64_t num_rows() const noexcept { return layout.num_rows; }
  int64_t num_sequences() const noexcept { return static_cast<int64_t>(layout.sequences.size()); }
  /// Positions, from 0 in every sequence.
  const std::vector<int32_t>& position_M() const noexcept { return layout.position_M; }
};

/// Sets batch. Sequence b has the rows layout.sequences[b]. Throws Error(kFailed): a sequence without tokens, with type ids of another
/// number, or longer than the padded length; no sequence at all.
void make_batch(std::span<const TokenSequence> sequences, const Padding& padding, TokenBatch& batch);

}  // namespace tilefit
