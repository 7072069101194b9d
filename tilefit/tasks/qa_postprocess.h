// From start and end logits to answers: postprocess_qa_predictions of utils_qa.py (transformers 4.24), and the texts of the files
// that it writes. Scores, odds and probabilities are computed in float32 in numpy's order, so that the files agree digit by digit.
// Only positions with equal logits may be ordered differently (numpy's order of those depends on the CPU): the later one is first here.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tilefit/cpu/thread_pool.h"
#include "tilefit/data/qa_examples.h"
#include "tilefit/tasks/qa_features.h"

namespace tilefit {

/// What the model says about one feature: a start and an end logit for each token. Positions past the feature's tokens (padding) may
/// be there; they never answer, but may take places among the best, as in run_qa.py.
struct QaLogits {
  std::span<const float> start, end;
};

struct QaPostprocessOptions {
  bool version_2_with_negative = false;  // questions may have no answer
  int n_best_size = 20;                  // best start and end positions combined, and candidates kept for a question
  int max_answer_length = 30;            // tokens
  double null_score_diff_threshold = 0;  // null_odds above it: no answer
};

/// One of a question's best candidates.
struct QaCandidate {
  std::string text;
  float start_logit = 0, end_logit = 0;
  double probability = 0;       // among the candidates of the question
  bool is_placeholder = false;  // the "empty" answer that stands in where no span is possible
  int32_t begin = 0, end = 0;   // code points of the context; both 0 for "no answer" and the placeholder
};

/// The answer to one question.
struct QaAnswer {
  std::string text;  // "" with version_2_with_negative: no answer
  std::vector<QaCandidate> n_best;
  double null_odds = 0;  // score of "no answer" minus that of the best span; with version_2_with_negative only
};

/// Answers of all examples. features need offsets; logits: one entry per feature, at least as long as the feature. Where
/// utils_qa.py would fail (with version_2_with_negative: an example without features, or with empty spans only) the placeholder
/// stands in. Throws Error(kUsage) for an n_best_size or max_answer_length below 1.
std::vector<QaAnswer> postprocess_qa(std::span<const QaExample> examples, std::span<const QaFeature> features,
                                     std::span<const QaLogits> logits, const QaPostprocessOptions& options,
                                     ThreadPool& pool);

/// Texts of eval_predictions.json, eval_nbest_predictions.json and eval_null_odds.json, final newline included.
std::string predictions_json(std::span<const QaExample> examples, std::span<const QaAnswer> answers);
std::string nbest_predictions_json(std::span<const QaExample> examples, std::span<const QaAnswer> answers);
std::string null_odds_json(std::span<const QaExample> examples, std::span<const QaAnswer> answers);

}  // namespace tilefit
