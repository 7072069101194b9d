// What every task hands to the trainer, and how a task is laid out. A task NAME is a set of files in this folder:
//   NAME_features.h     examples -> token windows with labels
//   NAME_postprocess.h  logits -> predictions
//   NAME.h              loading with warnings, and an evaluate function that returns an Evaluation
// Question answering (question_answering.h) is the pattern. The trainer knows tasks; tasks know nothing of training.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tilefit/base/json_fwd.h"

namespace tilefit {

/// Names and values in the order in which Hugging Face's metric returns them, without a prefix such as "eval_".
using MetricList = std::vector<std::pair<std::string, double>>;

/// A result file; the trainer puts "eval_" or "predict_" before the name.
struct ResultFile {
  std::string name, text;
};

/// What evaluation or prediction yields.
struct Evaluation {
  MetricList metrics;  // empty where there are no labels to compare with
  std::vector<ResultFile> files;
};

/// The metrics as a JSON object; counts ("total", "HasAns_total") are whole numbers, as in Python.
Json metrics_json(const MetricList& metrics);

}  // namespace tilefit
