// Scalar definition of cross_entropy.h.
#pragma once
#include <algorithm>
#include <cmath>

#include "tilefit/kernels/cross_entropy.h"

namespace tilefit::kernels::ref {

template <class T>
void span_cross_entropy_sequence(const SequenceSpan& seq, const T* x, int64_t ld, int32_t target, T gradient_scale, T* loss,
                                 T* dx) {
  const T* const first = x + seq.row_begin * ld;
  T top = first[0];
  for (int64_t i = 1; i < seq.num_rows; ++i) top = std::max(top, first[i * ld]);
  T sum = 0;
  for (int64_t i = 0; i < seq.num_rows; ++i) sum += std::exp(first[i * ld] - top);
  *loss = target < 0 ? T(0) : std::log(sum) + top - first[target * ld];
  if (!dx) return;
  for (int64_t i = 0; i < seq.num_rows; ++i) {
    const T p = std::exp(first[i * ld] - top) / sum;
    dx[(seq.row_begin + i) * ld] = target < 0 ? T(0) : (p - (i == target ? T(1) : T(0))) * gradient_scale;
  }
}

}  // namespace tilefit::kernels::ref
