// Scalar definition of dropout.h.
#pragma once
#include "tilefit/base/rng.h"
#include "tilefit/kernels/dropout.h"

namespace tilefit::kernels::ref {

/// Factor of element c of row m: 0 or 1 / (1 - p).
template <class T>
T dropout_factor(const DropoutRows& rows, int64_t m, int64_t c, int64_t C) {
  if (rows.p == 0) return T(1);
  const auto element = static_cast<uint32_t>(rows.position_M[m] * C + c);
  const bool dropped = dropout_bits(mix_key(rows.key_M[m], rows.site), element) < dropout_threshold(rows.p);
  return dropped ? T(0) : T(1 / (1 - rows.p));
}

template <class T>
void dropout_row(int64_t m, int64_t C, const T* x_C, const DropoutRows& rows, T* y_C) {
  for (int64_t c = 0; c < C; ++c) y_C[c] = x_C[c] * dropout_factor<T>(rows, m, c, C);
}

}  // namespace tilefit::kernels::ref
