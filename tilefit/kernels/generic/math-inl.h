// Elementary functions over F, from basic arithmetic only: libm's results vary by CPU, estimates (rcp, rsqrt) by vendor.

template <class T>
inline constexpr bool is_float = false;
template <>
inline constexpr bool is_float<float> = true;

TF_INLINE int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
TF_INLINE int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

/// exp(x), relative error below 2e-7; 0 below -87.3 (no denormals), clamped above 88.
/// n = round(x / ln 2), r = x - n ln 2 in two steps, minimax polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2].
TF_INLINE F exp(F x) {
  const F low = set1(-87.3f);
  const F clamped = min(set1(88.0f), max(low, x));  // in this order a NaN passes through
  const F n = round(mul(clamped, set1(1.44269504f)));
  F r = fma(n, set1(-0.693145752f), clamped);
  r = fma(n, set1(-1.42860677e-6f), r);
  F p = set1(0.0013814464879f);
  p = fma(p, r, set1(0.0083687806292f));
  p = fma(p, r, set1(0.0416683942571f));
  p = fma(p, r, set1(0.1666652010547f));
  p = fma(p, r, set1(0.4999999341227f));
  p = fma(mul(p, r), r, r);
  return select_less(x, low, set1(0), scale_pow2(add(p, set1(1)), n));
}

/// Phi(x), the normal distribution function, and exp(-x^2 / 2). With z = |x| / sqrt 2 and t = 1 / (1 + 0.4 z),
/// erfc(z) = t exp(-z^2) P(t), P a minimax polynomial for z <= 10; absolute error below 3e-7.
struct NormalCdf {
  F cdf, bell;
};
TF_INLINE NormalCdf normal_cdf(F x) {
  const F one = set1(1);
  const F t = div(one, fma(abs(x), set1(0.4f * 0.70710678f), one));
  F p = set1(0.04125320440899f);
  p = fma(p, t, set1(-0.1403200237156f));
  p = fma(p, t, set1(0.08398887876792f));
  p = fma(p, t, set1(0.08796256608362f));
  p = fma(p, t, set1(0.07975767837964f));
  p = fma(p, t, set1(0.19339272082246f));
  p = fma(p, t, set1(0.20188770959921f));
  p = fma(p, t, set1(0.22644309539278f));
  p = fma(p, t, set1(0.22563423204226f));
  const F bell = exp(mul(mul(x, x), set1(-0.5f)));
  const F tail = mul(set1(0.5f), mul(mul(p, t), bell));
  return {select_less(x, set1(0), tail, sub(one, tail)), bell};
}

TF_INLINE F gelu(F x) { return mul(x, normal_cdf(x).cdf); }

TF_INLINE F gelu_derivative(F x) {
  const NormalCdf n = normal_cdf(x);
  return fma(mul(x, set1(0.39894228f)), n.bell, n.cdf);
}

TF_INLINE float sqrt_scalar(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

/// v with zeros in the lanes from n on.
TF_INLINE F keep_first(F v, int64_t n) {
  return n == kLanes ? v : zero_where_less(set1_u(static_cast<uint32_t>(n - 1)), iota(), v);
}

/// log(x) of one positive number, relative error below 1e-7: x = m 2^e, log m = 2 artanh((m - 1) / (m + 1)).
TF_INLINE float log_scalar(float x) {
  if (!(x <= 3.40282347e38f)) return x;  // NaN and infinity pass through
  uint32_t bits = __builtin_bit_cast(uint32_t, x);
  const int32_t e = static_cast<int32_t>((bits - 0x3F3504F3u) & 0xFF800000u) >> 23;  // m in [sqrt 1/2, sqrt 2)
  bits -= static_cast<uint32_t>(e) << 23;
  const double m = __builtin_bit_cast(float, bits);
  const double s = (m - 1) / (m + 1), q = s * s;
  const double series = 1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9 + q * (1.0 / 11)))));
  return static_cast<float>(2 * s * series + e * 0.69314718055994531);
}

/// dropout_bits (base/rng.h) of kLanes consecutive elements from `element` on.
TF_INLINE U dropout_bits_u(uint64_t key, uint32_t element) {
  U x = xor_u(add_u(set1_u(element), iota()), set1_u(static_cast<uint32_t>(key)));
  x = mul_u(xor_u(x, shift_right<16>(x)), set1_u(0x7FEB352Du));
  x = add_u(x, set1_u(static_cast<uint32_t>(key >> 32)));
  x = mul_u(xor_u(x, shift_right<15>(x)), set1_u(0x846CA68Bu));
  return xor_u(x, shift_right<16>(x));
}

/// The mask of one row: apply(v, c) is dropout of the lanes at column c.
struct RowDropout {
  uint64_t key = 0;
  uint32_t first = 0, threshold = 0;
  float keep_scale = 1;

  TF_INLINE F apply(F v, int64_t c) const {
    if (threshold == 0) return v;
    const U bits = dropout_bits_u(key, first + static_cast<uint32_t>(c));
    return zero_where_less(bits, set1_u(threshold), mul(v, set1(keep_scale)));
  }
};
TF_INLINE RowDropout row_dropout(const DropoutRows& rows, int64_t m, int64_t C) {
  if (rows.p == 0) return {};
  return {mix_key(rows.key_M[m], rows.site), static_cast<uint32_t>(rows.position_M[m] * C), dropout_threshold(rows.p),
          static_cast<float>(1 / (1 - rows.p))};
}

/// Calls body(at, n) for runs of at most kLanes that cover [0, N): n == kLanes but for the last. TF_LOAD / TF_STORE pick the form.
#define TF_LOAD(p, n) ((n) == kLanes ? load(p) : load_n(p, n))
#define TF_STORE(p, v, n) ((n) == kLanes ? store(p, v) : store_n(p, v, n))
#define TF_LAMBDA __attribute__((always_inline))
template <class Body>
TF_INLINE void for_lanes(int64_t N, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= N; i += kLanes) body(i, kLanes);
  if (i < N) body(i, N - i);
}
