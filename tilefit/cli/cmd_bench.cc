// `tilefit bench step`: the speed of a whole training step as a share of the machine's peak in the same run.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/cli/command.h"
#include "tilefit/cpu/topology.h"
#include "tilefit/train/bench_step.h"

namespace tilefit::cli {
namespace {

struct BenchFlags {
  std::vector<std::string> what;
  BenchStepOptions step;
  std::string lengths;
  bool bf16 = false;
  OutputFlags output;

  template <class V>
  void visit(V& v) {
    v.positional("WHAT", what, "What to measure: step.");
    v("config", step.config, "distilbert-base, minilm-l6, bert-base, or a directory with config.json; weights are random.",
      Meta{"NAME|DIR"});
    v("data", step.data, "Question-answering file to take the batches from.", Meta{"FILE"});
    v("tokenizer_name", step.tokenizer, "Directory of the tokenizer for --data.", Meta{"DIR"});
    v("lengths", lengths, "Without --data: draw sequence lengths from this histogram (the default).", OneOf{"squad"});
    v("batch_size", step.batch_size, "Examples per step.", Range{1, 65536}, Alias{"per_device_train_batch_size"});
    v("steps", step.steps, "Measured steps, after two that are not.", Range{1, 1000000});
    v("max_seq_length", step.max_seq_length, "Most tokens of a sequence.", Range{8, 65536});
    v("doc_stride", step.doc_stride, "Tokens that windows of a long context share.", Range{0, 65536});
    v("dropout", step.dropout, "Dropout as the configuration says; --no_dropout switches it off.");
    v("bf16", bf16, "Compute in bfloat16.");
    output.visit(v);
  }
};

}  // namespace

int cmd_bench(Args args) {
  BenchFlags flags;
  FlagSet set;
  flags.visit(set);
  set.parse(args);
  if (flags.what.front() != "step")
    throw Error(Code::kUsage, "unknown benchmark '" + flags.what.front() + "'", "bench", "tilefit bench step");
  if (!flags.lengths.empty() && !flags.step.data.empty())
    throw Error(Code::kUsage, "--lengths and --data exclude each other", "bench step", "one of the two");
  flags.step.dtype = flags.bf16 ? DType::kBF16 : DType::kF32;
  const ThreadPlan plan = plan_threads(read_topology(), std::getenv("OMP_NUM_THREADS"));
  ThreadPool pool(plan.num_threads, plan.cpus);
  const BenchStepResult result = bench_step(pool, flags.step);
  const std::string text = flags.output.json() ? dump_json(bench_step_json(result), 2) + "\n" : bench_step_text(result);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

void flags_bench(FlagSet& set) { declare_flags<BenchFlags>(set); }

}  // namespace tilefit::cli
