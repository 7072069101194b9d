// Vectors of 4 floats for the generic kernels, x86-64-v2 (SSE4.1): see vec_avx512.h for what each function does. fma rounds twice here.

inline constexpr int64_t kLanes = 4;
inline constexpr int kMicroRows = 5;  // 5 x 2 accumulators + 2 of B + 1 of A + 1 product of the 16 registers
using F = __m128;
using U = __m128i;

TF_INLINE F load(const float* p) { return _mm_loadu_ps(p); }
TF_INLINE F load_n(const float* p, int64_t n) {
  alignas(16) float lanes[4] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return _mm_load_ps(lanes);
}
TF_INLINE void store(float* p, F v) { _mm_storeu_ps(p, v); }
TF_INLINE void store_n(float* p, F v, int64_t n) {
  alignas(16) float lanes[4];
  _mm_store_ps(lanes, v);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}
TF_INLINE F widen(__m128i bf16) { return _mm_castsi128_ps(_mm_slli_epi32(_mm_cvtepu16_epi32(bf16), 16)); }
/// In the low half.
TF_INLINE __m128i bf16_bits(F v) {
  const __m128i x = _mm_castps_si128(v), high = _mm_srli_epi32(x, 16);
  const __m128i half = _mm_add_epi32(_mm_set1_epi32(0x7FFF), _mm_and_si128(high, _mm_set1_epi32(1)));
  const __m128i rounded = _mm_srli_epi32(_mm_add_epi32(x, half), 16), quiet = _mm_or_si128(high, _mm_set1_epi32(0x40));
  return _mm_packus_epi32(_mm_blendv_epi8(rounded, quiet, _mm_castps_si128(_mm_cmpunord_ps(v, v))), _mm_setzero_si128());
}
TF_INLINE F load(const Bf16* p) { return widen(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))); }
TF_INLINE F load_n(const Bf16* p, int64_t n) {
  alignas(16) Bf16 lanes[8];
  _mm_store_si128(reinterpret_cast<__m128i*>(lanes), _mm_setzero_si128());
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
TF_INLINE void store(Bf16* p, F v) { _mm_storel_epi64(reinterpret_cast<__m128i*>(p), bf16_bits(v)); }
TF_INLINE void store_n(Bf16* p, F v, int64_t n) {
  alignas(16) Bf16 lanes[8];
  store(lanes, v);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}
TF_INLINE F round_to_bf16(F v) { return widen(bf16_bits(v)); }
TF_INLINE F set1(float x) { return _mm_set1_ps(x); }
TF_INLINE F add(F a, F b) { return _mm_add_ps(a, b); }
TF_INLINE F sub(F a, F b) { return _mm_sub_ps(a, b); }
TF_INLINE F mul(F a, F b) { return _mm_mul_ps(a, b); }
TF_INLINE F div(F a, F b) { return _mm_div_ps(a, b); }
TF_INLINE F fma(F a, F b, F c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
TF_INLINE F max(F a, F b) { return _mm_max_ps(a, b); }
TF_INLINE F min(F a, F b) { return _mm_min_ps(a, b); }
TF_INLINE F sqrt(F a) { return _mm_sqrt_ps(a); }
TF_INLINE F abs(F a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
TF_INLINE F round(F a) { return _mm_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
TF_INLINE F scale_pow2(F a, F n) {
  return mul(a, _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127)), 23)));
}
TF_INLINE F select_less(F x, F y, F a, F b) { return _mm_blendv_ps(b, a, _mm_cmplt_ps(x, y)); }
TF_INLINE float reduce_add(F v) {
  const __m128 d = _mm_add_ps(v, _mm_movehl_ps(v, v));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
TF_INLINE float reduce_max(F v) {
  const __m128 d = _mm_max_ps(v, _mm_movehl_ps(v, v));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}

TF_INLINE U set1_u(uint32_t x) { return _mm_set1_epi32(static_cast<int>(x)); }
TF_INLINE U iota() { return _mm_setr_epi32(0, 1, 2, 3); }
TF_INLINE U add_u(U a, U b) { return _mm_add_epi32(a, b); }
TF_INLINE U xor_u(U a, U b) { return _mm_xor_si128(a, b); }
TF_INLINE U mul_u(U a, U b) { return _mm_mullo_epi32(a, b); }
template <int kShift>
TF_INLINE U shift_right(U a) {
  return _mm_srli_epi32(a, kShift);
}
TF_INLINE F zero_where_less(U x, U y, F a) {
  return _mm_and_ps(a, _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_max_epu32(x, y), x)));
}

struct DoubleSum {
  __m128d low, high;
  TF_INLINE DoubleSum()
      : low(_mm_setzero_pd()), high(_mm_setzero_pd()) {}  // an implicit constructor would not get the target
};
TF_INLINE void add_squares(DoubleSum& s, F v) {
  const __m128d l = _mm_cvtps_pd(v), h = _mm_cvtps_pd(_mm_movehl_ps(v, v));
  s.low = _mm_add_pd(_mm_mul_pd(l, l), s.low);
  s.high = _mm_add_pd(_mm_mul_pd(h, h), s.high);
}
TF_INLINE double total(const DoubleSum& s) {
  const __m128d d = _mm_add_pd(s.low, s.high);
  return _mm_cvtsd_f64(_mm_add_sd(d, _mm_unpackhi_pd(d, d)));
}

TF_INLINE void transpose_block(const float* src, int64_t ld_src, float* dst, int64_t ld_dst) {
  __m128 a = _mm_loadu_ps(src), b = _mm_loadu_ps(src + ld_src), c = _mm_loadu_ps(src + 2 * ld_src),
         d = _mm_loadu_ps(src + 3 * ld_src);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(dst, a);
  _mm_storeu_ps(dst + ld_dst, b);
  _mm_storeu_ps(dst + 2 * ld_dst, c);
  _mm_storeu_ps(dst + 3 * ld_dst, d);
}
