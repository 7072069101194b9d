// Attention per (sequence, head) over F. Queries go in blocks whose score rows stay in cache; forward keeps only the log-sum of each
// row, backward makes the probabilities again. Specified in ref/attention_ref.h.

inline constexpr int64_t kQueryBlock = kGemmRows < 16 ? 4 * kGemmRows : 2 * kGemmRows;

/// What both directions need to know about one head, and the sizes of its packed operands in thread scratch (floats).
template <class T>
struct HeadTask {
  const AttentionShape& shape;
  const SequenceSpan& seq;
  int64_t head;
  int64_t D, C, keys, padded_keys, padded_d;
  int64_t across, along;         // of the keys or values packed as D x keys, and as keys x D
  const T *query, *key, *value;  // first row of the sequence, column of the head
  int64_t ld;
  uint64_t head_key;

  TF_INLINE HeadTask(const AttentionShape& s, const SequenceSpan& q, int64_t h, const T* qkv, int64_t ld_qkv)
      : shape(s),
        seq(q),
        head(h),
        D(s.head_size),
        C(s.num_heads * s.head_size),
        keys(q.num_keys),
        padded_keys(round_up(q.num_keys, kPanel)),
        padded_d(round_up(D, kPanel)),
        across(padded_keys * round_up(words_of(D), kWordUnit)),
        along(padded_d * round_up(words_of(keys), kWordUnit)),
        query(qkv + q.row_begin * ld_qkv + h * D),
        key(query + C),
        value(query + 2 * C),
        ld(ld_qkv),
        head_key(mix_key(mix_key(q.dropout_key, s.site), static_cast<uint64_t>(h))) {}

  TF_INLINE RowDropout row_mask(int64_t i) const {
    if (shape.dropout_p == 0) return {};
    return {mix_key(head_key, static_cast<uint64_t>(i)), 0, dropout_threshold(shape.dropout_p),
            static_cast<float>(1 / (1 - shape.dropout_p))};
  }

  /// [keys, D] rows as a B of D x keys (scores, dP) ...
  TF_INLINE void pack_across(const T* rows, float* out) const {
    for (int64_t n = 0; n < keys; n += kPanel)
      pack_panel_transposed(D, min_of(kPanel, keys - n), rows + n * ld, ld, out + n * round_up(words_of(D), kWordUnit));
  }
  /// ... and as a B of keys x D (P V, dS K).
  TF_INLINE void pack_along(const T* rows, float* out) const {
    for (int64_t n = 0; n < D; n += kPanel)
      pack_panel_rows(keys, min_of(kPanel, D - n), rows + n, ld, out + n * round_up(words_of(keys), kWordUnit));
  }

  /// Rows [i, i + rows) of the query times the scale, as [rows, D]: the reference scales the query, not the scores.
  TF_INLINE void scaled_queries(int64_t i, int64_t rows, float* out) const {
    const F scale = set1(static_cast<float>(shape.scale));
    for (int64_t r = 0; r < rows; ++r)
      for_lanes(D, [&](int64_t d, int64_t n)
                       TF_LAMBDA { TF_STORE(out + r * D + d, mul(TF_LOAD(query + (i + r) * ld + d, n), scale), n); });
  }

  /// to[r][0, D) = sums[r] for `rows` rows.
  TF_INLINE void store_rows(int64_t rows, const float* sums, T* to, int64_t ld_to) const {
    for (int64_t r = 0; r < rows; ++r)
      for_lanes(
          D, [&](int64_t d, int64_t n) TF_LAMBDA { TF_STORE(to + r * ld_to + d, TF_LOAD(sums + r * padded_d + d, n), n); });
  }
};

/// Turns a row of scores into dropped-out probabilities; returns the log of the sum of exp of the scores.
TF_INLINE float softmax_row(float* p, int64_t keys, const RowDropout& drop) {
  F top_lanes = set1(p[0]);
  int64_t j0 = 0;
  for (; j0 + kLanes <= keys; j0 += kLanes) top_lanes = max(top_lanes, load(p + j0));
  float top = reduce_max(top_lanes);
  for (; j0 < keys; ++j0) top = p[j0] > top ? p[j0] : top;
  F sum = set1(0);
  for_lanes(keys, [&](int64_t j, int64_t n) TF_LAMBDA {
    const F e = keep_first(exp(sub(TF_LOAD(p + j, n), set1(top))), n);
    TF_STORE(p + j, e, n);
    sum = add(sum, e);
  });
  const float total_exp = reduce_add(sum);
  const F share = set1(1.0f / total_exp);
  for_lanes(keys, [&](int64_t j, int64_t n) TF_LAMBDA { TF_STORE(p + j, drop.apply(mul(TF_LOAD(p + j, n), share), j), n); });
  return top + log_scalar(total_exp);
}

template <class T>
void attention_forward_task(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const T* qkv, int64_t ld_qkv,
                            T* out, int64_t ld_out, float* logsum_MH) {
  const TileScope tiles;
  const HeadTask<T> t(shape, seq, head, qkv, ld_qkv);
  float* const key_t = thread_scratch(ScratchSlot::kTask, t.across + t.along + kQueryBlock * (t.padded_keys + t.padded_d));
  float* const value_packed = key_t + t.across;
  float* const p_block = value_packed + t.along;
  float* const o_block = p_block + kQueryBlock * t.padded_keys;
  float* const q_block = o_block;  // needed until the output is summed up
  t.pack_across(t.key, key_t);
  t.pack_along(t.value, value_packed);
  for (int64_t i = 0; i < seq.num_rows; i += kQueryBlock) {
    const int64_t rows = min_of(kQueryBlock, seq.num_rows - i);
    t.scaled_queries(i, rows, q_block);
    multiply_rows(rows, 0, t.padded_keys, t.D, q_block, t.D, key_t, Sums{p_block, t.padded_keys, true}, NoFinish{});
    for (int64_t r = 0; r < rows; ++r)
      logsum_MH[(seq.row_begin + i + r) * shape.num_heads + head] =
          softmax_row(p_block + r * t.padded_keys, t.keys, t.row_mask(i + r));
    multiply_rows(rows, 0, t.padded_d, t.keys, p_block, t.padded_keys, value_packed, Sums{o_block, t.padded_d, true},
                  NoFinish{});
    t.store_rows(rows, o_block, out + (seq.row_begin + i) * ld_out + head * t.D, ld_out);
  }
}

template <class T>
void attention_backward_task(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const T* qkv,
                             int64_t ld_qkv, const T* out, int64_t ld_out, const float* logsum_MH, const T* dout,
                             int64_t ld_dout, T* dqkv, int64_t ld_dqkv) {
  const TileScope tiles;
  const HeadTask<T> t(shape, seq, head, qkv, ld_qkv);
  const int64_t scores = kQueryBlock * t.padded_keys, sums = round_up(t.keys, kGemmRows) * t.padded_d;
  float* const key_t =
      thread_scratch(ScratchSlot::kTask, 2 * t.across + t.along + 2 * scores + 2 * sums + kQueryBlock * t.padded_d);
  float* const value_t = key_t + t.across;
  float* const key_packed = value_t + t.across;
  float* const p_block = key_packed + t.along;
  float* const ds_block = p_block + scores;
  const Sums dkey = {ds_block + scores, t.padded_d, true}, dvalue = {dkey.data + sums, t.padded_d, true};
  const Sums dq_block = {dvalue.data + sums, t.padded_d, true};
  float* const q_block = dq_block.data;  // needed until the gradient is summed up
  t.pack_across(t.key, key_t);
  t.pack_across(t.value, value_t);
  t.pack_along(t.key, key_packed);
  T* const dquery = dqkv + seq.row_begin * ld_dqkv + head * t.D;
  const F scale = set1(static_cast<float>(shape.scale));
  for (int64_t i = 0; i < seq.num_rows; i += kQueryBlock) {
    const int64_t rows = min_of(kQueryBlock, seq.num_rows - i);
    const T* const dout_block = dout + (seq.row_begin + i) * ld_dout + head * t.D;
    const T* const out_block = out + (seq.row_begin + i) * ld_out + head * t.D;
    t.scaled_queries(i, rows, q_block);
    multiply_rows(rows, 0, t.padded_keys, t.D, q_block, t.D, key_t, Sums{p_block, t.padded_keys, true}, NoFinish{});
    multiply_rows(rows, 0, t.padded_keys, t.D, dout_block, ld_dout, value_t, Sums{ds_block, t.padded_keys, true},
                  NoFinish{});
    for (int64_t r = 0; r < rows; ++r) {
      F dot = set1(0);  // delta: sum over keys of p dp = dout . out
      for_lanes(t.D, [&](int64_t d, int64_t n) TF_LAMBDA {
        dot = fma(TF_LOAD(dout_block + r * ld_dout + d, n), TF_LOAD(out_block + r * ld_out + d, n), dot);
      });
      const F delta = set1(reduce_add(dot));
      const F logsum = set1(logsum_MH[(seq.row_begin + i + r) * shape.num_heads + head]);
      const RowDropout drop = t.row_mask(i + r);
      float *const p = p_block + r * t.padded_keys, *const ds = ds_block + r * t.padded_keys;
      for_lanes(t.keys, [&](int64_t j, int64_t n) TF_LAMBDA {
        const F prob = exp(sub(TF_LOAD(p + j, n), logsum));
        const F factor = drop.factor(j);
        TF_STORE(p + j, mul(prob, factor), n);
        TF_STORE(ds + j, mul(mul(prob, sub(mul(TF_LOAD(ds + j, n), factor), delta)), scale), n);
      });
    }
    multiply_rows(rows, 0, t.padded_d, t.keys, ds_block, t.padded_keys, key_packed, dq_block, NoFinish{});
    t.store_rows(rows, dq_block.data, dquery + i * ld_dqkv, ld_dqkv);
    multiply_columns(rows, t.keys, t.D, ds_block, t.padded_keys, t.query + i * t.ld, t.ld, dkey, i > 0, nullptr);
    multiply_columns(rows, t.keys, t.D, p_block, t.padded_keys, dout_block, ld_dout, dvalue, i > 0, nullptr);
  }
  t.store_rows(t.keys, dkey.data, dquery + t.C, ld_dqkv);
  t.store_rows(t.keys, dvalue.data, dquery + 2 * t.C, ld_dqkv);
  for (int64_t j = t.keys; j < seq.num_rows; ++j)
    for_lanes(t.D, [&](int64_t d, int64_t n) TF_LAMBDA {
      TF_STORE(dquery + j * ld_dqkv + t.C + d, set1(0), n);
      TF_STORE(dquery + j * ld_dqkv + 2 * t.C + d, set1(0), n);
    });
}
