// Matrix products over F: one micro-kernel of kGemmRows x (2 kLanes) accumulators, fed from packed blocks.
// Structure as in Goto & van de Geijn 2008: a block of A stays in L2, one panel of B beside it, C in registers for kDepth steps. C is read
// back for the next kDepth, so each element is one unbroken chain of fused multiply-adds and blocking leaves no trace in the result.

inline constexpr int64_t kPanel = 2 * kLanes;  // columns of a packed panel of B
inline constexpr int64_t kDepth = 384;  // k per block when A is packed by rows: 168 rows x 384 stay in half of a 1 MiB L2
inline constexpr int64_t kWgradDepth = 192;  // token rows per block in wgrad, where both sides are packed by the task
inline constexpr int64_t kRowsAhead = 4;     // rows that packing in wgrad prefetches

/// C tile [kRows, kPanel] = (from_c ? C : 0) + A B over `depth` steps. A element (i, k) is a[i * kRowStride + k * kColStride];
/// B row k is b[k * kPanel ..). Registers: kRows x 2 accumulators.
template <int kRows, int64_t kRowStride, int64_t kColStride>
void micro_kernel(int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool from_c) {
  F acc[kRows][2];
#pragma GCC unroll 14
  for (int i = 0; i < kRows; ++i) {
    acc[i][0] = from_c ? load(c + i * ldc) : set1(0);
    acc[i][1] = from_c ? load(c + i * ldc + kLanes) : set1(0);
  }
  for (int64_t k = 0; k < depth; ++k) {
    const F b0 = load(b), b1 = load(b + kLanes);
#pragma GCC unroll 14
    for (int i = 0; i < kRows; ++i) {
      const F a_ik = set1(a[i * kRowStride]);
      acc[i][0] = fma(a_ik, b0, acc[i][0]);
      acc[i][1] = fma(a_ik, b1, acc[i][1]);
    }
    a += kColStride;
    b += kPanel;
  }
#pragma GCC unroll 14
  for (int i = 0; i < kRows; ++i) {
    store(c + i * ldc, acc[i][0]);
    store(c + i * ldc + kLanes, acc[i][1]);
  }
}

using MicroKernel = void (*)(int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool from_c);

/// The micro-kernel for `rows` rows (1 .. kGemmRows): A by rows of kDepth (forward, dgrad), or by columns of kGemmRows (wgrad).
template <bool kByRows, int kRows = kGemmRows>
TF_INLINE MicroKernel micro_kernel_for(int64_t rows) {
  constexpr int64_t kRowStride = kByRows ? kDepth : 1, kColStride = kByRows ? 1 : kGemmRows;
  if constexpr (kRows > 1)
    if (rows < kRows) return micro_kernel_for<kByRows, kRows - 1>(rows);
  return micro_kernel<kRows, kRowStride, kColStride>;
}

/// Applies the epilogue to the tile at (m, n): `rows` x `cols`, already stored in C.
TF_INLINE void apply_epilogue(const Epilogue<float>& e, int64_t m, int64_t n, int64_t rows, int64_t cols, float* c,
                              int64_t ldc) {
  for (int64_t i = 0; i < rows; ++i)
    for_lanes(cols, [&](int64_t j, int64_t k) TF_LAMBDA {
      F v = TF_LOAD(c + i * ldc + j, k);
      if (e.bias_N) v = add(v, TF_LOAD(e.bias_N + n + j, k));
      if (e.gelu_input_MN) v = mul(v, gelu_derivative(TF_LOAD(e.gelu_input_MN + (m + i) * e.ld_gelu_input + n + j, k)));
      if (e.add_MN) v = add(v, TF_LOAD(e.add_MN + (m + i) * e.ld_add + n + j, k));
      TF_STORE(c + i * ldc + j, v, k);
      if (e.gelu_output_MN) TF_STORE(e.gelu_output_MN + (m + i) * e.ld_gelu_output + n + j, gelu(v), k);
    });
}

/// One tile [rows, cols] of C through a micro-kernel; a tile narrower than a panel goes through a full-width copy.
TF_INLINE void run_tile(MicroKernel kernel, int64_t depth, const float* a, const float* b, int64_t rows, int64_t cols,
                        float* c, int64_t ldc, bool from_c) {
  if (cols == kPanel) {
    kernel(depth, a, b, c, ldc, from_c);
    return;
  }
  alignas(64) float tile[kGemmRows * kPanel];
  if (from_c)
    for (int64_t i = 0; i < rows; ++i)
      for_lanes(cols, [&](int64_t j, int64_t n) TF_LAMBDA { store(tile + i * kPanel + j, TF_LOAD(c + i * ldc + j, n)); });
  kernel(depth, a, b, tile, kPanel, from_c);
  for (int64_t i = 0; i < rows; ++i)
    for_lanes(cols, [&](int64_t j, int64_t n) TF_LAMBDA { TF_STORE(c + i * ldc + j, load(tile + i * kPanel + j), n); });
}

TF_INLINE void copy_lanes(const float* from, int64_t n, float* to) {
  for_lanes(n, [&](int64_t i, int64_t k) TF_LAMBDA { TF_STORE(to + i, TF_LOAD(from + i, k), k); });
}

/// Packs rows [0, depth) of a row-major B (columns [0, cols)) as one panel: out[k][kPanel], missing columns zero.
TF_INLINE void pack_panel_rows(int64_t depth, int64_t cols, const float* b, int64_t ld, float* out) {
  for (int64_t k = 0; k < depth; ++k, b += ld, out += kPanel) {
    store(out, cols >= kLanes ? load(b) : load_n(b, cols));
    store(out + kLanes, cols >= kPanel ? load(b + kLanes) : cols > kLanes ? load_n(b + kLanes, cols - kLanes) : set1(0));
  }
}

/// Packs a transposed panel: out[k][n] = b[n * ld + k] for n in [0, cols), missing columns zero.
TF_INLINE void pack_panel_transposed(int64_t depth, int64_t cols, const float* b, int64_t ld, float* out) {
  for (int64_t n = 0; n < kPanel; n += kLanes) {
    int64_t k = 0;
    if (n + kLanes <= cols)
      for (; k + kLanes <= depth; k += kLanes) transpose_block(b + n * ld + k, ld, out + k * kPanel + n, kPanel);
    for (; k < depth; ++k)
      for (int64_t j = n; j < n + kLanes; ++j) out[k * kPanel + j] = j < cols ? b[j * ld + k] : 0.0f;
  }
}

void pack_panel(int64_t K, int64_t N, const float* b, int64_t ld, bool transposed, int64_t panel, float* packed) {
  const int64_t n = panel * kPanel, cols = min_of(kPanel, N - n);
  if (transposed) pack_panel_transposed(K, cols, b + n * ld, ld, packed + n * K);
  else pack_panel_rows(K, cols, b + n, ld, packed + n * K);
}

/// Asks for [p, p + floats) to be brought into L2 (kIntoL1: L1) while the tile at hand is computed.
template <bool kIntoL1>
TF_INLINE void prefetch(const float* p, int64_t floats) {
  constexpr int64_t kLine = 16;
  for (int64_t i = 0; i < floats; i += kLine)
    _mm_prefetch(reinterpret_cast<const char*>(p + i), kIntoL1 ? _MM_HINT_T0 : _MM_HINT_T1);
}
TF_INLINE void prefetch_tile(const float* c, int64_t ldc, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) prefetch<true>(c + i * ldc, kPanel);
}

/// C[rows, N] = (from_c ? C : 0) + A[rows, K] B for columns [col_begin, col_end); A row-major, B packed in panels of K rows.
/// epilogue (may be null) is applied at row offset m.
TF_INLINE void multiply_rows(int64_t rows, int64_t col_begin, int64_t col_end, int64_t K, const float* a, int64_t lda,
                             const float* packed_b, const Epilogue<float>* epilogue, int64_t m, float* c, int64_t ldc,
                             bool from_c) {
  float* const a_block = thread_scratch(ScratchSlot::kPackedA, round_up(rows, kGemmRows) * kDepth);
  for (int64_t k = 0; k < K; k += kDepth) {
    const int64_t depth = min_of(kDepth, K - k);
    for (int64_t i = 0; i < rows; ++i) copy_lanes(a + i * lda + k, depth, a_block + i * kDepth);
    for (int64_t n = col_begin; n < col_end; n += kPanel) {
      const int64_t cols = min_of(kPanel, col_end - n);
      const float* const b = packed_b + n * K + k * kPanel;
      // The next panel of B is asked for in equal shares by the tiles of this one, the next tile of C by the tile before it.
      const float* const next_b = n + kPanel < col_end ? b + kPanel * K : b;
      const int64_t share = round_up(depth * kPanel * kGemmRows / rows, 16);
      for (int64_t i = 0; i < rows; i += kGemmRows) {
        const int64_t tile_rows = min_of(kGemmRows, rows - i);
        prefetch<false>(next_b + i / kGemmRows * share, share);
        if (i + kGemmRows < rows) prefetch_tile(c + (i + kGemmRows) * ldc + n, ldc, min_of(kGemmRows, rows - i - kGemmRows));
        run_tile(micro_kernel_for<true>(tile_rows), depth, a_block + i * kDepth, b, tile_rows, cols, c + i * ldc + n, ldc,
                 from_c || k > 0);
        if (epilogue && k + depth == K) apply_epilogue(*epilogue, m + i, n, tile_rows, cols, c + i * ldc + n, ldc);
      }
    }
  }
}

void gemm_task(const GemmRange& r, int64_t, int64_t K, const float* a_MK, int64_t lda, const float* packed_b,
               const Epilogue<float>& e, float* c_MN, int64_t ldc) {
  const bool plain = !e.bias_N && !e.gelu_input_MN && !e.add_MN && !e.gelu_output_MN;
  multiply_rows(r.row_end - r.row_begin, r.col_begin, r.col_end, K, a_MK + r.row_begin * lda, lda, packed_b,
                plain ? nullptr : &e, r.row_begin, c_MN + r.row_begin * ldc, ldc, false);
}

/// Deals one row of n floats to wgrad's panels of `width`: panel p's part goes to out + p * width * kWgradDepth; rows are read as
/// they lie in memory. Stores are of whole vectors, so what lies behind a part is overwritten, unless `exact`: rows follow each
/// other in a panel, only its last row must not reach into the next panel. Columns that the last panel lacks keep what was there:
/// their results are thrown away.
TF_INLINE void scatter_row(const float* row, int64_t n, int64_t width, bool exact, float* out) {
  int64_t i = 0;
  for (; i + kPanel <= n; i += width, out += width * kWgradDepth)
    for (int64_t j = 0; j < width; j += kLanes)
      if (exact && j + kLanes > width) store_n(out + j, load(row + i + j), width - j);
      else store(out + j, load(row + i + j));
  for (; i < n; i += width, out += width * kWgradDepth)
    for (int64_t j = 0; j < min_of(width, n - i); ++j) out[j] = row[i + j];
}

/// C[O, N] = (from_c ? C : 0) + A^T B over M rows: A is [M, O], B is [M, N], both row-major.
TF_INLINE void multiply_columns(int64_t M, int64_t O, int64_t N, const float* a, int64_t lda, const float* b, int64_t ldb,
                                float* c, int64_t ldc, bool from_c) {
  const int64_t padded_n = round_up(N, kPanel), padded_o = round_up(O, kGemmRows);
  float* const b_block = thread_scratch(ScratchSlot::kPackedB, padded_n * kWgradDepth);
  float* const a_block = thread_scratch(ScratchSlot::kPackedA, padded_o * kWgradDepth + kLanes);
  for (int64_t m = 0; m < M; m += kWgradDepth) {
    const int64_t depth = min_of(kWgradDepth, M - m);
    for (int64_t k = 0; k < depth; ++k) {
      scatter_row(a + (m + k) * lda, O, kGemmRows, k + 1 == depth, a_block + k * kGemmRows);
      scatter_row(b + (m + k) * ldb, N, kPanel, false, b_block + k * kPanel);
      if (k + kRowsAhead < depth) {
        prefetch<true>(a + (m + k + kRowsAhead) * lda, O);
        prefetch<true>(b + (m + k + kRowsAhead) * ldb, N);
      }
    }
    for (int64_t n = 0; n < N; n += kPanel)
      for (int64_t o = 0; o < O; o += kGemmRows) {
        const int64_t tile_rows = min_of(kGemmRows, O - o);
        if (o + kGemmRows < O) prefetch_tile(c + (o + kGemmRows) * ldc + n, ldc, min_of(kGemmRows, O - o - kGemmRows));
        run_tile(micro_kernel_for<false>(tile_rows), depth, a_block + o * kWgradDepth, b_block + n * kWgradDepth, tile_rows,
                 min_of(kPanel, N - n), c + o * ldc + n, ldc, from_c || m > 0);
      }
  }
}

void wgrad_task(const GemmRange& r, int64_t M, const float* dy_MO, int64_t ld_dy, const float* x_MC, int64_t ld_x,
                float* dw_OC, int64_t ld_dw) {
  multiply_columns(M, r.row_end - r.row_begin, r.col_end - r.col_begin, dy_MO + r.row_begin, ld_dy, x_MC + r.col_begin, ld_x,
                   dw_OC + r.row_begin * ld_dw + r.col_begin, ld_dw, true);
}

double peak_flops(int64_t rounds) {
  constexpr int kChains = 2 * kGemmRows;
  F acc[kChains];
  for (int i = 0; i < kChains; ++i) acc[i] = set1(static_cast<float>(i));
  F x = set1(0.999f), y = set1(0.001f);
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 28
    for (int i = 0; i < kChains; ++i) acc[i] = fma(acc[i], x, y);
  }
  F sum = set1(0);
  for (int i = 0; i < kChains; ++i) sum = add(sum, acc[i]);
  volatile float sink = reduce_add(sum);  // keeps the loop alive
  static_cast<void>(sink);
  return 2.0 * kChains * static_cast<double>(kLanes) * static_cast<double>(rounds);
}
