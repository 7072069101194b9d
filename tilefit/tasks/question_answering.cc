#include "tilefit/tasks/question_answering.h"

#include "tilefit/base/log.h"
#include "tilefit/tasks/squad_metrics.h"

namespace tilefit {
namespace {

Evaluation result_files(std::span<const QaExample> examples, std::span<const QaAnswer> answers, bool with_null_odds) {
  Evaluation out;
  out.files.push_back({"predictions.json", predictions_json(examples, answers)});
  out.files.push_back({"nbest_predictions.json", nbest_predictions_json(examples, answers)});
  if (with_null_odds) out.files.push_back({"null_odds.json", null_odds_json(examples, answers)});
  return out;
}

}  // namespace

void warn_of_oddities(const QaReadStats& stats, QaAnswers answers, const std::string& path) {
  if (stats.answers_outside > 0 && answers == QaAnswers::kRequired)
    log_warning("run_qa",
                "{}: {} of {} answers are not in the context at their answer_start; the labels follow answer_start", path,
                stats.answers_outside, stats.answers);
  if (stats.duplicate_ids > 0)
    log_warning("run_qa", "{}: {} of {} examples have an id that an earlier one has; result files keep the last of each",
                path, stats.duplicate_ids, stats.examples);
}

Evaluation predict_qa(std::span<const QaExample> examples, std::span<const QaFeature> features,
                      std::span<const QaLogits> logits, const QaPostprocessOptions& options, ThreadPool& pool) {
  return result_files(examples, postprocess_qa(examples, features, logits, options, pool), options.version_2_with_negative);
}

Evaluation evaluate_qa(std::span<const QaExample> examples, std::span<const QaFeature> features,
                       std::span<const QaLogits> logits, const QaPostprocessOptions& options, ThreadPool& pool) {
  const std::vector<QaAnswer> answers = postprocess_qa(examples, features, logits, options, pool);
  Evaluation out = result_files(examples, answers, options.version_2_with_negative);
  Predictions predictions;
  for (size_t i = 0; i < examples.size(); ++i) predictions.set(examples[i].id, answers[i].text);
  out.metrics = options.version_2_with_negative ? score_squad_v2(examples, predictions).metrics
                                                : score_squad_v1(examples, predictions).metrics;
  return out;
}

}  // namespace tilefit
