#include "tilefit/tasks/squad_evaluate.h"

#include <fmt/format.h>

#include <algorithm>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

/// Reads {id: value}. take: turns a value into T, or returns nothing.
template <class T, class Take>
ById<T> read_by_id(const std::string& path, const char* expected, const char* try_this, Take&& take) {
  const Json json = read_json_file(path);
  if (!json.is_object())
    throw Error(Code::kFailed, fmt::format("is of type {}, expected an object of {} by id", json.type_name(), expected),
                path, try_this);
  ById<T> out;
  for (auto it = json.begin(); it != json.end(); ++it) {
    const std::optional<T> value = take(it.value());
    if (!value)
      throw Error(Code::kFailed,
                  fmt::format("the value of '{}' is of type {}, expected {}", it.key(), it.value().type_name(), expected),
                  path, try_this);
    out.set(it.key(), *value);
  }
  return out;
}

Predictions read_predictions(const std::string& path) {
  return read_by_id<std::string>(path, "texts", "eval_predictions.json of a run", [](const Json& value) {
    return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
  });
}

NullOdds read_null_odds(const std::string& path) {
  return read_by_id<double>(path, "numbers", "eval_null_odds.json of a run", [](const Json& value) {
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
  });
}

std::vector<std::string> warnings_of(const SquadScores& scores, const std::vector<QaExample>& examples,
                                     const Predictions& predictions, bool is_v2) {
  std::vector<std::string> warnings;
  if (!scores.missing.empty())
    warnings.push_back(fmt::format("{} of {} questions have no prediction ({} the first) and {}", scores.missing.size(),
                                   examples.size(), scores.missing.front(),
                                   is_v2 ? "are left out of all totals" : "count 0"));
  const size_t strangers = predictions.size() - scores.per_question.size();
  if (strangers > 0) warnings.push_back(fmt::format("{} predictions are for questions that the data set lacks", strangers));
  return warnings;
}

}  // namespace

SquadEvaluation evaluate_squad_files(const SquadEvaluateOptions& options) {
  const std::vector<QaExample> examples = read_qa_examples(options.data, {QaAnswers::kTextsOnly, {}});
  const Predictions predictions = read_predictions(options.predictions);
  const bool has_odds = !options.null_odds.empty();
  const NullOdds null_odds = has_odds ? read_null_odds(options.null_odds) : NullOdds();

  SquadEvaluation out;
  out.is_v2 = options.version_2_with_negative || has_odds ||
              std::any_of(examples.begin(), examples.end(), [](const QaExample& e) { return e.is_impossible(); });
  const SquadScores scores =
      out.is_v2 ? score_squad_v2(examples, predictions, {has_odds ? &null_odds : nullptr, options.na_prob_thresh, has_odds})
                : score_squad_v1(examples, predictions);
  out.metrics = scores.metrics;
  out.warnings = warnings_of(scores, examples, predictions, out.is_v2);
  return out;
}

}  // namespace tilefit
