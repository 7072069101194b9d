#include "tilefit/kernels/attention.h"

#include <algorithm>
#include <vector>

#include "tilefit/kernels/dispatch.h"

namespace tilefit::kernels {
namespace {

/// Runs task(sequence, head) for all pairs, the longest sequences first: a long one that starts last would be waited for.
template <class F>
void parallel_heads(ThreadPool& pool, const AttentionShape& shape, F task) {
  thread_local std::vector<int32_t> order;  // keeps its memory: no allocation once it has grown
  order.resize(static_cast<size_t>(shape.num_sequences));
  for (size_t b = 0; b < order.size(); ++b) order[b] = static_cast<int32_t>(b);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    const int32_t rows_a = shape.sequences[a].num_rows, rows_b = shape.sequences[b].num_rows;
    return rows_a != rows_b ? rows_a > rows_b : a < b;
  });
  const int32_t* const sequence_of = order.data();
  pool.parallel_for(shape.num_sequences * shape.num_heads, [&, sequence_of](int64_t i, int) {
    task(shape.sequences[sequence_of[i / shape.num_heads]], i % shape.num_heads);
  });
}

}  // namespace

template <class T>
void attention_forward(ThreadPool& pool, const AttentionShape& shape, const T* qkv_M3C, int64_t ld_qkv, T* out_MC,
                       int64_t ld_out, Wide<T>* logsum_MH) {
  parallel_heads(pool, shape, [&](const SequenceSpan& seq, int64_t head) {
    table<T>().attention_forward_task(shape, seq, head, qkv_M3C, ld_qkv, out_MC, ld_out, logsum_MH);
  });
}

template <class T>
void attention_backward(ThreadPool& pool, const AttentionShape& shape, const T* qkv_M3C, int64_t ld_qkv, const T* out_MC,
                        int64_t ld_out, const Wide<T>* logsum_MH, const T* dout_MC, int64_t ld_dout, T* dqkv_M3C,
                        int64_t ld_dqkv) {
  parallel_heads(pool, shape, [&](const SequenceSpan& seq, int64_t head) {
    table<T>().attention_backward_task(shape, seq, head, qkv_M3C, ld_qkv, out_MC, ld_out, logsum_MH, dout_MC, ld_dout,
                                       dqkv_M3C, ld_dqkv);
  });
}

#define TF_INSTANTIATE(T)                                                                                           \
  template void attention_forward<T>(ThreadPool&, const AttentionShape&, const T*, int64_t, T*, int64_t, Wide<T>*); \
  template void attention_backward<T>(ThreadPool&, const AttentionShape&, const T*, int64_t, const T*, int64_t,     \
                                      const Wide<T>*, const T*, int64_t, T*, int64_t);
TF_INSTANTIATE(float)
TF_INSTANTIATE(double)
TF_INSTANTIATE(Bf16)
#undef TF_INSTANTIATE

}  // namespace tilefit::kernels
