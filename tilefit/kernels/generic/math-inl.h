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

/// Phi(x), the normal distribution function; absolute error below 2e-7, 0 below -5.3. For |x| <= 5.3 it is 1/2 + x Q(t), t = 2 (x / 5.3)^2 - 1,
/// Q a minimax polynomial of degree 14: no division, no exponential.
TF_INLINE F normal_cdf(F x) {
  const F low = set1(-5.3f);
  const F clamped = min(set1(5.3f), max(low, x));  // in this order a NaN passes through
  const F t = fma(mul(clamped, clamped), set1(0.07119971520f), set1(-1));
  F q = set1(2.8362646117e-04f);
  q = fma(q, t, set1(-7.6456437819e-04f));
  q = fma(q, t, set1(7.3209113907e-04f));
  q = fma(q, t, set1(-1.0959518841e-03f));
  q = fma(q, t, set1(3.1349144410e-03f));
  q = fma(q, t, set1(-5.8495458215e-03f));
  q = fma(q, t, set1(8.8281799108e-03f));
  q = fma(q, t, set1(-1.3185476884e-02f));
  q = fma(q, t, set1(1.8925832585e-02f));
  q = fma(q, t, set1(-2.5298301131e-02f));
  q = fma(q, t, set1(3.2079521567e-02f));
  q = fma(q, t, set1(-3.9588931948e-02f));
  q = fma(q, t, set1(4.9264162779e-02f));
  q = fma(q, t, set1(-6.6518507898e-02f));
  q = fma(q, t, set1(1.3339255750e-01f));
  return select_less(x, low, set1(0), fma(clamped, q, set1(0.5f)));
}

TF_INLINE F gelu(F x) { return mul(x, normal_cdf(x)); }

TF_INLINE F gelu_derivative(F x) {
  const F bell = exp(mul(mul(x, x), set1(-0.5f)));
  return fma(mul(x, set1(0.39894228f)), bell, normal_cdf(x));
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

  /// 0 where dropped, else keep_scale.
  TF_INLINE F factor(int64_t c) const {
    if (threshold == 0) return set1(1);
    return zero_where_less(dropout_bits_u(key, first + static_cast<uint32_t>(c)), set1_u(threshold), set1(keep_scale));
  }
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
