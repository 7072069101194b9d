// The evaluators against results of the official programs, and their corners.
#include "tilefit/tasks/squad_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tilefit/tasks/qa_test_support.h"

namespace tilefit {
namespace {

using test::error_message;
using testing::HasSubstr;

Predictions read_predictions(const Json& json) {
  Predictions out;
  for (auto it = json.begin(); it != json.end(); ++it) out.set(it.key(), it.value().get<std::string>());
  return out;
}

NullOdds read_null_odds(const Json& json) {
  NullOdds out;
  for (auto it = json.begin(); it != json.end(); ++it) out.set(it.key(), it.value().get<double>());
  return out;
}

/// Every value of `expected` is there, in this order, with the same bits.
void expect_metrics(const MetricList& metrics, const Json& expected) {
  ASSERT_EQ(metrics.size(), expected.size());
  size_t i = 0;
  for (auto it = expected.begin(); it != expected.end(); ++it, ++i) {
    EXPECT_EQ(metrics[i].first, it.key());
    EXPECT_EQ(metrics[i].second, it.value().get<double>()) << it.key();
  }
}

QaExample example(std::string id, std::vector<std::string> answers) {
  std::vector<int64_t> starts(answers.size());
  return test::qa_example(std::move(id), "", "", std::move(answers), std::move(starts));
}

TEST(SquadMetrics, NormalizesAsTheEvaluatorsDo) {
  EXPECT_EQ(normalize_answer("  The Quick, Brown  fox! "), "quick brown fox");
  EXPECT_EQ(normalize_answer("an A THE"), "");
  EXPECT_EQ(normalize_answer("U.S. Army"), "us army");
  EXPECT_EQ(normalize_answer("the-end"), "theend");  // punctuation goes before articles
  EXPECT_EQ(normalize_answer("\xC3\x89t\xC3\xA9\xC2\xA0"
                             "a"),
            "\xC3\xA9t\xC3\xA9");  // no-break space splits
  EXPECT_EQ(normalize_answer("\xE2\x80\x9C"
                             "the\xE2\x80\x9D"),
            "\xE2\x80\x9C \xE2\x80\x9D");  // other quotes are no punctuation here
}

TEST(SquadMetrics, ScoresTheBestOfSeveralAnswers) {
  const std::vector<QaExample> examples = {example("q", {"Denver", "the Denver Broncos", "Broncos of Denver in Colorado"})};
  Predictions predictions;
  predictions.set("q", "Denver Broncos");
  const SquadScores scores = score_squad_v1(examples, predictions);
  EXPECT_EQ(scores.metrics, (MetricList{{"exact_match", 100.0}, {"f1", 100.0}}));
}

TEST(SquadMetrics, CountsRepeatedWordsAsOftenAsBothHaveThem) {
  const std::vector<QaExample> examples = {example("q", {"x x y"})};
  Predictions predictions;
  predictions.set("q", "x x x z");
  const double precision = 2.0 / 4, recall = 2.0 / 3;
  EXPECT_EQ(score_squad_v1(examples, predictions).metrics[1].second,
            100.0 * (2 * precision * recall / (precision + recall)));
}

TEST(SquadMetrics, V1CountsAMissingPredictionAsZeroAndNamesIt) {
  const std::vector<QaExample> examples = {example("a", {"x"}), example("b", {"y"})};
  Predictions predictions;
  predictions.set("a", "x");
  predictions.set("elsewhere", "z");
  const SquadScores scores = score_squad_v1(examples, predictions);
  EXPECT_EQ(scores.metrics[0].second, 50.0);
  EXPECT_EQ(scores.missing, std::vector<std::string>{"b"});
}

TEST(SquadMetrics, V1RefusesAQuestionWithoutAnswer) {
  const std::vector<QaExample> examples = {example("a", {})};
  EXPECT_THAT(error_message([&] { (void)score_squad_v1(examples, {}); }),
              AllOf(HasSubstr("question 'a' has no answer"), HasSubstr("--version_2_with_negative")));
  EXPECT_THAT(error_message([&] { (void)score_squad_v1({}, {}); }), HasSubstr("no examples"));
}

TEST(SquadMetrics, V2LeavesMissingPredictionsOutOfTheTotals) {
  const std::vector<QaExample> examples = {example("a", {"x"}), example("b", {"y"}), example("c", {})};
  Predictions predictions;
  predictions.set("a", "x");
  predictions.set("c", "");
  const SquadScores scores = score_squad_v2(examples, predictions, {nullptr, 1.0, false});
  EXPECT_EQ(scores.metrics, (MetricList{{"exact", 100.0},
                                        {"f1", 100.0},
                                        {"total", 2},
                                        {"HasAns_exact", 100.0},
                                        {"HasAns_f1", 100.0},
                                        {"HasAns_total", 1},
                                        {"NoAns_exact", 100.0},
                                        {"NoAns_f1", 100.0},
                                        {"NoAns_total", 1}}));
  EXPECT_EQ(scores.missing, std::vector<std::string>{"b"});
  EXPECT_THAT(error_message([&] { (void)score_squad_v2(examples, {}); }),
              HasSubstr("no question of the data set has a prediction"));
}

TEST(SquadMetrics, V2DropsAnswersOfWhichNothingIsLeft) {
  const std::vector<QaExample> examples = {example("a", {"the"})};  // has an answer, but the right prediction is ""
  Predictions predictions;
  predictions.set("a", "");
  EXPECT_EQ(score_squad_v2(examples, predictions).metrics[0].second, 100.0);
}

TEST(SquadMetrics, V2NeedsOddsOfEveryPrediction) {
  const std::vector<QaExample> examples = {example("a", {"x"})};
  Predictions predictions;
  predictions.set("a", "x");
  const NullOdds odds;
  EXPECT_THAT(error_message([&] { (void)score_squad_v2(examples, predictions, {&odds}); }),
              HasSubstr("question 'a' has no null odds"));
}

TEST(SquadMetrics, BestThresholdFollowsTheOrderOfThePredictions) {
  // Without odds all questions tie, and the search walks them in file order.
  const std::vector<QaExample> examples = {example("a", {"x"}), example("b", {"y"}), example("c", {})};
  Predictions predictions;
  predictions.set("c", "wrong");
  predictions.set("b", "y");
  predictions.set("a", "x");
  const SquadScores scores = score_squad_v2(examples, predictions);
  EXPECT_EQ(scores.metrics[9], (std::pair<std::string, double>{"best_exact", 100.0 * 2 / 3}));
}

/// One entry of REALPRED.json; false where its files are not here.
bool check_published(const std::string& name, const Json& expected) {
  SCOPED_TRACE(name);
  const auto file = test::golden("realpred/" + name + ".predictions.json.gz");
  const auto data = test::squad_file(expected["data"].get<std::string>() + ".json.gz");
  if (!data || !file) return false;
  const std::vector<QaExample> examples = read_qa_examples(*data, {QaAnswers::kTextsOnly, {}});
  const Predictions predictions = read_predictions(read_json_file(*file));
  if (expected.contains("v1.1")) expect_metrics(score_squad_v1(examples, predictions).metrics, expected["v1.1"]);

  const SquadScores scores = score_squad_v2(examples, predictions, {nullptr, 1.0, false});
  EXPECT_EQ(scores.missing.size(), expected["missing_predictions"].get<size_t>());
  expect_metrics(scores.metrics, expected["v2.0"]);
  std::string bits;
  for (const auto& question : scores.per_question) bits += static_cast<char>(question.second.exact);
  EXPECT_EQ(test::sha256_hex(bits.data(), bits.size()), expected["sha256_em_bits"].get<std::string>());
  return true;
}

TEST(SquadMetricsGolden, PublishedPredictionsScoreAsTheOfficialProgramsSay) {
  const auto index = test::golden("realpred/REALPRED.json");
  if (!index) GTEST_SKIP() << "no published predictions";
  const Json all = read_json_file(*index);
  int checked = 0;
  for (auto it = all.begin(); it != all.end(); ++it) checked += check_published(it.key(), it.value());
  if (checked == 0) GTEST_SKIP() << "no predictions, or not their data sets";
}

/// One file of postprocess/; false where its data set is not here.
bool check_evaluators(const std::string& name) {
  SCOPED_TRACE(name);
  const Json golden = read_json_file(*test::golden("postprocess/" + name + ".json.gz"));
  const std::vector<QaExample> examples = test::golden_examples(golden);
  if (examples.empty()) return false;
  const Predictions predictions = read_predictions(golden["predictions"]);
  const Json& metrics = golden["metrics"];

  if (metrics.contains("v1.1")) {
    const SquadScores scores = score_squad_v1(examples, predictions);
    expect_metrics(scores.metrics, metrics["v1.1"]);
    for (auto it = metrics["v1.1_per_question"].begin(); it != metrics["v1.1_per_question"].end(); ++it) {
      EXPECT_EQ(scores.per_question.find(it.key())->exact, it.value()[0].get<double>()) << it.key();
      EXPECT_EQ(scores.per_question.find(it.key())->f1, it.value()[1].get<double>()) << it.key();
    }
  }
  NullOdds odds;
  const bool has_odds = !golden["null_odds"].is_null();
  if (has_odds) odds = read_null_odds(golden["null_odds"]);
  const SquadScores scores = score_squad_v2(examples, predictions, {has_odds ? &odds : nullptr, 1e9, has_odds});
  expect_metrics(scores.metrics, metrics["v2.0"]);
  for (auto it = metrics["v2.0_per_question"].begin(); it != metrics["v2.0_per_question"].end(); ++it) {
    EXPECT_EQ(scores.per_question.find(it.key())->exact, it.value()[0].get<double>()) << it.key();
    EXPECT_EQ(scores.per_question.find(it.key())->f1, it.value()[1].get<double>()) << it.key();
  }
  if (!has_odds) return true;
  for (auto it = metrics["v2.0_thresholds"].begin(); it != metrics["v2.0_thresholds"].end(); ++it) {
    const SquadScores at = score_squad_v2(examples, predictions, {&odds, std::stod(it.key()), false});
    expect_metrics({at.metrics.begin(), at.metrics.begin() + 3}, it.value());
  }
  return true;
}

TEST(SquadMetricsGolden, EvaluatorsAgreeToTheLastDigit) {
  int checked = 0;
  for (const std::string& name : test::golden_names("postprocess", ".json.gz")) checked += check_evaluators(name);
  if (checked == 0) GTEST_SKIP() << "no reference results, or not their data sets";
}

}  // namespace
}  // namespace tilefit
