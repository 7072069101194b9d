// tilefit evaluate: scores a file of predictions as the official SQuAD evaluators do.
#include <cstdio>
#include <string>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/base/log.h"
#include "tilefit/cli/command.h"
#include "tilefit/tasks/squad_evaluate.h"

namespace tilefit::cli {
namespace {

struct EvaluateFlags {
  SquadEvaluateOptions options;
  OutputFlags output;

  template <class V>
  void visit(V& v) {
    v("predictions", options.predictions, "Predictions as JSON {id: text}, such as eval_predictions.json.", Required{},
      Meta{"FILE"});
    v("data", options.data, "Data set with the right answers: SQuAD JSON, flat JSON, JSON lines or CSV, plain or gzip.",
      Required{}, Meta{"FILE"});
    v("null_odds", options.null_odds,
      "No-answer scores as JSON {id: number}, such as eval_null_odds.json: adds the best thresholds.", Meta{"FILE"},
      Alias{"na_prob_file"});
    v("na_prob_thresh", options.na_prob_thresh, "Above this no-answer score a question counts as not answered.");
    v("version_2_with_negative", options.version_2_with_negative,
      "Score as SQuAD v2.0 does. Implied by --null_odds and by questions without an answer.");
    output.visit(v);
  }
};

}  // namespace

int cmd_evaluate(Args args) {
  EvaluateFlags flags;
  FlagSet set;
  flags.visit(set);
  set.parse(args);
  const SquadEvaluation result = evaluate_squad_files(flags.options);
  for (const std::string& warning : result.warnings) log_warning("evaluate", "{}", warning);
  // The evaluators' own form: one line for v1.1, indented for v2.0.
  const std::string text = dump_json(metrics_json(result.metrics), result.is_v2 && !flags.output.json() ? 2 : -1) + "\n";
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error(Code::kEnvironment, "the results could not be written", "standard output");
  return 0;
}

void flags_evaluate(FlagSet& set) { declare_flags<EvaluateFlags>(set); }

}  // namespace tilefit::cli
