// The question-answering task: load a data set with its warnings, and turn logits into scores and result files as run_qa.py does.
// Parts: data/qa_examples (files), qa_features (windows), qa_postprocess (answers), squad_metrics (scores).
#pragma once
#include <span>
#include <string>
#include <vector>

#include "tilefit/data/qa_examples.h"
#include "tilefit/tasks/qa_postprocess.h"
#include "tilefit/tasks/task.h"

namespace tilefit {

/// A line in the log for each oddity of a data set: training answers that are not where answer_start says, ids that come twice.
void warn_of_oddities(const QaReadStats& stats, QaAnswers answers, const std::string& path);

/// Answers of all examples as files: predictions.json, nbest_predictions.json and, with version_2_with_negative, null_odds.json.
/// Arguments as postprocess_qa's.
Evaluation predict_qa(std::span<const QaExample> examples, std::span<const QaFeature> features,
                      std::span<const QaLogits> logits, const QaPostprocessOptions& options, ThreadPool& pool);

/// The same with scores: Hugging Face's `squad` metric, or `squad_v2` with version_2_with_negative. run_qa.py gives the latter no odds,
/// so its best thresholds are 0. Throws Error as score_squad_v1 and score_squad_v2 do.
Evaluation evaluate_qa(std::span<const QaExample> examples, std::span<const QaFeature> features,
                       std::span<const QaLogits> logits, const QaPostprocessOptions& options, ThreadPool& pool);

}  // namespace tilefit
