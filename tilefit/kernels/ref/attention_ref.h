// Scalar definition of attention.h.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "tilefit/base/rng.h"
#include "tilefit/kernels/attention.h"

namespace tilefit::kernels::ref {

template <class T>
T attention_dropout_factor(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, int64_t query, int64_t key) {
  if (shape.dropout_p == 0) return T(1);
  const uint64_t row_key =
      mix_key(mix_key(mix_key(seq.dropout_key, shape.site), static_cast<uint64_t>(head)), static_cast<uint64_t>(query));
  const bool dropped = dropout_bits(row_key, static_cast<uint32_t>(key)) < dropout_threshold(shape.dropout_p);
  return dropped ? T(0) : T(1 / (1 - shape.dropout_p));
}

/// Scaled scores of query row i of one head against all keys of the sequence.
template <class T>
void attention_scores(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, int64_t i, const T* qkv,
                      int64_t ld, T* score) {
  const int64_t D = shape.head_size, C = shape.num_heads * D;
  const T* q = qkv + (seq.row_begin + i) * ld + head * D;
  for (int64_t j = 0; j < seq.num_keys; ++j) {
    const T* k = qkv + (seq.row_begin + j) * ld + C + head * D;
    T dot = 0;
    for (int64_t d = 0; d < D; ++d) dot += q[d] * k[d];
    score[j] = dot * T(shape.scale);
  }
}

template <class T>
void attention_forward_task(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const T* qkv, int64_t ld_qkv,
                            T* out, int64_t ld_out, T* logsum_MH) {
  const int64_t D = shape.head_size, H = shape.num_heads, C = H * D;
  std::vector<T> score(static_cast<size_t>(seq.num_keys));
  for (int64_t i = 0; i < seq.num_rows; ++i) {
    attention_scores(shape, seq, head, i, qkv, ld_qkv, score.data());
    const T top = *std::max_element(score.begin(), score.end());
    T sum = 0;
    for (const T s : score) sum += std::exp(s - top);
    const int64_t row = seq.row_begin + i;
    logsum_MH[row * H + head] = top + std::log(sum);
    T* o = out + row * ld_out + head * D;
    std::fill(o, o + D, T(0));
    for (int64_t j = 0; j < seq.num_keys; ++j) {
      const T* v = qkv + (seq.row_begin + j) * ld_qkv + 2 * C + head * D;
      const T p = std::exp(score[static_cast<size_t>(j)] - top) / sum * attention_dropout_factor<T>(shape, seq, head, i, j);
      for (int64_t d = 0; d < D; ++d) o[d] += p * v[d];
    }
  }
}

template <class T>
void attention_backward_task(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const T* qkv,
                             int64_t ld_qkv, const T* out, int64_t ld_out, const T* logsum_MH, const T* dout,
                             int64_t ld_dout, T* dqkv, int64_t ld_dqkv) {
  const int64_t D = shape.head_size, H = shape.num_heads, C = H * D;
  std::vector<T> score(static_cast<size_t>(seq.num_keys));
  for (int64_t i = 0; i < seq.num_rows; ++i)
    for (int part = 0; part < 3; ++part) std::fill_n(dqkv + (seq.row_begin + i) * ld_dqkv + part * C + head * D, D, T(0));
  for (int64_t i = 0; i < seq.num_rows; ++i) {
    const int64_t row = seq.row_begin + i;
    attention_scores(shape, seq, head, i, qkv, ld_qkv, score.data());
    const T* o = out + row * ld_out + head * D;
    const T* d_o = dout + row * ld_dout + head * D;
    T delta = 0;  // sum over keys of p * dp = dot(dout, out)
    for (int64_t d = 0; d < D; ++d) delta += d_o[d] * o[d];
    const T* q = qkv + row * ld_qkv + head * D;
    T* dq = dqkv + row * ld_dqkv + head * D;
    for (int64_t j = 0; j < seq.num_keys; ++j) {
      const T* k = qkv + (seq.row_begin + j) * ld_qkv + C + head * D;
      const T* v = k + C;
      T* dk = dqkv + (seq.row_begin + j) * ld_dqkv + C + head * D;
      T* dv = dk + C;
      const T p = std::exp(score[static_cast<size_t>(j)] - logsum_MH[row * H + head]);
      const T factor = attention_dropout_factor<T>(shape, seq, head, i, j);
      T dp = 0;
      for (int64_t d = 0; d < D; ++d) dp += d_o[d] * v[d];
      const T ds = p * (dp * factor - delta) * T(shape.scale);
      for (int64_t d = 0; d < D; ++d) {
        dv[d] += p * factor * d_o[d];
        dq[d] += ds * k[d];
        dk[d] += ds * q[d];
      }
    }
  }
}

}  // namespace tilefit::kernels::ref
