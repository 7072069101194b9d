// Copying operands of the matrix products into the order in which the micro-kernel reads them, as words (generic/words_f32-inl.h).

inline constexpr int64_t kRowsAhead = 4;  // rows that packing in wgrad prefetches

TF_INLINE int64_t words_of(int64_t elements) { return (elements + kWordElements - 1) / kWordElements; }

/// Asks for `bytes` from p on to be brought into L2 (kIntoL1: L1) while the tile at hand is computed.
template <bool kIntoL1>
TF_INLINE void prefetch(const void* p, int64_t bytes) {
  constexpr int64_t kLine = 64;
  for (int64_t i = 0; i < bytes; i += kLine)
    _mm_prefetch(static_cast<const char*>(p) + i, kIntoL1 ? _MM_HINT_T0 : _MM_HINT_T1);
}
template <class S>
TF_INLINE void prefetch_row(const S* row, int64_t n) {
  prefetch<true>(row, n * static_cast<int64_t>(sizeof(S)));
}
