// Measures how fast questions become features: tokenising and windowing, on one thread and on all. Prints nothing.
#pragma once
#include <cstdint>
#include <string>

#include "tilefit/base/json_fwd.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit {

struct BenchDataOptions {
  std::string data;       ///< question-answering file; "" = made-up text with SQuAD's lengths, and a made-up vocabulary
  std::string tokenizer;  ///< directory of the tokenizer for `data`
  int64_t max_seq_length = 384, doc_stride = 128;
  double seconds = 1;  ///< of measuring, with one thread and with all; at least one pass over the data
};

struct BenchDataResult {
  bool made_up = false;  ///< no file was given
  int64_t examples = 0, features = 0, tokens = 0;
  int num_threads = 0;
  double features_per_s = 0, tokens_per_s = 0;  ///< with all threads, median pass
  double features_per_s_per_core = 0;           ///< with one thread
};

/// Throws Error: data without a tokenizer, unreadable files.
BenchDataResult bench_data(ThreadPool& pool, const BenchDataOptions& options);

/// Keys features_per_s, features_per_s_per_core, tokens_per_s, num_threads, examples, features, tokens, made_up.
Json bench_data_json(const BenchDataResult& result);
std::string bench_data_text(const BenchDataResult& result);

}  // namespace tilefit
