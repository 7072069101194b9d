// Scaled dot-product attention over packed rows: out = dropout(softmax(scale * Q K^T)) V per sequence and head.
// No [T, T] matrix reaches memory beyond cache: backward computes the probabilities again from Q, K and the row statistics.
// T = Bf16: products of bf16 values, float sums, softmax and statistics; probabilities are rounded to bf16 for the second product.
// Source: Vaswani et al. 2017 (arXiv:1706.03762); row statistics as in Dao et al. 2022 (arXiv:2205.14135).
#pragma once
#include <cstdint>

#include "tilefit/base/bf16.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// One sequence of a batch: rows [row_begin, row_begin + num_rows) of the token matrix. The first num_keys of them (1 .. num_rows)
/// can be attended to; the others are padding. Packed batches have num_keys == num_rows.
struct SequenceSpan {
  int64_t row_begin = 0;
  int32_t num_rows = 0;
  int32_t num_keys = 0;
  uint64_t dropout_key = 0;  // key of the example: see DropoutRows::key_M
};

struct AttentionShape {
  const SequenceSpan* sequences = nullptr;
  int64_t num_sequences = 0;
  int64_t num_heads = 0;
  int64_t head_size = 0;  // D
  double scale = 1;       // 1 / sqrt(D)
  double dropout_p = 0;   // probability (query i, key j) of head h is dropped when
  uint64_t site = 0;      // dropout_bits(mix_key(mix_key(mix_key(dropout_key, site), h), i), j) < dropout_threshold(p)
};

/// Sets out_MC and logsum_MH (log of the sum of exp of the scaled scores, per row and head). qkv_M3C holds query, key and value
/// side by side: head h of the query is columns [h D, (h + 1) D), the key's start at C = H D, the value's at 2 C.
/// ld_qkv, ld_out: row strides. Sequences must not overlap. Every (sequence, head) is one task.
template <class T>
void attention_forward(ThreadPool& pool, const AttentionShape& shape, const T* qkv_M3C, int64_t ld_qkv, T* out_MC,
                       int64_t ld_out, Wide<T>* logsum_MH);

/// Sets dqkv_M3C (all 3 C columns of every sequence's rows; rows that are padding keys get zero key and value gradients).
/// out_MC and logsum_MH are those of the forward pass.
template <class T>
void attention_backward(ThreadPool& pool, const AttentionShape& shape, const T* qkv_M3C, int64_t ld_qkv, const T* out_MC,
                        int64_t ld_out, const Wide<T>* logsum_MH, const T* dout_MC, int64_t ld_dout, T* dqkv_M3C,
                        int64_t ld_dqkv);

}  // namespace tilefit::kernels
