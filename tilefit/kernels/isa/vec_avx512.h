// Vectors of 16 floats for the generic kernels. Include inside an AVX-512 target region, after one of the bf16_rounding headers.
// F: floats, U: unsigned 32-bit integers. *_n touch only the first n lanes (0 < n < kLanes); other lanes read as zero.

inline constexpr int64_t kLanes = 16;
inline constexpr int kMicroRows = 14;  // 14 x 2 accumulators + 2 of B + 1 of A of the 32 registers
using F = __m512;
using U = __m512i;

TF_INLINE __mmask16 first_lanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
TF_INLINE F load(const float* p) { return _mm512_loadu_ps(p); }
TF_INLINE F load_n(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
TF_INLINE void store(float* p, F v) { _mm512_storeu_ps(p, v); }
TF_INLINE void store_n(float* p, F v, int64_t n) { _mm512_mask_storeu_ps(p, first_lanes(n), v); }
TF_INLINE F widen(__m256i bf16) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16)); }
TF_INLINE F load(const Bf16* p) { return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
TF_INLINE F load_n(const Bf16* p, int64_t n) { return widen(_mm256_maskz_loadu_epi16(first_lanes(n), p)); }
TF_INLINE void store(Bf16* p, F v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bf16_bits(v)); }
TF_INLINE void store_n(Bf16* p, F v, int64_t n) { _mm256_mask_storeu_epi16(p, first_lanes(n), bf16_bits(v)); }
/// The nearest bf16 values, as floats.
TF_INLINE F round_to_bf16(F v) { return widen(bf16_bits(v)); }
TF_INLINE F set1(float x) { return _mm512_set1_ps(x); }
TF_INLINE F add(F a, F b) { return _mm512_add_ps(a, b); }
TF_INLINE F sub(F a, F b) { return _mm512_sub_ps(a, b); }
TF_INLINE F mul(F a, F b) { return _mm512_mul_ps(a, b); }
TF_INLINE F div(F a, F b) { return _mm512_div_ps(a, b); }
TF_INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
TF_INLINE F max(F a, F b) { return _mm512_max_ps(a, b); }
TF_INLINE F min(F a, F b) { return _mm512_min_ps(a, b); }
TF_INLINE F sqrt(F a) { return _mm512_sqrt_ps(a); }
TF_INLINE F abs(F a) { return _mm512_abs_ps(a); }
TF_INLINE F round(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// a * 2^n for integral n in [-126, 127].
TF_INLINE F scale_pow2(F a, F n) {
  return mul(a, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23)));
}
/// Lane-wise x < y ? a : b.
TF_INLINE F select_less(F x, F y, F a, F b) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, y, _CMP_LT_OQ), b, a); }
TF_INLINE float reduce_add(F v) {
  const __m256 h =
      _mm256_add_ps(_mm512_castps512_ps256(v), _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)));
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
TF_INLINE float reduce_max(F v) { return _mm512_reduce_max_ps(v); }

TF_INLINE U set1_u(uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }
TF_INLINE U iota() { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
TF_INLINE U add_u(U a, U b) { return _mm512_add_epi32(a, b); }
TF_INLINE U xor_u(U a, U b) { return _mm512_xor_si512(a, b); }
TF_INLINE U mul_u(U a, U b) { return _mm512_mullo_epi32(a, b); }
template <int kShift>
TF_INLINE U shift_right(U a) {
  return _mm512_srli_epi32(a, kShift);
}
/// Lane-wise x < y (unsigned) ? 0 : a.
TF_INLINE F zero_where_less(U x, U y, F a) { return _mm512_maskz_mov_ps(_mm512_cmpge_epu32_mask(x, y), a); }

/// Sum of squares in double: adds those of the lanes' low and high halves to two accumulators.
struct DoubleSum {
  __m512d low, high;
  TF_INLINE DoubleSum()
      : low(_mm512_setzero_pd()), high(_mm512_setzero_pd()) {}  // an implicit constructor would not get the target
};
TF_INLINE void add_squares(DoubleSum& s, F v) {
  const __m512d l = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
  const __m512d h = _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)));
  s.low = _mm512_fmadd_pd(l, l, s.low);
  s.high = _mm512_fmadd_pd(h, h, s.high);
}
TF_INLINE double total(const DoubleSum& s) { return _mm512_reduce_add_pd(_mm512_add_pd(s.low, s.high)); }

/// dst[c * ld_dst + r] = src[r * ld_src + c] for a kLanes x kLanes block.
TF_INLINE void transpose_block(const float* src, int64_t ld_src, float* dst, int64_t ld_dst) {
  __m512 r[16], t[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_ps(src + i * ld_src);
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 4; ++i) {
    for (int h = 0; h < 2; ++h) {
      const __m512d a = _mm512_castps_pd(t[4 * i + h]), b = _mm512_castps_pd(t[4 * i + 2 + h]);
      r[4 * i + 2 * h] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
      r[4 * i + 2 * h + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
    }
  }
  // r[4 i + c] holds columns c, c + 4, c + 8, c + 12 of rows 4 i .. 4 i + 3 in its four quarters.
  for (int c = 0; c < 4; ++c) {
    const __m512 ab_even = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88), ab_odd = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xDD);
    const __m512 cd_even = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88),
                 cd_odd = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xDD);
    _mm512_storeu_ps(dst + c * ld_dst, _mm512_shuffle_f32x4(ab_even, cd_even, 0x88));
    _mm512_storeu_ps(dst + (c + 8) * ld_dst, _mm512_shuffle_f32x4(ab_even, cd_even, 0xDD));
    _mm512_storeu_ps(dst + (c + 4) * ld_dst, _mm512_shuffle_f32x4(ab_odd, cd_odd, 0x88));
    _mm512_storeu_ps(dst + (c + 12) * ld_dst, _mm512_shuffle_f32x4(ab_odd, cd_odd, 0xDD));
  }
}
