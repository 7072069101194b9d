// Scalar definitions of the remaining row and range kernels: embedding.h, reduce.h.
#pragma once
#include <algorithm>

#include "tilefit/kernels/embedding.h"
#include "tilefit/kernels/reduce.h"

namespace tilefit::kernels::ref {

template <class T>
void embedding_row(int64_t m, int64_t C, const EmbeddingTable<T>* tables, int num_tables, T* out_C) {
  for (int64_t c = 0; c < C; ++c) {
    T sum = 0;
    for (int t = 0; t < num_tables; ++t) sum += tables[t].table_VC[tables[t].id_M[m] * C + c];
    out_C[c] = sum;
  }
}

template <class T>
void add_range(int64_t n, const T* x, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

template <class T>
void narrow(int64_t n, const T* x, T* y) {
  std::copy_n(x, n, y);
}

template <class T>
double sum_of_squares(int64_t n, const T* x) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double(x[i]) * double(x[i]);
  return sum;
}

}  // namespace tilefit::kernels::ref
