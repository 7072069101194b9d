// The register tile of the matrix products on AMX tiles: 2 x 2 tiles of 16 x 16 floats, two of A and two of B beside them, so that four
// multiplications need four loads. Source: Intel 64 and IA-32 Architectures Optimization Reference Manual, chapter on AMX.
// Packed operands are as in microkernel-inl.h but for the left side of wgrad, which stands by rows here too. Include inside a target region
// with amx-tile and amx-bf16.

inline constexpr int64_t kTileRows = 16, kTileWords = 16;  // a tile: 16 rows of 64 bytes
inline constexpr int64_t kGemmRows = 2 * kTileRows;
inline constexpr int64_t kPanel = 2 * kLanes;
inline constexpr int64_t kRowGrain = kTileRows;
inline constexpr int64_t kWordUnit = kTileWords;
inline constexpr int64_t kDepth = 256;  // a panel of B is 32 KiB: it stays in L1 while the rows of A pass by
inline constexpr int64_t kDeepStep = kDepth;
inline constexpr int64_t kRowStride = kDepth + 16;  // an odd number of cache lines
inline constexpr int64_t kWgradDepth = 256;

/// Palette 1, eight tiles of 16 rows by 64 bytes; tile state lives from the constructor to the destructor, on this thread.
struct TileScope {
  TF_INLINE TileScope() {
    alignas(64) uint8_t config[64];
    for (int i = 0; i < 64; ++i) config[i] = 0;
    config[0] = 1;
    for (int tile = 0; tile < 8; ++tile) {
      config[16 + 2 * tile] = 64;  // bytes per row
      config[48 + tile] = 16;      // rows
    }
    asm volatile("" ::: "memory");
    _tile_loadconfig(config);
  }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
  TF_INLINE ~TileScope() { _tile_release(); }
};

/// C[16 kRowTiles, 16 kColTiles] = (from_c ? C : 0) + A B over `depth` words, a multiple of kWordUnit. A is row-major with kStride words a
/// row, B a panel. C has room for whole tiles.
template <int kRowTiles, int kColTiles, int64_t kStride>
void micro_kernel(int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool from_c) {
  constexpr int64_t kWord = sizeof(float), kRowsA = kTileRows * kStride;
  float* const lower = c + kTileRows * ldc;
  asm volatile("" ::: "memory");  // gcc's tile instructions do not say that they touch memory
  if (from_c) {
    _tile_loadd(0, c, ldc * kWord);
    if constexpr (kColTiles > 1) _tile_loadd(1, c + kLanes, ldc * kWord);
    if constexpr (kRowTiles > 1) _tile_loadd(2, lower, ldc * kWord);
    if constexpr (kRowTiles > 1 && kColTiles > 1) _tile_loadd(3, lower + kLanes, ldc * kWord);
  } else {
    _tile_zero(0);
    if constexpr (kColTiles > 1) _tile_zero(1);
    if constexpr (kRowTiles > 1) _tile_zero(2);
    if constexpr (kRowTiles > 1 && kColTiles > 1) _tile_zero(3);
  }
  for (int64_t k = 0; k < depth; k += kTileWords, a += kTileWords, b += kTileWords * kPanel) {
    _tile_loadd(4, a, kStride * kWord);
    _tile_loadd(6, b, kPanel * kWord);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kColTiles > 1) {
      _tile_loadd(7, b + kLanes, kPanel * kWord);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kRowTiles > 1) {
      _tile_loadd(5, a + kRowsA, kStride * kWord);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (kColTiles > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, ldc * kWord);
  if constexpr (kColTiles > 1) _tile_stored(1, c + kLanes, ldc * kWord);
  if constexpr (kRowTiles > 1) _tile_stored(2, lower, ldc * kWord);
  if constexpr (kRowTiles > 1 && kColTiles > 1) _tile_stored(3, lower + kLanes, ldc * kWord);
  asm volatile("" ::: "memory");
}

using MicroKernel = void (*)(int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool from_c);

/// The micro-kernel with the fewest tiles for `rows` x `cols` (at most kGemmRows x kPanel).
template <bool kByRows>
TF_INLINE MicroKernel micro_kernel_for(int64_t rows, int64_t cols) {
  constexpr int64_t kStride = kByRows ? kRowStride : kWgradDepth;
  if (rows > kTileRows) return cols > kLanes ? micro_kernel<2, 2, kStride> : micro_kernel<2, 1, kStride>;
  return cols > kLanes ? micro_kernel<1, 2, kStride> : micro_kernel<1, 1, kStride>;
}

/// Packs the left side of wgrad: column o of `rows` rows of a becomes row o of A, at out + o * kWgradDepth. Rows past the end are zero,
/// columns past O keep what was there: their results are thrown away.
template <class S>
TF_INLINE void pack_wgrad_a(int64_t rows, int64_t O, const S* a, int64_t lda, float* out) {
  alignas(64) float block[kTileWords * kLanes];
  for (int64_t w = 0; w < round_up(words_of(rows), kWordUnit); w += kTileWords)
    for (int64_t o = 0; o < O; o += kLanes) {
      for (int64_t i = 0; i < kTileWords; ++i) {
        const int64_t row = (w + i) * kWordElements;
        const F words = row < rows ? column_words(a + row * lda + o, lda, rows - row, min_of(kLanes, O - o)) : set1(0);
        store(block + i * kLanes, words);
      }
      transpose_block(block, kLanes, out + o * kWgradDepth + w, kWgradDepth);
    }
}

/// sum_O += the row sums of what pack_wgrad_a packed.
TF_INLINE void add_wgrad_column_sums(int64_t depth, int64_t O, const float* packed, float* sum_O) {
  for (int64_t o = 0; o < O; ++o) {
    F sum = set1(0);
    for (int64_t k = 0; k < depth; k += kLanes) sum = multiply_add(load(packed + o * kWgradDepth + k), one_words(), sum);
    sum_O[o] += reduce_add(sum);
  }
}

double peak_flops(int64_t rounds) {
  const TileScope tiles;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t r = 0; r < rounds; ++r) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  constexpr double kFlopsOfTile = 2.0 * kTileRows * kLanes * kTileWords * kWordElements;
  return 4 * kFlopsOfTile * static_cast<double>(rounds);
}
