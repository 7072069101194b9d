// Scoring of files: which evaluator, the form of its numbers, warnings and errors. The numbers themselves: squad_metrics_test.cc.
#include "tilefit/tasks/squad_evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

using test::error_message;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SquadEvaluate : public testing::Test {
 protected:
  SquadEvaluate() {
    write_file_atomic(dir_ / "v1.json", R"([{"id": "a", "question": "q", "context": "c", "answers": {"text": ["x y"]}},
                                            {"id": "b", "question": "q", "context": "c", "answers": {"text": ["z"]}}])");
    write_file_atomic(dir_ / "v2.json", R"([{"id": "a", "question": "q", "context": "c", "answers": {"text": ["x y"]}},
                                            {"id": "b", "question": "q", "context": "c", "answers": {"text": []}}])");
    write_file_atomic(dir_ / "predictions.json", R"({"a": "x", "b": ""})");
    write_file_atomic(dir_ / "odds.json", R"({"a": -1, "b": 2.5})");
  }

  SquadEvaluation evaluate(const std::string& data, const std::string& predictions = "predictions.json",
                           const std::string& odds = "") {
    SquadEvaluateOptions options;
    options.predictions = dir_ / predictions;
    options.data = dir_ / data;
    if (!odds.empty()) options.null_odds = dir_ / odds;
    return evaluate_squad_files(options);
  }

  std::string message(const std::string& predictions, const std::string& text, const std::string& odds = "") {
    write_file_atomic(dir_ / predictions, text);
    return error_message(
        [&] { (void)(odds.empty() ? evaluate("v2.json", predictions) : evaluate("v2.json", "predictions.json", odds)); });
  }

  test::TempDir dir_;
};

TEST_F(SquadEvaluate, ChoosesTheEvaluatorFromTheData) {
  const SquadEvaluation v1 = evaluate("v1.json");
  EXPECT_FALSE(v1.is_v2);
  EXPECT_EQ(dump_json(metrics_json(v1.metrics), -1), R"({"exact_match": 0.0, "f1": 33.33333333333333})");
  const SquadEvaluation v2 = evaluate("v2.json");
  EXPECT_TRUE(v2.is_v2);
  EXPECT_EQ(dump_json(metrics_json(v2.metrics), -1),
            R"({"exact": 50.0, "f1": 83.33333333333333, "total": 2, "HasAns_exact": 0.0, "HasAns_f1": 66.66666666666666, )"
            R"("HasAns_total": 1, "NoAns_exact": 100.0, "NoAns_f1": 100.0, "NoAns_total": 1})");
  EXPECT_THAT(v2.warnings, IsEmpty());
}

TEST_F(SquadEvaluate, NullOddsAddTheBestThresholds) {
  const Json metrics = metrics_json(evaluate("v2.json", "predictions.json", "odds.json").metrics);
  EXPECT_EQ(metrics["best_f1"].get<double>(), 83.33333333333333);
  EXPECT_EQ(metrics["best_f1_thresh"].get<double>(), -1.0);
}

TEST_F(SquadEvaluate, WarnsOfWhatDoesNotMatch) {
  write_file_atomic(dir_ / "other.json", R"({"a": "x", "c": "", "d": ""})");
  EXPECT_THAT(evaluate("v1.json", "other.json").warnings,
              ElementsAre("1 of 2 questions have no prediction (b the first) and count 0",
                          "2 predictions are for questions that the data set lacks"));
  EXPECT_THAT(evaluate("v2.json", "other.json").warnings[0], HasSubstr("left out of all totals"));
}

TEST_F(SquadEvaluate, ErrorsNameTheFile) {
  EXPECT_THAT(message("bad.json", "[1]"),
              AllOf(HasSubstr("bad.json"), HasSubstr("is of type array, expected an object of texts by id")));
  EXPECT_THAT(message("bad.json", R"({"a": [{"text": "x"}]})"),
              AllOf(HasSubstr("the value of 'a' is of type array, expected texts"), HasSubstr("eval_predictions.json")));
  EXPECT_THAT(message("bad.json", R"({"a": "x",})"), HasSubstr("bad.json:1:11"));
  EXPECT_THAT(message("bad.json", R"({"a": "x"})", "bad.json"),
              HasSubstr("the value of 'a' is of type string, expected numbers"));
  EXPECT_THAT(message("bad.json", R"({"a": 1})", "bad.json"), HasSubstr("question 'b' has no null odds"));
}

}  // namespace
}  // namespace tilefit
