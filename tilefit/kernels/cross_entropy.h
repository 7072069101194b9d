// Softmax over the rows of each sequence, cross-entropy against one row: the loss of a span's start or end (question answering).
#pragma once
#include <cstdint>

#include "tilefit/kernels/attention.h"

namespace tilefit::kernels {

/// For each sequence b: p = softmax over its num_rows values x[(row_begin + i) * ld]; loss_B[b] = -log p[target_B[b]];
/// dx[(row_begin + i) * ld] = (p[i] - [i == target]) * gradient_scale. target -1: loss 0 and zero gradient.
/// Padding rows take part, as in transformers, where the softmax runs over the padded length. Sets loss_B and dx. dx may be null.
template <class T>
void span_cross_entropy(ThreadPool& pool, const SequenceSpan* sequences, int64_t num_sequences, const T* x, int64_t ld,
                        const int32_t* target_B, T gradient_scale, T* loss_B, T* dx);

}  // namespace tilefit::kernels
