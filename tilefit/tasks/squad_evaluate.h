// Scores files of predictions: what the official evaluators do as programs. Reads and scores; printing is the caller's.
#pragma once
#include <string>

#include "tilefit/tasks/squad_metrics.h"

namespace tilefit {

struct SquadEvaluateOptions {
  std::string predictions;               // JSON {id: text}, as eval_predictions.json
  std::string data;                      // any form that read_qa_examples reads; answer_start may be missing
  std::string null_odds;                 // JSON {id: number}, as eval_null_odds.json; "" for none
  double na_prob_thresh = 1.0;           // null odds above it: no answer
  bool version_2_with_negative = false;  // v2.0's scores; also chosen by null_odds, and by a question without answer
};

struct SquadEvaluation {
  MetricList metrics;  // the evaluator's keys; best thresholds only with null odds, as the program does
  bool is_v2 = false;
  std::vector<std::string> warnings;  // sentences: questions without a prediction, predictions without a question
};

/// Throws Error(kFailed) that names the file: unreadable, malformed, a prediction that is no text, odds that are no number.
SquadEvaluation evaluate_squad_files(const SquadEvaluateOptions& options);

}  // namespace tilefit
