#include "tilefit/kernels/gemm.h"

#include <algorithm>

#include "tilefit/kernels/dispatch.h"

namespace tilefit::kernels {
namespace {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Length of the pieces that cut `n` into about `pieces` equal parts, a multiple of `unit`.
constexpr int64_t piece_length(int64_t n, int64_t pieces, int64_t unit) {
  return ceil_div(ceil_div(n, unit), std::max<int64_t>(1, pieces)) * unit;
}

/// Calls task(range) for blocks of about block_rows x block_cols that cover [rows, cols]; smaller ones when there are few for the threads.
template <class F>
void parallel_blocks(ThreadPool& pool, int64_t rows, int64_t cols, int64_t block_rows, int64_t block_cols, int64_t row_unit,
                     int64_t col_unit, F task) {
  constexpr int64_t kTasksPerThread = 4;  // enough that the last one's end leaves threads idle for little
  int64_t row_pieces = ceil_div(rows, block_rows), col_pieces = ceil_div(cols, block_cols);
  const int64_t wanted = kTasksPerThread * pool.num_threads();
  while (pool.num_threads() > 1 && row_pieces * col_pieces < wanted) {
    const int64_t row_length = piece_length(rows, row_pieces, row_unit),
                  col_length = piece_length(cols, col_pieces, col_unit);
    const bool can_rows = row_length > 4 * row_unit, can_cols = col_length > 4 * col_unit;
    if (!can_rows && !can_cols) break;
    if (can_rows && (row_length >= col_length || !can_cols)) ++row_pieces;
    else ++col_pieces;
  }
  const int64_t row_length = piece_length(rows, row_pieces, row_unit), col_length = piece_length(cols, col_pieces, col_unit);
  const int64_t num_rows = ceil_div(rows, row_length), num_cols = ceil_div(cols, col_length);
  pool.parallel_for(num_rows * num_cols, [&](int64_t i, int) {
    const int64_t r = i / num_cols * row_length, c = i % num_cols * col_length;
    task(GemmRange{r, std::min(rows, r + row_length), c, std::min(cols, c + col_length)});
  });
}

}  // namespace

template <class T>
int64_t packed_size(int64_t K, int64_t N) {
  const int64_t panel = table<T>().gemm_panel;
  return ceil_div(N, panel) * panel * K;
}

template <class T>
void pack_matrix(ThreadPool& pool, int64_t K, int64_t N, const T* b, int64_t ld, bool transposed, T* packed) {
  const KernelTable<T>& t = table<T>();
  pool.parallel_for(ceil_div(N, t.gemm_panel),
                    [&](int64_t panel, int) { t.pack_panel(K, N, b, ld, transposed, panel, packed); });
}

template <class T>
void gemm(ThreadPool& pool, int64_t M, int64_t N, int64_t K, const T* a_MK, int64_t lda, const T* packed_b,
          const Epilogue<T>& epilogue, T* c_MN, int64_t ldc) {
  const KernelTable<T>& t = table<T>();
  // A block's rows of A stay in L2 while all of B passes by.
  parallel_blocks(pool, M, N, 12 * t.gemm_rows, 4096, t.gemm_rows, t.gemm_panel,
                  [&](const GemmRange& r) { t.gemm_task(r, N, K, a_MK, lda, packed_b, epilogue, c_MN, ldc); });
}

template <class T>
void gemm_wgrad(ThreadPool& pool, int64_t M, int64_t O, int64_t C, const T* dy_MO, int64_t ld_dy, const T* x_MC,
                int64_t ld_x, T* dw_OC, int64_t ld_dw) {
  const KernelTable<T>& t = table<T>();
  parallel_blocks(pool, O, C, 48 * t.gemm_rows, 12 * t.gemm_panel, t.gemm_rows, t.gemm_panel,
                  [&](const GemmRange& r) { t.wgrad_task(r, M, dy_MO, ld_dy, x_MC, ld_x, dw_OC, ld_dw); });
}

#define TF_INSTANTIATE(T)                                                                                            \
  template int64_t packed_size<T>(int64_t, int64_t);                                                                 \
  template void pack_matrix<T>(ThreadPool&, int64_t, int64_t, const T*, int64_t, bool, T*);                          \
  template void gemm<T>(ThreadPool&, int64_t, int64_t, int64_t, const T*, int64_t, const T*, const Epilogue<T>&, T*, \
                        int64_t);                                                                                    \
  template void gemm_wgrad<T>(ThreadPool&, int64_t, int64_t, int64_t, const T*, int64_t, const T*, int64_t, T*, int64_t);
TF_INSTANTIATE(float)
TF_INSTANTIATE(double)
#undef TF_INSTANTIATE

}  // namespace tilefit::kernels
