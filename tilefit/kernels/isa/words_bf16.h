// The words of packed operands where products are made by vdpbf16ps or on tiles: two successive bf16 of the summed index, the first
// in the low half. See generic/words_f32-inl.h for what each function does. Include inside a target region with avx512bf16.

inline constexpr int64_t kWordElements = 2;
template <class S>
inline constexpr bool kHoldsWords = !is_float<S>;

TF_INLINE F multiply_add(F a, F b, F c) {
  return _mm512_dpbf16_ps(c, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
TF_INLINE F one_words() { return _mm512_castsi512_ps(_mm512_set1_epi32(0x3F803F80)); }

TF_INLINE F row_words(const Bf16* p, int64_t elements) {
  if (elements >= 2 * kLanes) return _mm512_castsi512_ps(_mm512_loadu_si512(p));
  const auto mask = static_cast<__mmask32>((uint64_t{1} << elements) - 1);
  return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(mask, p));
}
TF_INLINE F row_words(const float* p, int64_t elements) {
  const F low = elements >= kLanes ? load(p) : load_n(p, elements);
  const F high = elements >= 2 * kLanes ? load(p + kLanes)
                 : elements > kLanes    ? load_n(p + kLanes, elements - kLanes)
                                        : set1(0);
  return _mm512_castsi512_ps(reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
}

TF_INLINE __m512i half_words(const Bf16* p, int64_t n) {
  const __m256i bits =
      n >= kLanes ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)) : _mm256_maskz_loadu_epi16(first_lanes(n), p);
  return _mm512_cvtepu16_epi32(bits);
}
TF_INLINE __m512i half_words(const float* p, int64_t n) {
  return _mm512_cvtepu16_epi32(bf16_bits(n >= kLanes ? load(p) : load_n(p, n)));
}
template <class S>
TF_INLINE F column_words(const S* p, int64_t ld, int64_t rows, int64_t n) {
  const __m512i first = half_words(p, n);
  if (rows < 2) return _mm512_castsi512_ps(first);
  return _mm512_castsi512_ps(_mm512_or_si512(first, _mm512_slli_epi32(half_words(p + ld, n), 16)));
}

template <class T>
TF_INLINE const float* weights_of(const float* w) {
  return w;  // rounded on the way into words
}
