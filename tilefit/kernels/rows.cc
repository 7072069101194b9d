// The parallel drivers of the row-wise kernels: dropout, layer norm, embedding, cross-entropy.
#include "tilefit/kernels/rows.h"

#include <algorithm>

#include "tilefit/kernels/dispatch.h"

namespace tilefit::kernels {
namespace {

constexpr int64_t kRun = 16;  // rows per task

int64_t num_blocks(int64_t M) { return (M + kLayerNormRows - 1) / kLayerNormRows; }

}  // namespace

template <class T>
void dropout(ThreadPool& pool, int64_t M, int64_t C, const T* x_MC, const DropoutRows& rows, T* y_MC) {
  parallel_rows(pool, M, kRun, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) table<T>().dropout_row(m, C, x_MC + m * C, rows, y_MC + m * C);
  });
}

template <class T>
void layer_norm_forward(ThreadPool& pool, int64_t M, int64_t C, const T* a_MC, const T* residual_MC, const DropoutRows& rows,
                        const Wide<T>* gamma_C, const Wide<T>* beta_C, Wide<T> eps, T* s_MC, T* y_MC, Wide<T>* mean_M,
                        Wide<T>* rstd_M) {
  parallel_rows(pool, M, kRun, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      const T* residual_C = residual_MC ? residual_MC + m * C : nullptr;
      table<T>().layer_norm_forward_row(m, C, a_MC + m * C, residual_C, rows, gamma_C, beta_C, eps, s_MC + m * C,
                                        y_MC + m * C, mean_M + m, rstd_M + m);
    }
  });
}

int64_t layer_norm_workspace(int64_t M, int64_t C) { return num_blocks(M) * 2 * C; }

template <class T>
void layer_norm_backward(ThreadPool& pool, int64_t M, int64_t C, const T* dy_MC, const T* s_MC, const Wide<T>* mean_M,
                         const Wide<T>* rstd_M, const Wide<T>* gamma_C, const DropoutRows& rows, T* ds_MC, T* da_MC,
                         Wide<T>* dgamma_C, Wide<T>* dbeta_C, Wide<T>* workspace) {
  parallel_rows(pool, M, kLayerNormRows, [&](int64_t begin, int64_t end) {
    Wide<T>* const part_2C = workspace + begin / kLayerNormRows * 2 * C;
    std::fill_n(part_2C, 2 * C, Wide<T>(0));
    for (int64_t m = begin; m < end; ++m)
      table<T>().layer_norm_backward_row(m, C, dy_MC + m * C, s_MC + m * C, mean_M[m], rstd_M[m], gamma_C, rows,
                                         ds_MC + m * C, da_MC ? da_MC + m * C : nullptr, part_2C, part_2C + C);
  });
  for (int64_t block = 0; block < num_blocks(M); ++block) {
    table<T>().add_range(C, workspace + block * 2 * C, dgamma_C);
    table<T>().add_range(C, workspace + block * 2 * C + C, dbeta_C);
  }
}

template <class T>
void embedding_forward(ThreadPool& pool, int64_t M, int64_t C, const EmbeddingTable<T>* tables, int num_tables, T* out_MC) {
  parallel_rows(pool, M, kRun, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) table<T>().embedding_row(m, C, tables, num_tables, out_MC + m * C);
  });
}

template <class T>
void embedding_backward(ThreadPool& pool, int64_t M, int64_t C, const int32_t* id_M, const T* dout_MC, Wide<T>* dtable_VC) {
  // Threads share out the columns, so that each element is added to in row order by one thread.
  constexpr int64_t kColumns = 64;
  parallel_rows(pool, C, kColumns, [&](int64_t begin, int64_t end) {
    for (int64_t m = 0; m < M; ++m)
      table<T>().accumulate(end - begin, dout_MC + m * C + begin, dtable_VC + id_M[m] * C + begin);
  });
}

template <class T>
void span_cross_entropy(ThreadPool& pool, const SequenceSpan* sequences, int64_t num_sequences, const T* x, int64_t ld,
                        const int32_t* target_B, T gradient_scale, T* loss_B, T* dx) {
  pool.parallel_for(num_sequences, [&](int64_t b, int) {
    table<T>().span_cross_entropy_sequence(sequences[b], x, ld, target_B[b], gradient_scale, loss_B + b, dx);
  });
}

#define TF_INSTANTIATE(T)                                                                                                 \
  template void dropout<T>(ThreadPool&, int64_t, int64_t, const T*, const DropoutRows&, T*);                              \
  template void layer_norm_forward<T>(ThreadPool&, int64_t, int64_t, const T*, const T*, const DropoutRows&,              \
                                      const Wide<T>*, const Wide<T>*, Wide<T>, T*, T*, Wide<T>*, Wide<T>*);               \
  template void layer_norm_backward<T>(ThreadPool&, int64_t, int64_t, const T*, const T*, const Wide<T>*, const Wide<T>*, \
                                       const Wide<T>*, const DropoutRows&, T*, T*, Wide<T>*, Wide<T>*, Wide<T>*);         \
  template void embedding_forward<T>(ThreadPool&, int64_t, int64_t, const EmbeddingTable<T>*, int, T*);                   \
  template void embedding_backward<T>(ThreadPool&, int64_t, int64_t, const int32_t*, const T*, Wide<T>*);
TF_INSTANTIATE(float)
TF_INSTANTIATE(double)
TF_INSTANTIATE(Bf16)
#undef TF_INSTANTIATE
template void span_cross_entropy<float>(ThreadPool&, const SequenceSpan*, int64_t, const float*, int64_t, const int32_t*,
                                        float, float*, float*);
template void span_cross_entropy<double>(ThreadPool&, const SequenceSpan*, int64_t, const double*, int64_t, const int32_t*,
                                         double, double*, double*);

}  // namespace tilefit::kernels
