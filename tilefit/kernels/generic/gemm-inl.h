// Matrix products: a register tile (microkernel-inl.h or amx_tiles.h) fed from packed blocks.
// Structure as in Goto & van de Geijn 2008: a block of A stays in L2, one panel of B beside it, C in registers for a block of words. The sums are
// read back for the next block, so each element is one unbroken chain of multiply-adds and blocking leaves no trace in the result.

/// Packs rows [0, K) of a row-major B (columns [0, cols)) as one panel: out[k][kPanel], missing columns and rows zero.
template <class S>
TF_INLINE void pack_panel_rows(int64_t K, int64_t cols, const S* b, int64_t ld, float* out) {
  for (int64_t k = 0; k < K; k += kWordElements, b += kWordElements * ld, out += kPanel) {
    store(out, column_words(b, ld, K - k, cols));
    store(out + kLanes, cols > kLanes ? column_words(b + kLanes, ld, K - k, cols - kLanes) : set1(0));
  }
  for (int64_t k = words_of(K); k < round_up(words_of(K), kWordUnit); ++k, out += kPanel) {
    store(out, set1(0));
    store(out + kLanes, set1(0));
  }
}

/// Packs a transposed panel: B[k][n] = b[n * ld + k] for n in [0, cols), missing columns and rows zero.
template <class S>
TF_INLINE void pack_panel_transposed(int64_t K, int64_t cols, const S* b, int64_t ld, float* out) {
  constexpr int64_t kStep = kLanes * kWordElements;
  alignas(64) float block[kLanes * kLanes], turned[kLanes * kLanes];
  const int64_t words = round_up(words_of(K), kWordUnit);
  for (int64_t n = 0; n < kPanel; n += kLanes)
    for (int64_t k = 0, w = 0; w < words; k += kStep, w += kLanes) {
      if (kHoldsWords<S> && n + kLanes <= cols && k + kStep <= K && ld % kWordElements == 0) {
        transpose_block(reinterpret_cast<const float*>(b + n * ld + k), ld / kWordElements, out + w * kPanel + n, kPanel);
        continue;
      }
      for (int64_t i = 0; i < kLanes; ++i)
        store(block + i * kLanes, n + i < cols && k < K ? row_words(b + (n + i) * ld + k, K - k) : set1(0));
      if (w + kLanes <= words) {
        transpose_block(block, kLanes, out + w * kPanel + n, kPanel);
      } else {
        transpose_block(block, kLanes, turned, kLanes);
        for (int64_t i = 0; i < words - w; ++i) store(out + (w + i) * kPanel + n, load(turned + i * kLanes));
      }
    }
}

template <class T>
void pack_panel(int64_t K, int64_t N, const float* b, int64_t ld, bool transposed, int64_t panel, int64_t k_begin,
                int64_t k_end, void* packed) {
  const auto* const source = weights_of<T>(b);
  const int64_t n = panel * kPanel, cols = min_of(kPanel, N - n);
  float* const out = static_cast<float*>(packed) + n * round_up(words_of(K), kWordUnit) + words_of(k_begin) * kPanel;
  if (transposed) pack_panel_transposed(k_end - k_begin, cols, source + n * ld + k_begin, ld, out);
  else pack_panel_rows(k_end - k_begin, cols, source + k_begin * ld + n, ld, out);
}

/// Packs elements [0, K) of `rows` rows, row i at out + i * kRowStride; the last words' missing elements are zero.
template <class S>
TF_INLINE void pack_rows(int64_t rows, int64_t K, const S* a, int64_t lda, float* out) {
  constexpr int64_t kStep = kLanes * kWordElements;
  const int64_t words = round_up(words_of(K), kWordUnit);
  for (int64_t i = 0; i < rows; ++i, a += lda, out += kRowStride) {
    int64_t k = 0, w = 0;
    for (; k + kStep <= K; k += kStep, w += kLanes) store(out + w, row_words(a + k, kStep));
    for (; w < words; k += kStep, w += kLanes) {
      const F last = k < K ? row_words(a + k, K - k) : set1(0);
      TF_STORE(out + w, last, min_of(kLanes, words - w));
    }
  }
}

/// Where products are summed up: float sums with row stride ld. padded: there is room for whole register tiles. data null: the sums of a
/// tile live only until it is finished, for products of one block of words.
struct Sums {
  float* data = nullptr;
  int64_t ld = 0;
  bool padded = false;
};

/// One register tile of sums; a tile that does not fit into `sums` goes through a copy.
TF_INLINE void run_tile(MicroKernel kernel, int64_t depth, const float* a, const float* b, int64_t rows, int64_t cols,
                        float* c, int64_t ldc, bool padded, bool from_c) {
  if (padded || (cols == kPanel && rows % kRowGrain == 0)) {
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

TF_INLINE void prefetch_tile(const float* c, int64_t ldc, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) prefetch<true>(c + i * ldc, kPanel * static_cast<int64_t>(sizeof(float)));
}

struct NoFinish {
  TF_INLINE void operator()(int64_t, int64_t, int64_t, int64_t, float*, int64_t) const {}
};

/// sums[rows, cols of the range] = A[rows, K] B for columns [col_begin, col_end), a multiple of kPanel the first; A row-major, B packed.
/// sums' first column is col_begin. finish(i, n, tile_rows, tile_cols, sums of the tile, their ld) is called for every complete tile.
template <class S, class Finish>
TF_INLINE void multiply_rows(int64_t rows, int64_t col_begin, int64_t col_end, int64_t K, const S* a, int64_t lda,
                             const float* packed_b, const Sums& sums, Finish finish) {
  const int64_t words = round_up(words_of(K), kWordUnit);
  float* const a_block = thread_scratch(ScratchSlot::kPackedA, round_up(rows, kGemmRows) * kRowStride);
  alignas(64) float tile[kGemmRows * kPanel];
  const int64_t step = words <= kDepth ? kDepth : kDeepStep;
  for (int64_t w = 0; w < words; w += step) {
    const int64_t depth = min_of(step, words - w);
    const bool last = w + depth == words;
    pack_rows(rows, min_of(depth * kWordElements, K - w * kWordElements), a + w * kWordElements, lda, a_block);
    for (int64_t n = col_begin; n < col_end; n += kPanel) {
      const int64_t cols = min_of(kPanel, col_end - n);
      const float* const b = packed_b + n * words + w * kPanel;
      // The next panel of B is asked for in equal shares by the tiles of this one, the next tile of sums by the tile before it.
      const float* const next_b = n + kPanel < col_end ? b + kPanel * words : b;
      const int64_t share = min_of(depth * kPanel, round_up(depth * kPanel * kGemmRows / rows, 16));
      for (int64_t i = 0; i < rows; i += kGemmRows) {
        const int64_t tile_rows = min_of(kGemmRows, rows - i);
        prefetch<false>(next_b + i / kGemmRows * share, share * static_cast<int64_t>(sizeof(float)));
        float* c = tile;
        int64_t ldc = kPanel;
        if (sums.data) {
          c = sums.data + i * sums.ld + n - col_begin;
          ldc = sums.ld;
          if (i + kGemmRows < rows) prefetch_tile(c + kGemmRows * ldc, ldc, min_of(kGemmRows, rows - i - kGemmRows));
        }
        run_tile(micro_kernel_for<true>(tile_rows, cols), depth, a_block + i * kRowStride, b, tile_rows, cols, c, ldc,
                 sums.padded || !sums.data, w > 0);
        if (last) finish(i, n, tile_rows, cols, c, ldc);
      }
    }
  }
}

/// Applies the epilogue to the tile of sums at (m, n) of C, `rows` x `cols`, and stores it at c, which may be the sums themselves.
template <class T, class TC>
TF_INLINE void apply_epilogue(const Epilogue<T>& e, int64_t m, int64_t n, int64_t rows, int64_t cols, const float* sums,
                              int64_t ld_sums, TC* c, int64_t ldc) {
  for (int64_t i = 0; i < rows; ++i)
    for_lanes(cols, [&](int64_t j, int64_t k) TF_LAMBDA {
      F v = TF_LOAD(sums + i * ld_sums + j, k);
      if (e.bias_N) v = add(v, TF_LOAD(e.bias_N + n + j, k));
      if (e.gelu_input_MN) v = mul(v, gelu_derivative(TF_LOAD(e.gelu_input_MN + (m + i) * e.ld_gelu_input + n + j, k)));
      if (e.add_MN) v = add(v, TF_LOAD(e.add_MN + (m + i) * e.ld_add + n + j, k));
      if constexpr (!is_float<TC>) v = round_to_bf16(v);  // the activation is of what is kept
      TF_STORE(c + i * ldc + j, v, k);
      if (e.gelu_output_MN) TF_STORE(e.gelu_output_MN + (m + i) * e.ld_gelu_output + n + j, gelu(v), k);
    });
}

/// Results that are float are summed up where they go.
TF_INLINE void gemm_in_place(const GemmRange& r, int64_t K, const float* a, int64_t lda, const float* packed_b,
                             const Epilogue<float>& e, float* c, int64_t ldc) {
  const Sums sums = {c, ldc, false};
  const int64_t rows = r.row_end - r.row_begin;
  if (!e.bias_N && !e.gelu_input_MN && !e.add_MN && !e.gelu_output_MN) {
    multiply_rows(rows, r.col_begin, r.col_end, K, a, lda, packed_b, sums, NoFinish{});
    return;
  }
  multiply_rows(rows, r.col_begin, r.col_end, K, a, lda, packed_b, sums,
                [&](int64_t i, int64_t n, int64_t tile_rows, int64_t cols, float* tile, int64_t ld)
                    TF_LAMBDA { apply_epilogue(e, r.row_begin + i, n, tile_rows, cols, tile, ld, tile, ld); });
}

/// Results of another type are summed up in scratch memory, and converted once.
template <class T, class TC>
TF_INLINE void gemm_through_sums(const GemmRange& r, int64_t accumulator_cols, int64_t K, const T* a, int64_t lda,
                                 const float* packed_b, const Epilogue<T>& e, TC* c, int64_t ldc) {
  const int64_t rows = r.row_end - r.row_begin;
  const bool one_block = round_up(words_of(K), kWordUnit) <= kDepth;
  const int64_t step = one_block ? r.col_end - r.col_begin : accumulator_cols;
  for (int64_t begin = r.col_begin; begin < r.col_end; begin += step) {
    const int64_t end = min_of(r.col_end, begin + step), ld = round_up(end - begin, kPanel);
    Sums sums;
    if (!one_block) sums = {thread_scratch(ScratchSlot::kSums, round_up(rows, kGemmRows) * ld), ld, true};
    multiply_rows(rows, begin, end, K, a, lda, packed_b, sums,
                  [&](int64_t i, int64_t n, int64_t tile_rows, int64_t cols, float* tile, int64_t ld_tile) TF_LAMBDA {
                    TC* const out = c + i * ldc + n - r.col_begin;
                    apply_epilogue(e, r.row_begin + i, n, tile_rows, cols, tile, ld_tile, out, ldc);
                  });
  }
}

template <class T>
void gemm_task(const GemmRange& r, int64_t accumulator_cols, int64_t K, const T* a_MK, int64_t lda, const void* packed_b,
               const Epilogue<T>& e, bool wide_c, void* c_MN, int64_t ldc) {
  const TileScope tiles;
  const T* const a = a_MK + r.row_begin * lda;
  const float* const b = static_cast<const float*>(packed_b);
  const int64_t first = r.row_begin * ldc + r.col_begin;
  if constexpr (is_float<T>) gemm_in_place(r, K, a, lda, b, e, static_cast<float*>(c_MN) + first, ldc);
  else if (wide_c) gemm_through_sums(r, accumulator_cols, K, a, lda, b, e, static_cast<float*>(c_MN) + first, ldc);
  else gemm_through_sums(r, accumulator_cols, K, a, lda, b, e, static_cast<T*>(c_MN) + first, ldc);
}

/// Packs `rows` rows of b (columns [0, N)) as the right side of wgrad: panel p at out + p * kPanel * kWgradDepth. N may exceed the columns
/// of the last panel: those are zero.
template <class S>
TF_INLINE void pack_wgrad_b(int64_t rows, int64_t N, const S* b, int64_t ld, float* out) {
  const int64_t depth = words_of(rows);
  for (int64_t k = 0; k < depth; ++k) {
    const S* const row = b + k * kWordElements * ld;
    const int64_t left = rows - k * kWordElements;
    if (left > kRowsAhead) prefetch_row(row + kRowsAhead * ld, N);
    float* at = out + k * kPanel;
    int64_t n = 0;
    for (; n + kPanel <= N; n += kPanel, at += kPanel * kWgradDepth) {
      store(at, column_words(row + n, ld, left, kLanes));
      store(at + kLanes, column_words(row + n + kLanes, ld, left, kLanes));
    }
    for (int64_t j = 0; n < N && j < kPanel; j += kLanes)
      store(at + j, n + j < N ? column_words(row + n + j, ld, left, min_of(kLanes, N - n - j)) : set1(0));
  }
  for (int64_t k = depth; k < round_up(depth, kWordUnit); ++k)
    for (int64_t n = 0; n < N; n += kLanes)
      store(out + n / kPanel * kPanel * kWgradDepth + k * kPanel + n % kPanel, set1(0));
}

/// sums[O, N] = (from_c ? sums : 0) + A^T B over M rows: A is [M, O], B is [M, N], both row-major. column_sum_O (may be null) += column
/// sums of A.
template <class SA, class SB>
TF_INLINE void multiply_columns(int64_t M, int64_t O, int64_t N, const SA* a, int64_t lda, const SB* b, int64_t ldb,
                                const Sums& sums, bool from_c, float* column_sum_O) {
  constexpr int64_t kRows = kWgradDepth * kWordElements;
  float* const b_block = thread_scratch(ScratchSlot::kPackedB, round_up(N, kPanel) * kWgradDepth);
  float* const a_block = thread_scratch(ScratchSlot::kPackedA, round_up(O, kGemmRows) * kWgradDepth + kLanes);
  for (int64_t m = 0; m < M; m += kRows) {
    const int64_t rows = min_of(kRows, M - m), depth = round_up(words_of(rows), kWordUnit);
    pack_wgrad_a(rows, O, a + m * lda, lda, a_block);
    pack_wgrad_b(rows, N, b + m * ldb, ldb, b_block);
    if (column_sum_O) add_wgrad_column_sums(depth, O, a_block, column_sum_O);
    for (int64_t n = 0; n < N; n += kPanel)
      for (int64_t o = 0; o < O; o += kGemmRows) {
        const int64_t tile_rows = min_of(kGemmRows, O - o), cols = min_of(kPanel, N - n);
        float* const c = sums.data + o * sums.ld + n;
        if (o + kGemmRows < O) prefetch_tile(c + kGemmRows * sums.ld, sums.ld, min_of(kGemmRows, O - o - kGemmRows));
        run_tile(micro_kernel_for<false>(tile_rows, cols), depth, a_block + o * kWgradDepth, b_block + n * kWgradDepth,
                 tile_rows, cols, c, sums.ld, sums.padded, from_c || m > 0);
      }
  }
}

template <class T>
void wgrad_task(const GemmRange& r, int64_t M, const T* dy_MO, int64_t ld_dy, const T* x_MC, int64_t ld_x, float* dw_OC,
                int64_t ld_dw, float* dbias_O) {
  const TileScope tiles;
  const Sums sums = {dw_OC + r.row_begin * ld_dw + r.col_begin, ld_dw, false};
  multiply_columns(M, r.row_end - r.row_begin, r.col_end - r.col_begin, dy_MO + r.row_begin, ld_dy, x_MC + r.col_begin, ld_x,
                   sums, true, dbias_O && r.col_begin == 0 ? dbias_O + r.row_begin : nullptr);
}
