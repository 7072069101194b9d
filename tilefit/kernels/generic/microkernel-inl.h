// The register tile of the matrix products on vectors: kGemmRows x (2 kLanes) accumulators. amx_tiles.h offers the same on AMX tiles.

inline constexpr int64_t kGemmRows = kMicroRows;  // rows of a register tile
inline constexpr int64_t kPanel = 2 * kLanes;     // columns of a register tile, and of a packed panel of B
inline constexpr int64_t kRowGrain = 1;           // rows of C are touched in multiples of this
inline constexpr int64_t kWordUnit = 1;           // packed words of a column come in multiples of this
inline constexpr int64_t kDepth = 768;            // most words of a block when A is packed by rows
inline constexpr int64_t kDeepStep = 384;  // words of a block where there is more than one: twice the rows then stay in L2
inline constexpr int64_t kRowStride =
    kDepth + 16;  // of A packed by rows: an odd number of cache lines, lest rows share few sets of L1
inline constexpr int64_t kWgradDepth =
    192;  // words of token rows per block in wgrad, where both sides are packed by the task

/// What products need in place while they run: nothing here.
struct TileScope {
  TF_INLINE TileScope() {}
};

/// C tile [kRows, kPanel] = (from_c ? C : 0) + A B over `depth` words. Word (i, k) of A is a[i * kStepRow + k * kStepWord];
/// B's row k is b[k * kPanel ..). Registers: kRows x 2 accumulators.
template <int kRows, int64_t kStepRow, int64_t kStepWord>
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
      const F a_ik = set1(a[i * kStepRow]);
      acc[i][0] = multiply_add(a_ik, b0, acc[i][0]);
      acc[i][1] = multiply_add(a_ik, b1, acc[i][1]);
    }
    a += kStepWord;
    b += kPanel;
  }
#pragma GCC unroll 14
  for (int i = 0; i < kRows; ++i) {
    store(c + i * ldc, acc[i][0]);
    store(c + i * ldc + kLanes, acc[i][1]);
  }
}

using MicroKernel = void (*)(int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool from_c);

/// The micro-kernel for `rows` rows (1 .. kGemmRows) and a whole panel: A packed by rows (forward, dgrad) or by pack_wgrad_a.
template <bool kByRows, int kRows = kMicroRows>
TF_INLINE MicroKernel micro_kernel_for(int64_t rows, int64_t) {
  constexpr int64_t kStepRow = kByRows ? kRowStride : 1, kStepWord = kByRows ? 1 : kGemmRows;
  if constexpr (kRows > 1)
    if (rows < kRows) return micro_kernel_for<kByRows, kRows - 1>(rows, kPanel);
  return micro_kernel<kRows, kStepRow, kStepWord>;
}

/// Packs the left side of wgrad: columns [0, O) of `rows` rows of a as the rows of A, in panels of kGemmRows columns that hold
/// [depth][kGemmRows] words each, panel p at out + p * kGemmRows * kWgradDepth. Stores are of whole vectors: out has room for kLanes
/// words more. Columns that the last panel lacks keep what was there: their results are thrown away.
template <class S>
TF_INLINE void pack_wgrad_a(int64_t rows, int64_t O, const S* a, int64_t lda, float* out) {
  const int64_t depth = words_of(rows);
  for (int64_t k = 0; k < depth; ++k) {
    const S* const row = a + k * kWordElements * lda;
    const int64_t left = rows - k * kWordElements;
    if (left > kRowsAhead) prefetch_row(row + kRowsAhead * lda, O);
    const bool last = k + 1 == depth;  // its panels' ends must not reach into the next panel, which is there already
    float* panel = out + k * kGemmRows;
    for (int64_t o = 0; o < O; o += kGemmRows, panel += kGemmRows * kWgradDepth) {
      const bool inside = o + kGemmRows + kLanes <= O;
      for (int64_t j = 0; j < kGemmRows && (inside || o + j < O); j += kLanes) {
        const F words = column_words(row + o + j, lda, left, inside ? kLanes : min_of(kLanes, O - o - j));
        if (last && j + kLanes > kGemmRows) store_n(panel + j, words, kGemmRows - j);
        else store(panel + j, words);
      }
    }
  }
}

/// sum_O += the column sums of what pack_wgrad_a packed.
TF_INLINE void add_wgrad_column_sums(int64_t depth, int64_t O, const float* packed, float* sum_O) {
  for (int64_t o = 0; o < O; o += kGemmRows)
    for (int64_t j = 0; j < min_of(kGemmRows, O - o); j += kLanes) {
      const float* words = packed + o * kWgradDepth + j;
      F sum = set1(0);
      for (int64_t k = 0; k < depth; ++k, words += kGemmRows) sum = multiply_add(load(words), one_words(), sum);
      const int64_t n = min_of(kLanes, min_of(kGemmRows, O - o) - j);
      float* const out = sum_O + o + j;
      TF_STORE(out, add(TF_LOAD(out, n), sum), n);
    }
}

double peak_flops(int64_t rounds) {
  constexpr int kChains = 2 * kMicroRows;
  F acc[kChains];
  for (int i = 0; i < kChains; ++i) acc[i] = set1(static_cast<float>(i));
  F x = set1(0.999f), y = set1(0.001f);
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 28
    for (int i = 0; i < kChains; ++i) acc[i] = multiply_add(acc[i], x, y);
  }
  F sum = set1(0);
  for (int i = 0; i < kChains; ++i) sum = add(sum, acc[i]);
  volatile float sink = reduce_add(sum);  // keeps the loop alive
  static_cast<void>(sink);
  return 2.0 * kChains * static_cast<double>(kLanes * kWordElements) * static_cast<double>(rounds);
}
