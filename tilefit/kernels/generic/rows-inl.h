// Row-wise kernels over F: dropout, layer norm, embedding, sums, cross-entropy. Specified in ref/.

template <class T>
void dropout_row(int64_t m, int64_t C, const T* x_C, const DropoutRows& rows, T* y_C) {
  const RowDropout drop = row_dropout(rows, m, C);
  for_lanes(C, [&](int64_t c, int64_t n) TF_LAMBDA { TF_STORE(y_C + c, drop.apply(TF_LOAD(x_C + c, n), c), n); });
}

template <class T>
void layer_norm_forward_row(int64_t m, int64_t C, const T* a_C, const T* residual_C, const DropoutRows& rows,
                            const float* gamma_C, const float* beta_C, float eps, T* s_C, T* y_C, float* mean, float* rstd) {
  const RowDropout drop = row_dropout(rows, m, C);
  F sum = set1(0);
  for_lanes(C, [&](int64_t c, int64_t n) TF_LAMBDA {
    F s = drop.apply(TF_LOAD(a_C + c, n), c);
    if (residual_C) s = add(s, TF_LOAD(residual_C + c, n));
    if constexpr (!is_float<T>) s = round_to_bf16(s);
    TF_STORE(s_C + c, s, n);
    sum = add(sum, s);  // lanes past the end are zero
  });
  const float mu = reduce_add(sum) / static_cast<float>(C);
  F squares = set1(0);
  for_lanes(C, [&](int64_t c, int64_t n) TF_LAMBDA {
    const F d = keep_first(sub(TF_LOAD(s_C + c, n), set1(mu)), n);
    squares = fma(d, d, squares);
  });
  const float r = 1.0f / sqrt_scalar(reduce_add(squares) / static_cast<float>(C) + eps);
  for_lanes(C, [&](int64_t c, int64_t n) TF_LAMBDA {
    const F xhat = mul(sub(TF_LOAD(s_C + c, n), set1(mu)), set1(r));
    TF_STORE(y_C + c, fma(xhat, TF_LOAD(gamma_C + c, n), TF_LOAD(beta_C + c, n)), n);
  });
  *mean = mu;
  *rstd = r;
}

template <class T>
void layer_norm_backward_row(int64_t m, int64_t C, const T* dy_C, const T* s_C, float mean, float rstd, const float* gamma_C,
                             const DropoutRows& rows, T* ds_C, T* da_C, float* dgamma_C, float* dbeta_C) {
  F sum_g = set1(0), sum_gx = set1(0);
  for_lanes(C, [&](int64_t c, int64_t n) TF_LAMBDA {
    const F dy = TF_LOAD(dy_C + c, n), xhat = mul(sub(TF_LOAD(s_C + c, n), set1(mean)), set1(rstd));
    const F g = mul(dy, TF_LOAD(gamma_C + c, n));  // zero in missing lanes, since dy is
    sum_g = add(sum_g, g);
    sum_gx = fma(g, xhat, sum_gx);
    TF_STORE(dgamma_C + c, fma(dy, xhat, TF_LOAD(dgamma_C + c, n)), n);
    TF_STORE(dbeta_C + c, add(dy, TF_LOAD(dbeta_C + c, n)), n);
  });
  const float mean_g = reduce_add(sum_g) / static_cast<float>(C), mean_gx = reduce_add(sum_gx) / static_cast<float>(C);
  const RowDropout drop = row_dropout(rows, m, C);
  for_lanes(C, [&](int64_t c, int64_t n) TF_LAMBDA {
    const F xhat = mul(sub(TF_LOAD(s_C + c, n), set1(mean)), set1(rstd));
    const F g = mul(TF_LOAD(dy_C + c, n), TF_LOAD(gamma_C + c, n));
    const F ds = mul(set1(rstd), sub(sub(g, set1(mean_g)), mul(xhat, set1(mean_gx))));
    TF_STORE(ds_C + c, ds, n);
    if (da_C) TF_STORE(da_C + c, drop.apply(ds, c), n);
  });
}

template <class T>
void embedding_row(int64_t m, int64_t C, const EmbeddingTable<T>* tables, int num_tables, T* out_C) {
  for_lanes(C, [&](int64_t c, int64_t n) TF_LAMBDA {
    F sum = TF_LOAD(tables[0].table_VC + tables[0].id_M[m] * C + c, n);
    for (int t = 1; t < num_tables; ++t) sum = add(sum, TF_LOAD(tables[t].table_VC + tables[t].id_M[m] * C + c, n));
    TF_STORE(out_C + c, sum, n);
  });
}

template <class T>
void accumulate(int64_t n, const T* x, float* y) {
  for_lanes(n, [&](int64_t i, int64_t k) TF_LAMBDA { TF_STORE(y + i, add(TF_LOAD(y + i, k), TF_LOAD(x + i, k)), k); });
}

template <class T>
void narrow(int64_t n, const float* x, T* y) {
  for_lanes(n, [&](int64_t i, int64_t k) TF_LAMBDA { TF_STORE(y + i, TF_LOAD(x + i, k), k); });
}

double sum_of_squares(int64_t n, const float* x) {
  DoubleSum sum;
  for_lanes(n, [&](int64_t i, int64_t k) TF_LAMBDA { add_squares(sum, TF_LOAD(x + i, k)); });
  return total(sum);
}

void span_cross_entropy_sequence(const SequenceSpan& seq, const float* x, int64_t ld, int32_t target, float gradient_scale,
                                 float* loss, float* dx) {
  // The values of a column lie ld apart: gathered once, then vectors.
  const int64_t T = seq.num_rows;
  float* const value_T = thread_scratch(ScratchSlot::kTask, T);
  const float* const first = x + seq.row_begin * ld;
  float top = first[0];
  for (int64_t i = 0; i < T; ++i) {
    value_T[i] = first[i * ld];
    top = value_T[i] > top ? value_T[i] : top;
  }
  F sum = set1(0);
  for_lanes(T, [&](int64_t i, int64_t n) TF_LAMBDA {
    const F e = exp(sub(TF_LOAD(value_T + i, n), set1(top)));
    TF_STORE(value_T + i, e, n);
    sum = add(sum, keep_first(e, n));
  });
  const float total_exp = reduce_add(sum);
  *loss = target < 0 ? 0.0f : log_scalar(total_exp) + top - first[target * ld];
  if (!dx) return;
  float* const out = dx + seq.row_begin * ld;
  for (int64_t i = 0; i < T; ++i)
    out[i * ld] = target < 0 ? 0.0f : (value_T[i] / total_exp - (i == target ? 1.0f : 0.0f)) * gradient_scale;
}
