// tilefit predict: answers questions with a trained model, from the command line or from a file.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/base/log.h"
#include "tilefit/cli/command.h"
#include "tilefit/cpu/topology.h"
#include "tilefit/data/qa_examples.h"
#include "tilefit/train/predict_qa.h"

namespace tilefit::cli {
namespace {

constexpr double kMostTokens = 1 << 20;

struct PredictFlags {
  std::string model;
  std::optional<std::string> question, context, input;
  PredictOptions options;
  bool bf16 = false;
  std::optional<int> num_threads;
  OutputFlags output;

  template <class V>
  void visit(V& v) {
    v("model", model, "Folder of a trained model (what run_qa wrote), or a model id of the hub.", Required{}, Meta{"MODEL"},
      Alias{"model_name_or_path"});
    v("question", question, "One question; with --context.");
    v("context", context, "The text that may hold its answer.");
    v("input", input, "Questions and contexts as JSON lines, JSON or CSV; - reads standard input.", Meta{"FILE"});
    v("max_seq_length", options.max_seq_length, "Tokens of one window; longer contexts are read in several.",
      Range{1, kMostTokens});
    v("doc_stride", options.doc_stride, "Tokens that neighbouring windows share.", Range{0, kMostTokens});
    v("batch_size", options.batch_size, "Windows computed together.", Range{1, kMostTokens});
    v("version_2_with_negative", options.postprocess.version_2_with_negative, "A question may have no answer.");
    v("null_score_diff_threshold", options.postprocess.null_score_diff_threshold,
      "Answer with nothing when its score exceeds the best answer's by more than this.");
    v("n_best_size", options.postprocess.n_best_size, "Candidates listed under nbest.", Range{1, kMostTokens});
    v("max_answer_length", options.postprocess.max_answer_length, "Longest answer in tokens.", Range{1, kMostTokens});
    v("bf16", bf16, "Compute in bfloat16.");
    v("num_threads", num_threads, "Compute threads; else OMP_NUM_THREADS, else one per physical core.", Range{1, 4000});
    output.visit(v);
  }
};

std::vector<QaExample> read_questions(const PredictFlags& flags) {
  if (flags.input.has_value() == (flags.question || flags.context))
    throw Error(Code::kUsage, "predict takes either --question and --context, or --input", "",
                "tilefit predict --model DIR --question Q --context C");
  if (!flags.input) {
    if (!flags.question || !flags.context)
      throw Error(Code::kUsage, flags.question ? "--question needs a --context" : "--context needs a --question");
    QaExample example;
    example.id = "0";
    example.question = *flags.question;
    example.context = *flags.context;
    return {example};
  }
  QaReadOptions options;
  options.answers = QaAnswers::kOptional;
  if (*flags.input != "-") return read_qa_examples(*flags.input, options);
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  return parse_qa_examples(text, "standard input", options);
}

}  // namespace

int cmd_predict(Args args) {
  PredictFlags flags;
  FlagSet set;
  flags.visit(set);
  set.parse(args);
  set_log_level(LogLevel::kWarning);  // the answers are what is asked for
  const std::vector<QaExample> examples = read_questions(flags);
  const ThreadPlan threads = plan_threads(
      read_topology(), flags.num_threads ? std::to_string(*flags.num_threads).c_str() : std::getenv("OMP_NUM_THREADS"));
  ThreadPool pool(threads.num_threads, threads.cpus);
  if (flags.bf16) flags.options.dtype = DType::kBF16;
  const std::vector<QaAnswer> answers = QaPredictor(flags.model).answer(examples, flags.options, pool);
  for (size_t i = 0; i < examples.size(); ++i) {
    const std::string line =
        flags.output.json()
            ? dump_json(prediction_json(examples[i], answers[i], flags.options.postprocess.n_best_size), -1) + "\n"
            : prediction_text(examples[i], answers[i]);
    std::fwrite(line.data(), 1, line.size(), stdout);
  }
  return 0;
}

void flags_predict(FlagSet& set) { declare_flags<PredictFlags>(set); }

}  // namespace tilefit::cli
