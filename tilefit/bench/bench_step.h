// Measures whole training steps (forward, backward, gradient norm, AdamW) of the real Trainer against the machine's own peak.
// FLOPs are counted on real tokens: padding is work, but no result. Prints nothing.
#pragma once
#include <cstdint>
#include <string>

#include "tilefit/base/json_fwd.h"
#include "tilefit/cpu/thread_pool.h"
#include "tilefit/tensor/dtype.h"
#include "tilefit/train/phase_report.h"

namespace tilefit {

struct BenchStepOptions {
  std::string config = "distilbert-base";  ///< distilbert-base, minilm-l6, bert-base, or a directory with config.json
  std::string data;                        ///< question-answering file; "" = lengths drawn from SQuAD's histogram
  std::string tokenizer;                   ///< directory of the tokenizer for `data`
  int64_t batch_size = 32;                 ///< examples per step
  int64_t steps = 10;                      ///< measured, after two that are not
  int64_t max_seq_length = 384, doc_stride = 128;
  bool dropout = true;        ///< as the configuration says; false: none
  DType dtype = DType::kF32;  ///< of activations: kF32 or kBF16
};

struct BenchStepResult {
  double peak_gflops = 0;     ///< FMA peak of all threads, measured before and after the steps (the larger)
  double real_gflops = 0;     ///< FLOPs of real tokens per second of the median step
  double share_of_peak = 0;   ///< real_gflops / peak_gflops
  double examples_per_s = 0;  ///< of the median step, as tokens_per_s
  double tokens_per_s = 0;
  double gflop_per_step = 0;  ///< of real tokens, mean of the measured steps
  double step_s = 0;          ///< median
  double step_s_min = 0, step_s_max = 0;
  int64_t peak_rss_bytes = 0;
  int64_t matmul_parameters = 0;
  int num_threads = 0;
  std::string isa;
  PhaseReport phases;  ///< of the measured steps
};

/// Throws Error: unknown configuration, unreadable data.
BenchStepResult bench_step(ThreadPool& pool, const BenchStepOptions& options);

/// Keys peak_gflops, real_gflops, share_of_peak, examples_per_s, tokens_per_s, peak_rss_bytes, step_s and some more; phases, idle and other as
/// phase_report_json has them.
Json bench_step_json(const BenchStepResult& result);
std::string bench_step_text(const BenchStepResult& result);

}  // namespace tilefit
