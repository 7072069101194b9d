// The official SQuAD scores: the v1.1 and v2.0 evaluators' results to the last digit (double arithmetic in the same order).
// Sources: evaluate-v1.1.py and evaluate-v2.0.py of the SQuAD explorer; the `squad` and `squad_v2` metrics of Hugging Face give
// the same keys. Works on texts alone: it knows nothing of models or files.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tilefit/data/qa_examples.h"
#include "tilefit/tasks/task.h"

namespace tilefit {

/// Values by question id, in the order of a JSON file (v2.0's best thresholds depend on it where values are equal).
template <class T>
class ById {
 public:
  /// Sets the value of an id; a second one takes the place of the first, as in a Python dictionary.
  void set(std::string id, T value) {
    const auto [it, added] = index_.try_emplace(id, items_.size());
    if (added) items_.emplace_back(std::move(id), std::move(value));
    else items_[it->second].second = std::move(value);
  }

  /// nullptr when there is none.
  const T* find(const std::string& id) const {
    const auto it = index_.find(id);
    return it == index_.end() ? nullptr : &items_[it->second].second;
  }

  size_t size() const noexcept { return items_.size(); }
  auto begin() const noexcept { return items_.begin(); }
  auto end() const noexcept { return items_.end(); }

 private:
  std::vector<std::pair<std::string, T>> items_;
  std::unordered_map<std::string, size_t> index_;
};

using Predictions = ById<std::string>;  ///< answer texts; "" says that there is no answer
using NullOdds = ById<double>;

/// Scores of one question.
struct QuestionScore {
  double exact = 0, f1 = 0;
};

struct SquadScores {
  MetricList metrics;
  std::vector<std::string> missing;  ///< ids of the data set without a prediction
  ById<QuestionScore> per_question;  ///< before any threshold
};

/// Lower case, no punctuation, no articles, single spaces: what both evaluators compare.
std::string normalize_answer(std::string_view text);

/// v1.1: {exact_match, f1} in percent. A question without a prediction counts 0. Throws Error(kFailed) when there are no examples,
/// and Error(kUsage) when one has no answer (that takes v2.0).
SquadScores score_squad_v1(std::span<const QaExample> examples, const Predictions& predictions);

struct SquadV2Options {
  const NullOdds* null_odds = nullptr;  ///< no-answer scores; absent: 0 for each prediction
  double null_odds_threshold = 1.0;     ///< above it a question counts as answered by ""
  bool best_thresholds = true;          ///< add best_exact, best_exact_thresh, best_f1, best_f1_thresh
};

/// v2.0: {exact, f1, total, HasAns_exact, HasAns_f1, HasAns_total, NoAns_exact, NoAns_f1, NoAns_total, best_exact,
/// best_exact_thresh, best_f1, best_f1_thresh}; a group without questions is left out. Questions without a prediction are left
/// out of all totals, as the evaluator does. Throws Error(kFailed): no example has a prediction, null_odds lacks a predicted id.
SquadScores score_squad_v2(std::span<const QaExample> examples, const Predictions& predictions,
                           const SquadV2Options& options = {});

}  // namespace tilefit
