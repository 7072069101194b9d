// The benchmarks run briefly: what they report must add up, whatever the machine's speed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/bench/bandwidth.h"
#include "tilefit/bench/bench_report.h"
#include "tilefit/bench/kernel_cases.h"
#include "tilefit/kernels/dispatch.h"

namespace tilefit {
namespace {

using test::error_message;
using ::testing::HasSubstr;

BenchStepOptions short_step(const std::string& config) {
  BenchStepOptions options;
  options.config = config;
  options.batch_size = 4;
  options.steps = 2;
  options.max_seq_length = 32;
  return options;
}

class Bench : public ::testing::Test {
 protected:
  /// A model of one small layer.
  std::string tiny() {
    write_file_atomic(directory_ / "config.json",
                      R"({"model_type": "distilbert", "dim": 64, "n_heads": 2, "n_layers": 1, "hidden_dim": 128,
                          "dropout": 0.1, "attention_dropout": 0.1, "qa_dropout": 0.1, "activation": "gelu",
                          "vocab_size": 100, "max_position_embeddings": 64, "initializer_range": 0.02})");
    return directory_ / "";
  }

  test::TempDir directory_;
  ThreadPool pool_{2};
  BenchMachine machine_ = read_bench_machine();
};

TEST_F(Bench, StepSharesAddUpAndFlopsAreThoseOfTheStep) {
  const BenchStepResult r = bench_step(pool_, short_step(tiny()));
  double shares = r.phases.idle_share + r.phases.other_share, flops = 0;
  std::set<std::string> names;
  for (const PhaseRow& row : r.phases.rows) {
    shares += row.share;
    flops += row.gflops * row.seconds;
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_GT(row.seconds, 0) << row.name;
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_EQ(r.phases.steps, 2);
  for (const char* name : {"qkv forward",
                           "qkv dgrad",
                           "qkv wgrad",
                           "attention_out forward",
                           "ffn_in wgrad",
                           "ffn_out dgrad",
                           "qa_head forward",
                           "attention forward",
                           "attention backward",
                           "layer norm forward",
                           "layer norm backward",
                           "dropout",
                           "embedding forward",
                           "embedding backward",
                           "cross-entropy",
                           "zero gradients",
                           "gradient norm",
                           "optimizer",
                           "batch",
                           "leaf sum"})
    EXPECT_EQ(names.count(name), 1u) << name;
  EXPECT_NEAR(flops / r.gflop_per_step, 1, 1e-6) << "the phases' products are all that the step's formula counts";
  EXPECT_THAT(bench_step_text(r), HasSubstr("ffn_out dgrad"));

  const Json json = bench_step_json(r);
  for (const char* key :
       {"peak_gflops", "real_gflops", "share_of_peak", "examples_per_s", "step_s", "phases", "idle", "other"})
    EXPECT_TRUE(json.contains(key)) << key;
  for (const Json& phase : json["phases"]) {
    for (const char* key : {"name", "category", "seconds", "share", "calls"}) EXPECT_TRUE(phase.contains(key)) << phase;
    const bool product = phase["category"] == "gemm" || phase["category"] == "attention";
    EXPECT_EQ(phase.contains("gflops"), product) << phase;
    EXPECT_EQ(phase.contains("share_of_peak"), product) << phase;
  }
}

TEST_F(Bench, StepNeedsAsManyFeaturesAsABatchHas) {
  write_file_atomic(directory_ / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwho\nada\n");
  write_file_atomic(
      directory_ / "data.jsonl",
      R"({"id": "1", "question": "who", "context": "ada", "answers": {"text": ["ada"], "answer_start": [0]}})");
  BenchStepOptions options = short_step(tiny());
  options.data = directory_ / "data.jsonl";
  options.doc_stride = 8;
  options.tokenizer = directory_ / "";
  EXPECT_THAT(error_message([&] { bench_step(pool_, options); }), HasSubstr("has only 1 features"));
}

TEST_F(Bench, KernelsOnEveryInstructionSetLeaveTheTableAsItWas) {
  const Isa before = kernels::table<Bf16>().isa;
  BenchKernelsOptions options;
  options.filter = "dropout/distilbert*/bfloat16";
  options.seconds = 0;
  const BenchKernelsResult r = bench_kernels(pool_, machine_, options);
  EXPECT_EQ(kernels::table<Bf16>().isa, before);
  size_t supported = 0;
  for (const Isa isa : kernels::available_isas()) supported += isa_supported(isa);
  ASSERT_EQ(r.rows.size(), supported);
  // Those that add bf16 instructions alone have no float kernels of their own.
  const size_t with_float = r.peaks.size() - supported;
  EXPECT_GE(with_float, 1u);
  for (size_t i = 0; i < supported; ++i) {
    EXPECT_EQ(r.rows[i].kernel, "dropout");
    EXPECT_EQ(r.rows[i].dtype, "bfloat16");
    EXPECT_EQ(r.peaks[with_float + i].dtype, "bfloat16");
    EXPECT_EQ(r.rows[i].isa, r.peaks[with_float + i].isa);
    EXPECT_EQ(r.rows[i].runs, 1);
    EXPECT_NEAR(r.rows[i].share, r.rows[i].gb_s / r.bandwidth_gb_s, 1e-9);
    EXPECT_NEAR(r.rows[i].gflops, r.rows[i].gb_s * r.rows[i].intensity, 1e-9 * r.rows[i].gflops);
    EXPECT_GT(r.peaks[i].gflops, 0.1);
  }
  EXPECT_GT(r.l2_gb_s, 0.1);
  EXPECT_EQ(bench_kernels_json(r, machine_)["rows"].size(), supported);
  EXPECT_THAT(bench_kernels_text(r, machine_), HasSubstr("dropout"));

  options.filter = "no_such_kernel";
  EXPECT_THAT(error_message([&] { bench_kernels(pool_, machine_, options); }),
              HasSubstr("no kernel fits --filter 'no_such_kernel'"));
}

TEST_F(Bench, EveryKernelOfTheTableIsACase) {
  std::set<std::string> kernels;
  for (const KernelCase& c : kernel_cases<float>(pool_)) {
    kernels.insert(c.kernel);
    EXPECT_GT(c.bytes, 0) << c.kernel;
    EXPECT_EQ(c.dtype, "float32");
    EXPECT_EQ(c.compute_bound, c.kernel.starts_with("gemm") || c.kernel.starts_with("attention")) << c.kernel;
  }
  EXPECT_THAT(kernels, ::testing::IsSupersetOf({"gemm_forward", "gemm_dgrad", "gemm_wgrad", "pack", "attention_forward",
                                                "attention_backward", "dropout", "layer_norm_forward", "layer_norm_backward",
                                                "embedding_forward", "embedding_backward", "adamw", "sgd", "add",
                                                "block_sums_of_squares"}));
}

TEST_F(Bench, DataOfMadeUpTextHasSquadsLengths) {
  BenchDataOptions options;
  options.seconds = 0;
  const BenchDataResult r = bench_data(pool_, options);
  EXPECT_TRUE(r.made_up);
  EXPECT_GE(r.features, r.examples);
  EXPECT_NEAR(static_cast<double>(r.tokens) / static_cast<double>(r.features), 174, 40);
  EXPECT_GT(r.features_per_s_per_core, 0);
  EXPECT_NEAR(r.tokens_per_s / r.features_per_s, static_cast<double>(r.tokens) / static_cast<double>(r.features), 1e-6);
  const Json json = bench_data_json(r);
  for (const char* key : {"features_per_s", "features_per_s_per_core", "tokens_per_s"})
    EXPECT_TRUE(json.contains(key)) << key;

  options.data = "questions.json";
  EXPECT_THAT(error_message([&] { bench_data(pool_, options); }), HasSubstr("--data needs a tokenizer"));
}

TEST_F(Bench, ReportHasItsKeysAndThePictureADotForEveryDrawnRow) {
  BenchReportOptions options;
  options.out = directory_ / "report";
  options.kernels.filter = "ad*/n";
  options.kernels.seconds = 0;
  options.configs = {tiny()};
  options.step = short_step("");
  options.data.seconds = 0;
  bench_report(pool_, machine_, options);
  const Json report = read_json_file(options.out + "/tilefit-report.json");
  for (const char* key : {"format", "date", "versions", "machine", "kernels", "steps", "data"})
    EXPECT_TRUE(report.contains(key)) << key;
  for (const char* key : {"machine", "peak_gflops", "bandwidth_gb_s", "l2_gb_s", "rows"})
    EXPECT_TRUE(report["kernels"].contains(key)) << key;
  for (const char* key : {"kernel", "isa", "dtype", "shape", "gflops", "gb_s", "share"})
    EXPECT_TRUE(report["kernels"]["rows"][0].contains(key)) << key;
  EXPECT_EQ(report["steps"][0]["config"], tiny());
  EXPECT_FALSE(report["steps"][0]["phases"].empty());
  EXPECT_EQ(report["steps"][0]["dtype"], "float32");
  EXPECT_EQ(report["steps"][1]["dtype"], "bfloat16");

  const std::string svg = read_file(options.out + "/roofline.svg");
  size_t dots = 0;
  for (size_t at = svg.find("class=\"dot\""); at != std::string::npos; at = svg.find("class=\"dot\"", at + 1)) ++dots;
  EXPECT_EQ(dots, 2u) << "add and adamw on the best instruction set";
}

}  // namespace
}  // namespace tilefit
