// Attention per (sequence, head) over F. Queries go in blocks whose score rows stay in cache; forward keeps only the log-sum of each
// row, backward makes the probabilities again. Specified in ref/attention_ref.h.

inline constexpr int64_t kQueryBlock = 4 * kGemmRows;

/// What both directions need to know about one head, and its packed operands in thread scratch.
struct HeadTask {
  const AttentionShape& shape;
  const SequenceSpan& seq;
  int64_t head;
  int64_t D, C, keys, padded_keys, padded_d;
  const float *query, *key, *value;  // first row of the sequence, column of the head
  int64_t ld;
  uint64_t head_key;

  TF_INLINE HeadTask(const AttentionShape& s, const SequenceSpan& q, int64_t h, const float* qkv, int64_t ld_qkv)
      : shape(s),
        seq(q),
        head(h),
        D(s.head_size),
        C(s.num_heads * s.head_size),
        keys(q.num_keys),
        padded_keys(round_up(q.num_keys, kPanel)),
        padded_d(round_up(D, kPanel)),
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
  TF_INLINE void pack_across(const float* rows, float* out) const {
    for (int64_t n = 0; n < keys; n += kPanel)
      pack_panel_transposed(D, min_of(kPanel, keys - n), rows + n * ld, ld, out + n * D);
  }
  /// ... and as a B of keys x D (P V, dS K).
  TF_INLINE void pack_along(const float* rows, float* out) const {
    for (int64_t n = 0; n < D; n += kPanel) pack_panel_rows(keys, min_of(kPanel, D - n), rows + n, ld, out + n * keys);
  }
  /// The query rows [i, i + rows) times scale, as [rows, D].
  TF_INLINE void scaled_queries(int64_t i, int64_t rows, float* out) const {
    const F scale = set1(static_cast<float>(shape.scale));
    for (int64_t r = 0; r < rows; ++r)
      for_lanes(D, [&](int64_t d, int64_t n)
                       TF_LAMBDA { TF_STORE(out + r * D + d, mul(TF_LOAD(query + (i + r) * ld + d, n), scale), n); });
  }
};

void attention_forward_task(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const float* qkv,
                            int64_t ld_qkv, float* out, int64_t ld_out, float* logsum_MH) {
  const HeadTask t(shape, seq, head, qkv, ld_qkv);
  float* const key_t =
      thread_scratch(ScratchSlot::kTask, t.padded_keys * t.D + t.padded_d * t.keys + kQueryBlock * (t.D + t.padded_keys));
  float* const value_packed = key_t + t.padded_keys * t.D;
  float* const q_block = value_packed + t.padded_d * t.keys;
  float* const p_block = q_block + kQueryBlock * t.D;
  t.pack_across(t.key, key_t);
  t.pack_along(t.value, value_packed);
  for (int64_t i = 0; i < seq.num_rows; i += kQueryBlock) {
    const int64_t rows = min_of(kQueryBlock, seq.num_rows - i);
    t.scaled_queries(i, rows, q_block);
    multiply_rows(rows, 0, t.padded_keys, t.D, q_block, t.D, key_t, nullptr, 0, p_block, t.padded_keys, false);
    for (int64_t r = 0; r < rows; ++r) {
      float* const p = p_block + r * t.padded_keys;
      F top_lanes = set1(p[0]);
      int64_t j0 = 0;
      for (; j0 + kLanes <= t.keys; j0 += kLanes) top_lanes = max(top_lanes, load(p + j0));
      float top = reduce_max(top_lanes);
      for (; j0 < t.keys; ++j0) top = p[j0] > top ? p[j0] : top;
      F sum = set1(0);
      for_lanes(t.keys, [&](int64_t j, int64_t n) TF_LAMBDA {
        const F e = keep_first(exp(sub(TF_LOAD(p + j, n), set1(top))), n);
        TF_STORE(p + j, e, n);
        sum = add(sum, e);
      });
      const float total_exp = reduce_add(sum);
      logsum_MH[(seq.row_begin + i + r) * shape.num_heads + head] = top + log_scalar(total_exp);
      const F share = set1(1.0f / total_exp);
      const RowDropout drop = t.row_mask(i + r);
      for_lanes(t.keys,
                [&](int64_t j, int64_t n) TF_LAMBDA { TF_STORE(p + j, drop.apply(mul(TF_LOAD(p + j, n), share), j), n); });
    }
    multiply_rows(rows, 0, t.D, t.keys, p_block, t.padded_keys, value_packed, nullptr, 0,
                  out + (seq.row_begin + i) * ld_out + head * t.D, ld_out, false);
  }
}

void attention_backward_task(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const float* qkv,
                             int64_t ld_qkv, const float* out, int64_t ld_out, const float* logsum_MH, const float* dout,
                             int64_t ld_dout, float* dqkv, int64_t ld_dqkv) {
  const HeadTask t(shape, seq, head, qkv, ld_qkv);
  const int64_t across = t.padded_keys * t.D, along = t.padded_d * t.keys, block = kQueryBlock * t.padded_keys;
  float* const key_t = thread_scratch(ScratchSlot::kTask, 2 * across + along + 2 * block + kQueryBlock * t.D);
  float* const value_t = key_t + across;
  float* const key_packed = value_t + across;
  float* const p_block = key_packed + along;
  float* const ds_block = p_block + block;
  float* const q_block = ds_block + block;
  t.pack_across(t.key, key_t);
  t.pack_across(t.value, value_t);
  t.pack_along(t.key, key_packed);
  float* const dquery = dqkv + seq.row_begin * ld_dqkv + head * t.D;
  float *const dkey = dquery + t.C, *const dvalue = dquery + 2 * t.C;
  for (int64_t j = t.keys; j < seq.num_rows; ++j)
    for_lanes(t.D, [&](int64_t d, int64_t n) TF_LAMBDA {
      TF_STORE(dkey + j * ld_dqkv + d, set1(0), n);
      TF_STORE(dvalue + j * ld_dqkv + d, set1(0), n);
    });
  for (int64_t i = 0; i < seq.num_rows; i += kQueryBlock) {
    const int64_t rows = min_of(kQueryBlock, seq.num_rows - i);
    const float* const dout_block = dout + (seq.row_begin + i) * ld_dout + head * t.D;
    const float* const out_block = out + (seq.row_begin + i) * ld_out + head * t.D;
    t.scaled_queries(i, rows, q_block);
    multiply_rows(rows, 0, t.padded_keys, t.D, q_block, t.D, key_t, nullptr, 0, p_block, t.padded_keys, false);
    multiply_rows(rows, 0, t.padded_keys, t.D, dout_block, ld_dout, value_t, nullptr, 0, ds_block, t.padded_keys, false);
    for (int64_t r = 0; r < rows; ++r) {
      F dot = set1(0);  // delta: sum over keys of p dp = dout . out
      for_lanes(t.D, [&](int64_t d, int64_t n) TF_LAMBDA {
        dot = fma(TF_LOAD(dout_block + r * ld_dout + d, n), TF_LOAD(out_block + r * ld_out + d, n), dot);
      });
      const F delta = set1(reduce_add(dot)), scale = set1(static_cast<float>(shape.scale));
      const F logsum = set1(logsum_MH[(seq.row_begin + i + r) * shape.num_heads + head]);
      const RowDropout drop = t.row_mask(i + r);
      float *const p = p_block + r * t.padded_keys, *const ds = ds_block + r * t.padded_keys;
      for_lanes(t.keys, [&](int64_t j, int64_t n) TF_LAMBDA {
        const F prob = exp(sub(TF_LOAD(p + j, n), logsum));
        const F dp = drop.apply(TF_LOAD(ds + j, n), j);
        TF_STORE(p + j, drop.apply(prob, j), n);
        TF_STORE(ds + j, mul(mul(prob, sub(dp, delta)), scale), n);
      });
    }
    multiply_rows(rows, 0, t.D, t.keys, ds_block, t.padded_keys, key_packed, nullptr, 0, dquery + i * ld_dqkv, ld_dqkv,
                  false);
    multiply_columns(rows, t.keys, t.D, ds_block, t.padded_keys, t.query + i * t.ld, t.ld, dkey, ld_dqkv, i > 0);
    multiply_columns(rows, t.keys, t.D, p_block, t.padded_keys, dout_block, ld_dout, dvalue, ld_dqkv, i > 0);
  }
}
