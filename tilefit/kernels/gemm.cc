#include "tilefit/kernels/gemm.h"

#include <algorithm>
#include <type_traits>

#include "tilefit/cpu/cache.h"
#include "tilefit/kernels/dispatch.h"

namespace tilefit::kernels {
namespace {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Length of the pieces that cut `n` into about `pieces` equal parts, a multiple of `unit`.
constexpr int64_t piece_length(int64_t n, int64_t pieces, int64_t unit) {
  return ceil_div(ceil_div(n, unit), std::max<int64_t>(1, pieces)) * unit;
}

/// True when dealing out `tasks` equal ones leaves threads idle for more than a sixteenth of the time.
constexpr bool unbalanced(int64_t tasks, int64_t threads) { return ceil_div(tasks, threads) * threads * 16 > tasks * 17; }

/// Calls task(range) for blocks of about block_rows x block_cols that cover [rows, cols]; smaller ones when there are few for the threads.
template <class F>
void parallel_blocks(ThreadPool& pool, int64_t rows, int64_t cols, int64_t block_rows, int64_t block_cols, int64_t row_unit,
                     int64_t col_unit, F task) {
  constexpr int64_t kTasksPerThread = 4;  // enough that the last one's end leaves threads idle for little
  const int64_t threads = pool.num_threads();
  int64_t row_pieces = ceil_div(rows, block_rows), col_pieces = ceil_div(cols, block_cols);
  while (threads > 1 &&
         (row_pieces * col_pieces < kTasksPerThread * threads || unbalanced(row_pieces * col_pieces, threads))) {
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

/// The largest multiple of `unit` that is at most n, but at least `unit`.
constexpr int64_t round_down(int64_t n, int64_t unit) { return std::max(unit, n / unit * unit); }

template <class T>
constinit GemmBlocking g_wanted_blocking;

/// Fills the members that are zero. Half of L2 holds what is used again and again, the rest what passes by.
template <class T>
GemmBlocking complete(GemmBlocking b, int64_t K) {
  const KernelTable<T>& t = table<T>();
  const int64_t words = ceil_div(K, t.word_elements), depth = words <= t.gemm_depth ? words : t.gemm_deep_step;
  const int64_t l2 = cache_sizes().l2_bytes, word = t.packed_word_bytes;
  // Forward and dgrad: rows of A beside a panel of B that passes by.
  if (b.rows == 0) b.rows = round_down(std::clamp<int64_t>(l2 / 4 / (depth * word), 8, 1024), t.gemm_rows);
  if (b.cols == 0) b.cols = 4096;
  if (b.accumulator_cols == 0)
    b.accumulator_cols = round_down(std::clamp<int64_t>(l2 / 4 / (b.rows * word), t.gemm_panel, 1024), t.gemm_panel);
  // Wgrad: both packed parts. Twice as many rows as columns, because a panel of the columns' side stays in L1 meanwhile.
  const int64_t both = l2 * 3 / 4 / (t.wgrad_depth * word);
  if (b.wgrad_rows == 0) b.wgrad_rows = round_down(std::clamp<int64_t>(both * 5 / 8, 8, 2048), t.gemm_rows);
  if (b.wgrad_cols == 0) b.wgrad_cols = round_down(std::clamp<int64_t>(both * 3 / 8, 8, 2048), t.gemm_panel);
  return b;
}

}  // namespace

template <class T>
GemmBlocking gemm_blocking(int64_t K) {
  return complete<T>(g_wanted_blocking<T>, K);
}

template <class T>
void set_gemm_blocking(const GemmBlocking& blocking) {
  g_wanted_blocking<T> = blocking;
}

template <class T>
int64_t packed_bytes(int64_t K, int64_t N) {
  const KernelTable<T>& t = table<T>();
  const int64_t words = ceil_div(ceil_div(K, t.word_elements), t.word_unit) * t.word_unit;
  return ceil_div(N, t.gemm_panel) * t.gemm_panel * words * t.packed_word_bytes;
}

template <class T>
void pack_matrix(ThreadPool& pool, int64_t K, int64_t N, const Wide<T>* b, int64_t ld, bool transposed, void* packed) {
  const KernelTable<T>& t = table<T>();
  pool.parallel_for(ceil_div(N, t.gemm_panel),
                    [&](int64_t panel, int) { t.pack_panel(K, N, b, ld, transposed, panel, 0, K, packed); });
}

template <class T, class TC>
void gemm(ThreadPool& pool, int64_t M, int64_t N, int64_t K, const T* a_MK, int64_t lda, const void* packed_b,
          const Epilogue<T>& epilogue, TC* c_MN, int64_t ldc) {
  const KernelTable<T>& t = table<T>();
  const GemmBlocking block = gemm_blocking<T>(K);
  constexpr bool kWideC = !std::is_same_v<T, TC>;
  parallel_blocks(pool, M, N, block.rows, block.cols, t.gemm_rows, t.gemm_panel, [&](const GemmRange& r) {
    t.gemm_task(r, block.accumulator_cols, K, a_MK, lda, packed_b, epilogue, kWideC, c_MN, ldc);
  });
}

template <class T>
void gemm_wgrad(ThreadPool& pool, int64_t M, int64_t O, int64_t C, const T* dy_MO, int64_t ld_dy, const T* x_MC,
                int64_t ld_x, Wide<T>* dw_OC, int64_t ld_dw, Wide<T>* dbias_O) {
  const KernelTable<T>& t = table<T>();
  const GemmBlocking block = gemm_blocking<T>(M);
  parallel_blocks(pool, O, C, block.wgrad_rows, block.wgrad_cols, t.gemm_rows, t.gemm_panel,
                  [&](const GemmRange& r) { t.wgrad_task(r, M, dy_MO, ld_dy, x_MC, ld_x, dw_OC, ld_dw, dbias_O); });
}

#define TF_INSTANTIATE(T)                                                                                                  \
  template GemmBlocking gemm_blocking<T>(int64_t);                                                                         \
  template void set_gemm_blocking<T>(const GemmBlocking&);                                                                 \
  template int64_t packed_bytes<T>(int64_t, int64_t);                                                                      \
  template void pack_matrix<T>(ThreadPool&, int64_t, int64_t, const Wide<T>*, int64_t, bool, void*);                       \
  template void gemm<T, T>(ThreadPool&, int64_t, int64_t, int64_t, const T*, int64_t, const void*, const Epilogue<T>&, T*, \
                           int64_t);                                                                                       \
  template void gemm_wgrad<T>(ThreadPool&, int64_t, int64_t, int64_t, const T*, int64_t, const T*, int64_t, Wide<T>*,      \
                              int64_t, Wide<T>*);
TF_INSTANTIATE(float)
TF_INSTANTIATE(double)
TF_INSTANTIATE(Bf16)
#undef TF_INSTANTIATE
template void gemm<Bf16, float>(ThreadPool&, int64_t, int64_t, int64_t, const Bf16*, int64_t, const void*,
                                const Epilogue<Bf16>&, float*, int64_t);

}  // namespace tilefit::kernels
