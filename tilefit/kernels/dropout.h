// Dropout on token rows. A mask bit depends on (example key, site, position in the example, channel) alone: packed and padded
// batches, any number of threads and any split into leaves give the same mask, and backward draws it again instead of storing it.
#pragma once
#include <cstdint>

#include "tilefit/base/bf16.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// The mask of one dropout site over M token rows. Row m, channel c of width C is dropped when
/// dropout_bits(mix_key(key_M[m], site), position_M[m] * C + c) < dropout_threshold(p); kept values are scaled by 1 / (1 - p).
/// p = 0: nothing is dropped and the arrays are not read.
struct DropoutRows {
  const uint64_t* key_M = nullptr;      // key of the row's example: of (seed, step, index of the example in the step)
  const int32_t* position_M = nullptr;  // position of the row within its example
  uint64_t site = 0;                    // which dropout of the model: layer and place
  double p = 0;
};

/// y_MC = dropout(x_MC). y may be x. Also its own backward (dx = dropout(dy)).
template <class T>
void dropout(ThreadPool& pool, int64_t M, int64_t C, const T* x_MC, const DropoutRows& rows, T* y_MC);

}  // namespace tilefit::kernels
