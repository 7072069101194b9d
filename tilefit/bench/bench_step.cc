#include "tilefit/bench/bench_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>

#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/base/rng.h"
#include "tilefit/cpu/memory.h"
#include "tilefit/data/squad_lengths.h"
#include "tilefit/kernels/dispatch.h"
#include "tilefit/train/trainer.h"

namespace tilefit {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Configurations that need no files: the shapes of the published models, weights at random.
ModelConfig named_config(const std::string& name) {
  Json c;
  if (name == "distilbert-base") {
    c = {{"model_type", "distilbert"},
         {"dim", 768},
         {"n_heads", 12},
         {"n_layers", 6},
         {"hidden_dim", 3072},
         {"dropout", 0.1},
         {"attention_dropout", 0.1},
         {"qa_dropout", 0.1},
         {"activation", "gelu"}};
  } else if (name == "minilm-l6" || name == "bert-base") {
    const bool mini = name == "minilm-l6";
    c = {{"model_type", "bert"},
         {"hidden_size", mini ? 384 : 768},
         {"num_attention_heads", 12},
         {"num_hidden_layers", mini ? 6 : 12},
         {"intermediate_size", mini ? 1536 : 3072},
         {"hidden_dropout_prob", 0.1},
         {"attention_probs_dropout_prob", 0.1},
         {"hidden_act", "gelu"},
         {"type_vocab_size", 2},
         {"layer_norm_eps", 1e-12}};
  } else {
    throw Error(Code::kUsage, "'" + name + "' is neither a directory with config.json nor a known configuration",
                "bench step --config", "distilbert-base, minilm-l6, bert-base or a model's directory");
  }
  c["vocab_size"] = 30522;
  c["max_position_embeddings"] = 512;
  c["initializer_range"] = 0.02;
  return ModelConfig(std::move(c), name);
}

ModelConfig find_config(const std::string& name) {
  return file_exists(name + "/config.json") ? ModelConfig::load(name + "/config.json") : named_config(name);
}

/// Features with the lengths of SQuAD and tokens at random: the work of a step depends on lengths alone.
std::vector<QaFeature> synthetic_features(int64_t count, int64_t max_length, int64_t vocab_size) {
  constexpr uint64_t kSeed = 42;
  std::vector<QaFeature> features;
  for (const int32_t drawn : draw_squad_lengths(count, kSeed)) {
    const auto length = static_cast<size_t>(std::min<int64_t>(drawn, max_length));
    QaFeature f;
    f.type_ids.assign(length, 0);
    for (size_t i = 0; i < length; ++i)
      f.ids.push_back(static_cast<int32_t>(mix64(features.size() << 16 | i) % static_cast<uint64_t>(vocab_size)));
    f.start_position = f.end_position = static_cast<int32_t>(length / 2);
    features.push_back(std::move(f));
  }
  return features;
}

std::vector<QaFeature> read_features(ThreadPool& pool, const BenchStepOptions& options) {
  if (options.tokenizer.empty())
    throw Error(Code::kUsage, "--data needs a tokenizer", "bench step",
                "--tokenizer_name DIR (a directory with tokenizer.json)");
  const auto tokenizer = load_tokenizer(options.tokenizer);
  const std::vector<QaExample> examples = read_qa_examples(options.data);
  QaFeatureOptions how;
  how.max_seq_length = clip_max_seq_length(static_cast<int>(options.max_seq_length), *tokenizer);
  how.doc_stride = static_cast<int>(options.doc_stride);
  how.with_offsets = false;
  return build_qa_features(examples, *tokenizer, how, pool);
}

/// Multiply-adds with weights per token: all matrices but the embedding tables.
int64_t matmul_parameters(const ParamStore& params) {
  int64_t count = 0;
  for (const Param& p : params.params())
    if (p.kind == ParamKind::kWeight) count += p.size();
  return count;
}

/// Times every step; the profile forgets those that are not measured.
class StepTimer final : public TrainCallback {
 public:
  StepTimer(Profile& profile, int64_t warmup) : profile_(profile), warmup_(warmup) {}
  void on_begin(int64_t) override { last_ = Clock::now(); }
  void on_step(const StepInfo& info) override {
    seconds.push_back(seconds_since(last_));
    if (info.step == warmup_) profile_.reset();
    last_ = Clock::now();
  }
  std::vector<double> seconds;

 private:
  Profile& profile_;
  int64_t warmup_;
  Clock::time_point last_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// What a step over these features has to do: real tokens, and FLOPs as docs/performance.md counts them.
struct StepWork {
  double tokens = 0, flops = 0;
};

StepWork work_of(std::span<const QaFeature> features, int64_t matmul_parameters, const EncoderInfo& info) {
  double tokens = 0, squares = 0;
  for (const QaFeature& feature : features) {
    const auto length = static_cast<double>(feature.size());
    tokens += length;
    squares += length * length;
  }
  const auto layers = static_cast<double>(info.num_layers), channels = static_cast<double>(info.hidden_size);
  return {tokens, 6.0 * static_cast<double>(matmul_parameters) * tokens + 12.0 * layers * channels * squares};
}

}  // namespace

BenchStepResult bench_step(ThreadPool& pool, const BenchStepOptions& options) {
  constexpr int64_t kWarmup = 2;
  ModelOptions model_options;
  if (!options.dropout) model_options.dropout = 0.0;
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(find_config(options.config), model_options);
  const int64_t needed = (kWarmup + options.steps) * options.batch_size;
  const int64_t max_length = std::min(options.max_seq_length, model.max_positions());
  std::vector<QaFeature> features =
      options.data.empty() ? synthetic_features(needed, max_length, model.vocab_size()) : read_features(pool, options);
  if (std::ssize(features) > needed) features.resize(static_cast<size_t>(needed));
  if (std::ssize(features) < options.batch_size)
    throw Error(Code::kUsage, fmt::format("{} has only {} features", options.data, features.size()), "bench step",
                fmt::format("--batch_size {} or less", features.size()));

  TrainOptions train;
  train.leaf_size = options.batch_size;
  train.max_steps = kWarmup + options.steps;
  train.sampling.strategy = SamplingStrategy::kSequential;
  train.logging = Interval::kNo;
  train.dtype = options.dtype;
  train.drop_last = true;
  Trainer trainer(model, features, train, pool);
  Profile profile;
  trainer.set_profile(&profile);
  StepTimer timer(profile, kWarmup);
  trainer.add_callback(timer);
  const double peak_before = measure_peak_gflops(pool, options.dtype);
  trainer.train();
  trainer.set_profile(nullptr);

  BenchStepResult r;
  r.peak_gflops = std::max(peak_before, measure_peak_gflops(pool, options.dtype));
  r.matmul_parameters = matmul_parameters(model.params());
  std::vector<double> gflops, tokens_per_s;
  const auto num_features = static_cast<int64_t>(features.size()), per_epoch = num_features / options.batch_size;
  for (int64_t s = kWarmup; s < static_cast<int64_t>(timer.seconds.size()); ++s) {
    const auto first = static_cast<size_t>(s % per_epoch * options.batch_size);
    const double seconds = timer.seconds[static_cast<size_t>(s)];
    const StepWork work = work_of(std::span(features).subspan(first, static_cast<size_t>(options.batch_size)),
                                  r.matmul_parameters, model.encoder_info());
    r.gflop_per_step += work.flops / 1e9 / static_cast<double>(options.steps);
    gflops.push_back(work.flops / seconds / 1e9);
    tokens_per_s.push_back(work.tokens / seconds);
  }
  const std::vector<double> measured(timer.seconds.begin() + kWarmup, timer.seconds.end());
  r.step_s = median(measured);
  r.step_s_min = *std::min_element(measured.begin(), measured.end());
  r.step_s_max = *std::max_element(measured.begin(), measured.end());
  r.real_gflops = median(gflops);
  r.tokens_per_s = median(tokens_per_s);
  r.examples_per_s = static_cast<double>(options.batch_size) / r.step_s;
  r.share_of_peak = r.real_gflops / r.peak_gflops;
  r.peak_rss_bytes = peak_rss_bytes();
  r.num_threads = pool.num_threads();
  r.isa = isa_name(options.dtype == DType::kBF16 ? kernels::table<Bf16>().isa : kernels::table<float>().isa);
  r.phases = make_phase_report(profile, pool.num_threads(), r.peak_gflops);
  return r;
}

Json bench_step_json(const BenchStepResult& r) {
  Json json = {{"peak_gflops", r.peak_gflops},
               {"real_gflops", r.real_gflops},
               {"share_of_peak", r.share_of_peak},
               {"examples_per_s", r.examples_per_s},
               {"tokens_per_s", r.tokens_per_s},
               {"peak_rss_bytes", r.peak_rss_bytes},
               {"gflop_per_step", r.gflop_per_step},
               {"step_s", r.step_s},
               {"step_s_min", r.step_s_min},
               {"step_s_max", r.step_s_max},
               {"matmul_parameters", r.matmul_parameters},
               {"num_threads", r.num_threads},
               {"isa", r.isa}};
  json.update(phase_report_json(r.phases));
  return json;
}

std::string bench_step_text(const BenchStepResult& r) {
  return fmt::format(
             "step            {:.3f} s (median; {:.3f} to {:.3f})\n"
             "examples/s      {:.1f}\n"
             "real tokens/s   {:.0f}\n"
             "real GFLOP/s    {:.1f}\n"
             "peak GFLOP/s    {:.1f} ({}, {} threads, measured in this run)\n"
             "share of peak   {:.1f} %\n"
             "peak memory     {}\n",
             r.step_s, r.step_s_min, r.step_s_max, r.examples_per_s, r.tokens_per_s, r.real_gflops, r.peak_gflops, r.isa,
             r.num_threads, 100 * r.share_of_peak, format_bytes(r.peak_rss_bytes)) +
         "\n" + phase_report_text(r.phases);
}

}  // namespace tilefit
