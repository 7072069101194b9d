// The words of packed operands where products are made in float: one float each. A word is what lies together in a packed operand for one
// step of the summed index. Sources may be float, Bf16 (widened), or Rounded (float rounded to bf16).

inline constexpr int64_t kWordElements = 1;  // of the summed index

/// True when rows of S in memory are rows of words.
template <class S>
inline constexpr bool kHoldsWords = is_float<S>;

/// c + the product of a word of A and one of B (the sum of products when a word holds several elements).
TF_INLINE F multiply_add(F a, F b, F c) { return fma(a, b, c); }
/// Words of ones: multiply_add(x, one_words(), c) adds up the elements of x.
TF_INLINE F one_words() { return set1(1); }

/// Words of successive `elements` (at most kLanes words) along a row; what is missing is zero.
template <class S>
TF_INLINE F row_words(const S* p, int64_t elements) {
  return elements >= kLanes ? load(p) : load_n(p, elements);
}

/// n (at most kLanes) neighbouring words whose elements stand below each other: rows p, p + ld, .. of which `rows` (at least 1) are there.
template <class S>
TF_INLINE F column_words(const S* p, int64_t, int64_t, int64_t n) {
  return n >= kLanes ? load(p) : load_n(p, n);
}

/// A float of a master weight on its way to bf16: loads as the nearest bf16 value.
struct Rounded {
  float value;
};
TF_INLINE F load(const Rounded* p) { return round_to_bf16(load(&p->value)); }
TF_INLINE F load_n(const Rounded* p, int64_t n) { return round_to_bf16(load_n(&p->value, n)); }

/// Master weights as a source of packing for products of T.
template <class T>
TF_INLINE auto weights_of(const float* w) {
  if constexpr (is_float<T>) return w;
  else return reinterpret_cast<const Rounded*>(w);
}
