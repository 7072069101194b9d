// Vectors of 8 floats for the generic kernels: see vec_avx512.h for what each function does. Include inside the AVX2 + FMA target region.

inline constexpr int64_t kLanes = 8;
inline constexpr int kMicroRows = 6;  // 6 x 2 accumulators + 2 of B + 1 of A of the 16 registers
using F = __m256;
using U = __m256i;

TF_INLINE __m256i first_lanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
TF_INLINE F load(const float* p) { return _mm256_loadu_ps(p); }
TF_INLINE F load_n(const float* p, int64_t n) { return _mm256_maskload_ps(p, first_lanes(n)); }
TF_INLINE void store(float* p, F v) { _mm256_storeu_ps(p, v); }
TF_INLINE void store_n(float* p, F v, int64_t n) { _mm256_maskstore_ps(p, first_lanes(n), v); }
TF_INLINE F widen(__m128i bf16) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bf16), 16)); }
TF_INLINE __m128i bf16_bits(F v) {
  const __m256i x = _mm256_castps_si256(v), high = _mm256_srli_epi32(x, 16);
  const __m256i half = _mm256_add_epi32(_mm256_set1_epi32(0x7FFF), _mm256_and_si256(high, _mm256_set1_epi32(1)));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(x, half), 16);
  const __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
  const __m256i bits = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
  return _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
}
TF_INLINE F load(const Bf16* p) { return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
TF_INLINE F load_n(const Bf16* p, int64_t n) {
  alignas(16) Bf16 lanes[8];
  _mm_store_si128(reinterpret_cast<__m128i*>(lanes), _mm_setzero_si128());
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
TF_INLINE void store(Bf16* p, F v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bf16_bits(v)); }
TF_INLINE void store_n(Bf16* p, F v, int64_t n) {
  alignas(16) Bf16 lanes[8];
  store(lanes, v);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}
TF_INLINE F round_to_bf16(F v) { return widen(bf16_bits(v)); }
TF_INLINE F set1(float x) { return _mm256_set1_ps(x); }
TF_INLINE F add(F a, F b) { return _mm256_add_ps(a, b); }
TF_INLINE F sub(F a, F b) { return _mm256_sub_ps(a, b); }
TF_INLINE F mul(F a, F b) { return _mm256_mul_ps(a, b); }
TF_INLINE F div(F a, F b) { return _mm256_div_ps(a, b); }
TF_INLINE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
TF_INLINE F max(F a, F b) { return _mm256_max_ps(a, b); }
TF_INLINE F min(F a, F b) { return _mm256_min_ps(a, b); }
TF_INLINE F sqrt(F a) { return _mm256_sqrt_ps(a); }
TF_INLINE F abs(F a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
TF_INLINE F round(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
TF_INLINE F scale_pow2(F a, F n) {
  return mul(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23)));
}
TF_INLINE F select_less(F x, F y, F a, F b) { return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, y, _CMP_LT_OQ)); }
TF_INLINE float reduce_add(F v) {
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
TF_INLINE float reduce_max(F v) {
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 d = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}

TF_INLINE U set1_u(uint32_t x) { return _mm256_set1_epi32(static_cast<int>(x)); }
TF_INLINE U iota() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
TF_INLINE U add_u(U a, U b) { return _mm256_add_epi32(a, b); }
TF_INLINE U xor_u(U a, U b) { return _mm256_xor_si256(a, b); }
TF_INLINE U mul_u(U a, U b) { return _mm256_mullo_epi32(a, b); }
template <int kShift>
TF_INLINE U shift_right(U a) {
  return _mm256_srli_epi32(a, kShift);
}
TF_INLINE F zero_where_less(U x, U y, F a) {
  const __m256i not_less = _mm256_cmpeq_epi32(_mm256_max_epu32(x, y), x);
  return _mm256_and_ps(a, _mm256_castsi256_ps(not_less));
}

struct DoubleSum {
  __m256d low, high;
  TF_INLINE DoubleSum()
      : low(_mm256_setzero_pd()), high(_mm256_setzero_pd()) {}  // an implicit constructor would not get the target
};
TF_INLINE void add_squares(DoubleSum& s, F v) {
  const __m256d l = _mm256_cvtps_pd(_mm256_castps256_ps128(v)), h = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
  s.low = _mm256_fmadd_pd(l, l, s.low);
  s.high = _mm256_fmadd_pd(h, h, s.high);
}
TF_INLINE double total(const DoubleSum& s) {
  const __m256d v = _mm256_add_pd(s.low, s.high);
  const __m128d d = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(d, _mm_unpackhi_pd(d, d)));
}

TF_INLINE void transpose_block(const float* src, int64_t ld_src, float* dst, int64_t ld_dst) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(src + i * ld_src);
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xEE);
    r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xEE);
  }
  for (int c = 0; c < 4; ++c) {
    _mm256_storeu_ps(dst + c * ld_dst, _mm256_permute2f128_ps(r[c], r[4 + c], 0x20));
    _mm256_storeu_ps(dst + (c + 4) * ld_dst, _mm256_permute2f128_ps(r[c], r[4 + c], 0x31));
  }
}
