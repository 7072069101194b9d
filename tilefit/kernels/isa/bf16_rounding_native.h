// Rounding to bf16 by vcvtneps2bf16. Include inside a target region with avx512bf16, before vec_avx512.h.

/// The lanes rounded to nearest even, as bf16 bits; denormals become zero, a NaN stays a quiet NaN.
TF_INLINE __m256i bf16_bits(__m512 v) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)); }
