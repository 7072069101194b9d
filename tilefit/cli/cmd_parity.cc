// `tilefit parity DIR`: a model's outputs and gradients against those a reference wrote for the same inputs.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tilefit/base/json.h"
#include "tilefit/cli/command.h"
#include "tilefit/cpu/topology.h"
#include "tilefit/models/parity.h"

namespace tilefit::cli {
namespace {

struct ParityFlags {
  std::vector<std::string> directory;
  std::string model, head;
  bool gradient_checkpointing = false, bf16 = false;
  OutputFlags output;

  template <class V>
  void visit(V& v) {
    v.positional("DIR", directory,
                 "Folder with inputs.safetensors, outputs.safetensors and grads.safetensors (or grads_small.safetensors).");
    v("model", model, "Folder with config.json and weights, when DIR has none.", Meta{"DIR"});
    v("head", head, "Safetensors file whose tensors replace parameters of the same names.", Meta{"FILE"});
    v("gradient_checkpointing", gradient_checkpointing, "Run backward with recomputed activations.");
    v("bf16", bf16, "Compute in bfloat16; the tolerances are wider.");
    output.visit(v);
  }
};

}  // namespace

int cmd_parity(Args args) {
  ParityFlags flags;
  FlagSet set;
  flags.visit(set);
  set.parse(args);
  ParityOptions options;
  options.directory = flags.directory.front();
  options.model = flags.model;
  options.head_weights = flags.head;
  options.recompute = flags.gradient_checkpointing;
  if (flags.bf16) {
    options.dtype = DType::kBF16;
    options.tolerances = ParityTolerances::bf16();
  }
  const ThreadPlan plan = plan_threads(read_topology(), std::getenv("OMP_NUM_THREADS"));
  ThreadPool pool(plan.num_threads, plan.cpus);
  const ParityReport report = run_parity(pool, options);
  const std::string text = flags.output.json() ? dump_json(parity_json(report), 2) + "\n" : parity_text(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return report.pass ? 0 : 1;
}

void flags_parity(FlagSet& set) { declare_flags<ParityFlags>(set); }

}  // namespace tilefit::cli
