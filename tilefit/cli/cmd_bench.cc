// `tilefit bench step|kernels|data|report`: the speed of training steps, of kernels and of data preparation on this machine, next to the peak
// and the bandwidth measured in the same run.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/bench/bench_report.h"
#include "tilefit/cli/command.h"

namespace tilefit::cli {
namespace {

struct BenchFlags {
  std::vector<std::string> what;
  BenchStepOptions step;
  BenchKernelsOptions kernels;
  std::string lengths;
  std::string out = ".";
  bool bf16 = false;
  OutputFlags output;

  template <class V>
  void visit(V& v) {
    v.positional(
        "WHAT", what,
        "What to measure: step (a training step and its phases), kernels (each kernel on each instruction set), data "
        "(tokenising), report (all of them, into files).");
    v.group("step, data and report");
    v("config", step.config,
      "step: distilbert-base, minilm-l6, bert-base, or a directory with config.json; weights are random.", Meta{"NAME|DIR"});
    v("data", step.data, "Question-answering file to take the batches from; else made-up ones.", Meta{"FILE"});
    v("tokenizer_name", step.tokenizer, "Directory of the tokenizer for --data.", Meta{"DIR"});
    v("lengths", lengths, "Without --data: draw sequence lengths from this histogram (the default).", OneOf{"squad"});
    v("batch_size", step.batch_size, "Examples per step.", Range{1, 65536}, Alias{"per_device_train_batch_size"});
    v("steps", step.steps, "Measured steps, after two that are not.", Range{1, 1000000});
    v("max_seq_length", step.max_seq_length, "Most tokens of a sequence.", Range{8, 65536});
    v("doc_stride", step.doc_stride, "Tokens that windows of a long context share.", Range{0, 65536});
    v("dropout", step.dropout, "Dropout as the configuration says; --no_dropout switches it off.");
    v("bf16", bf16, "step: compute in bfloat16; report does both.");
    v.group("kernels and report");
    v("filter", kernels.filter, "Only kernels that this pattern fits; names are kernel/shape/isa/dtype.", Meta{"GLOB"});
    v("seconds", kernels.seconds, "Time to measure each kernel, shape and instruction set for; at least one run.",
      Range{0, 3600});
    v("out", out, "report: directory for tilefit-report.json and roofline.svg.", Meta{"DIR"});
    v.group("result");
    output.visit(v);
  }

  BenchDataOptions data() const {
    BenchDataOptions options;
    options.data = step.data;
    options.tokenizer = step.tokenizer;
    options.max_seq_length = step.max_seq_length;
    options.doc_stride = step.doc_stride;
    return options;
  }
};

void print(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}

void print_result(const BenchFlags& flags, const Json& json, const std::string& text) {
  print(stdout, flags.output.json() ? dump_json(json, 2) + "\n" : text);
}

void run_step(const BenchFlags& flags, ThreadPool& pool, const BenchMachine&) {
  const BenchStepResult result = bench_step(pool, flags.step);
  print_result(flags, bench_step_json(result), bench_step_text(result));
}

void run_kernels(const BenchFlags& flags, ThreadPool& pool, const BenchMachine& machine) {
  const BenchKernelsResult result = bench_kernels(pool, machine, flags.kernels);
  print_result(flags, bench_kernels_json(result, machine), bench_kernels_text(result, machine));
}

void run_data(const BenchFlags& flags, ThreadPool& pool, const BenchMachine&) {
  const BenchDataResult result = bench_data(pool, flags.data());
  print_result(flags, bench_data_json(result), bench_data_text(result));
}

void run_report(const BenchFlags& flags, ThreadPool& pool, const BenchMachine& machine) {
  BenchReportOptions options;
  options.out = flags.out;
  options.kernels = flags.kernels;
  options.step = flags.step;
  options.data = flags.data();
  options.progress = [](std::string_view line) { print(stderr, "measuring " + std::string(line)); };
  const Json report = bench_report(pool, machine, options);
  std::string text = machine_text(machine) + "\n";
  for (const Json& step : report["steps"])
    text += fmt::format("{:<18}{:<10}{:8.1f} examples/s, {:.1f} % of the peak\n", step["config"].get<std::string>(),
                        step["dtype"].get<std::string>(), step["examples_per_s"].get<double>(),
                        100 * step["share_of_peak"].get<double>());
  text += fmt::format("{:<28}{:8.0f} features/s\n{}/tilefit-report.json\n{}/roofline.svg\n", "data",
                      report["data"]["features_per_s"].get<double>(), flags.out, flags.out);
  print_result(flags, report, text);
}

struct Benchmark {
  const char* name;
  void (*run)(const BenchFlags& flags, ThreadPool& pool, const BenchMachine& machine);
};
constexpr Benchmark kBenchmarks[] = {
    {"step", run_step}, {"kernels", run_kernels}, {"data", run_data}, {"report", run_report}};

}  // namespace

int cmd_bench(Args args) {
  BenchFlags flags;
  FlagSet set;
  flags.visit(set);
  set.parse(args);
  const Benchmark* chosen = nullptr;
  for (const Benchmark& benchmark : kBenchmarks)
    if (flags.what.front() == benchmark.name) chosen = &benchmark;
  if (!chosen)
    throw Error(Code::kUsage, "unknown benchmark '" + flags.what.front() + "'", "bench",
                "tilefit bench step, kernels, data or report");
  if (!flags.lengths.empty() && !flags.step.data.empty())
    throw Error(Code::kUsage, "--lengths and --data exclude each other", "bench step", "one of the two");
  flags.step.dtype = flags.bf16 ? DType::kBF16 : DType::kF32;
  const BenchMachine machine = read_bench_machine();
  ThreadPool pool(machine.threads.num_threads, machine.threads.cpus);
  chosen->run(flags, pool, machine);
  return 0;
}

void flags_bench(FlagSet& set) { declare_flags<BenchFlags>(set); }

}  // namespace tilefit::cli
