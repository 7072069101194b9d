#include "tilefit/tasks/squad_metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "tilefit/base/error.h"
#include "tilefit/tasks/python_text.h"

namespace tilefit {
namespace {

/// Words of a normalised text.
using Words = std::vector<std::string_view>;

/// Number of words that two texts have in common, each as often as both have it.
int64_t count_common(Words a, Words b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  int64_t common = 0;
  for (size_t i = 0, k = 0; i < a.size() && k < b.size();) {
    if (a[i] == b[k]) ++common, ++i, ++k;
    else if (a[i] < b[k]) ++i;
    else ++k;
  }
  return common;
}

/// F1 of two lists of words. The order of the operations is the evaluators'.
double f1_of(const Words& prediction, const Words& gold) {
  const auto common = static_cast<double>(count_common(prediction, gold));
  if (common == 0) return 0;
  const double precision = common / static_cast<double>(prediction.size());
  const double recall = common / static_cast<double>(gold.size());
  return (2 * precision * recall) / (precision + recall);
}

/// A text as the evaluators see it.
struct Normalized {
  explicit Normalized(std::string_view raw) : text(normalize_answer(raw)), words(python_split(text)) {}
  Normalized(const Normalized&) = delete;  // words refer to text
  Normalized& operator=(const Normalized&) = delete;
  std::string text;
  Words words;
};

void keep_best(QuestionScore& best, double exact, double f1) {
  best.exact = std::max(best.exact, exact);
  best.f1 = std::max(best.f1, f1);
}

QuestionScore score_v1(const QaExample& example, const std::string& prediction) {
  const Normalized predicted(prediction);
  QuestionScore best;
  for (const std::string& answer : example.answer_texts) {
    const Normalized gold(answer);
    keep_best(best, predicted.text == gold.text, f1_of(predicted.words, gold.words));
  }
  return best;
}

QuestionScore score_v2(const QaExample& example, const std::string& prediction) {
  const Normalized predicted(prediction);
  QuestionScore best;
  const auto compare = [&](const Normalized& gold) {
    const bool equal = predicted.text == gold.text;
    const bool one_empty = predicted.words.empty() || gold.words.empty();
    keep_best(best, equal, one_empty ? predicted.words.empty() && gold.words.empty() : f1_of(predicted.words, gold.words));
  };
  bool any = false;  // answers of which normalising leaves nothing do not count; without any the right answer is ""
  for (const std::string& answer : example.answer_texts) {
    const Normalized gold(answer);
    if (gold.text.empty()) continue;
    any = true;
    compare(gold);
  }
  if (!any) compare(Normalized(""));
  return best;
}

/// v2.0's score of some questions: percent and count.
struct Group {
  std::vector<QuestionScore> scores;

  void append_to(MetricList& metrics, const std::string& prefix) const {
    const auto total = static_cast<double>(scores.size());
    double exact = 0, f1 = 0;
    for (const QuestionScore& s : scores) exact += s.exact, f1 += s.f1;
    metrics.emplace_back(prefix + "exact", 100.0 * exact / total);
    metrics.emplace_back(prefix + "f1", 100.0 * f1 / total);
    metrics.emplace_back(prefix + "total", total);
  }
};

/// One question as the search for the best threshold sees it.
struct Candidate {
  double null_odds;
  bool has_answer, predicted_empty;
  QuestionScore score;
};

/// The best score over all thresholds on the null odds, and that threshold: questions in order of their odds turn from "no answer"
/// to the prediction one after the other. candidates: sorted. number: of scored questions.
std::pair<double, double> find_best_threshold(const std::vector<Candidate>& candidates, double no_answer_count,
                                              double number, double QuestionScore::*score) {
  double current = no_answer_count;
  double best = current, threshold = 0;
  for (const Candidate& c : candidates) {
    current += c.has_answer ? c.score.*score : c.predicted_empty ? 0.0 : -1.0;
    if (current > best) best = current, threshold = c.null_odds;
  }
  return {100.0 * best / number, threshold};
}

/// Whether a question of the data set has an answer, by id.
ById<bool> has_answer_by_id(std::span<const QaExample> examples) {
  ById<bool> has_answer;
  for (const QaExample& example : examples) has_answer.set(example.id, !example.is_impossible());
  return has_answer;
}

void append_best_thresholds(MetricList& metrics, const SquadScores& scores, const Predictions& predictions,
                            const ById<bool>& has_answer, const NullOdds* null_odds) {
  std::vector<Candidate> candidates;
  const auto add = [&](const std::string& id, double odds) {
    const QuestionScore* const score = scores.per_question.find(id);
    if (score) candidates.push_back({odds, *has_answer.find(id), predictions.find(id)->empty(), *score});
  };
  if (null_odds) {
    for (const auto& item : *null_odds) add(item.first, item.second);
  } else {
    for (const auto& item : predictions) add(item.first, 0.0);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.null_odds < b.null_odds; });
  const auto no_answer =
      static_cast<double>(std::count_if(has_answer.begin(), has_answer.end(), [](const auto& q) { return !q.second; }));
  const auto number = static_cast<double>(scores.per_question.size());
  const auto exact = find_best_threshold(candidates, no_answer, number, &QuestionScore::exact);
  const auto f1 = find_best_threshold(candidates, no_answer, number, &QuestionScore::f1);
  metrics.emplace_back("best_exact", exact.first);
  metrics.emplace_back("best_exact_thresh", exact.second);
  metrics.emplace_back("best_f1", f1.first);
  metrics.emplace_back("best_f1_thresh", f1.second);
}

}  // namespace

std::string normalize_answer(std::string_view text) {
  const std::string words = remove_articles(remove_punctuation(python_lower(text)));
  return fmt::format("{}", fmt::join(python_split(words), " "));
}

SquadScores score_squad_v1(std::span<const QaExample> examples, const Predictions& predictions) {
  if (examples.empty()) throw Error(Code::kFailed, "no examples to score", "tasks/squad_metrics");
  SquadScores out;
  double exact = 0, f1 = 0;
  for (const QaExample& example : examples) {
    if (example.is_impossible())
      throw Error(Code::kUsage, fmt::format("question '{}' has no answer", example.id), "tasks/squad_metrics",
                  "--version_2_with_negative");
    const std::string* const prediction = predictions.find(example.id);
    if (!prediction) {
      out.missing.push_back(example.id);
      continue;
    }
    const QuestionScore score = score_v1(example, *prediction);
    exact += score.exact;
    f1 += score.f1;
    out.per_question.set(example.id, score);
  }
  const auto total = static_cast<double>(examples.size());
  out.metrics = {{"exact_match", 100.0 * exact / total}, {"f1", 100.0 * f1 / total}};
  return out;
}

SquadScores score_squad_v2(std::span<const QaExample> examples, const Predictions& predictions,
                           const SquadV2Options& options) {
  SquadScores out;
  for (const QaExample& example : examples) {
    const std::string* const prediction = predictions.find(example.id);
    if (prediction) out.per_question.set(example.id, score_v2(example, *prediction));
    else out.missing.push_back(example.id);
  }
  if (out.per_question.size() == 0)
    throw Error(Code::kFailed, "no question of the data set has a prediction", "tasks/squad_metrics");

  const ById<bool> has_answer = has_answer_by_id(examples);
  Group all, answerable, impossible;
  for (const auto& question : out.per_question) {
    const bool has = *has_answer.find(question.first);
    QuestionScore score = question.second;
    double odds = 0;
    if (options.null_odds) {
      const double* const found = options.null_odds->find(question.first);
      if (!found)
        throw Error(Code::kFailed, fmt::format("question '{}' has no null odds", question.first), "tasks/squad_metrics");
      odds = *found;
    }
    if (odds > options.null_odds_threshold) score.exact = score.f1 = has ? 0 : 1;
    all.scores.push_back(score);
    (has ? answerable : impossible).scores.push_back(score);
  }
  all.append_to(out.metrics, "");
  if (!answerable.scores.empty()) answerable.append_to(out.metrics, "HasAns_");
  if (!impossible.scores.empty()) impossible.append_to(out.metrics, "NoAns_");
  if (options.best_thresholds) append_best_thresholds(out.metrics, out, predictions, has_answer, options.null_odds);
  return out;
}

}  // namespace tilefit
