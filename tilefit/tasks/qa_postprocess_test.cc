// Answers against utils_qa.py's files, and the corners of its algorithm by hand.
#include "tilefit/tasks/qa_postprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <unordered_set>

#include "tilefit/hub/safetensors.h"
#include "tilefit/tasks/numpy_softmax.h"
#include "tilefit/tasks/qa_test_support.h"

namespace tilefit {
namespace {

using test::error_message;
using test::qa_example;
using testing::HasSubstr;

/// One example, its context cut into words, and logits to set by hand: position 0 is [CLS], words begin at 1.
struct Case {
  std::vector<QaExample> examples;
  std::vector<QaFeature> features;
  std::vector<std::vector<float>> start, end;
  QaPostprocessOptions options;

  explicit Case(const std::string& context) : examples{qa_example("q", "why", context)} {}

  /// Adds a feature over words [first, last) of the context.
  void add_feature(int first, int last) {
    QaFeature f;
    f.offset_begin = f.offset_end = {-1};
    int word = 0;
    const std::string context = examples[0].context + " ";
    for (size_t at = 0; at < context.size(); ++word) {
      const size_t stop = context.find(' ', at);
      if (word >= first && word < last) {
        f.offset_begin.push_back(static_cast<int32_t>(at));
        f.offset_end.push_back(static_cast<int32_t>(stop));
      }
      at = stop + 1;
    }
    f.ids.resize(f.offset_begin.size());
    features.push_back(f);
    start.emplace_back(f.ids.size(), -9.0f);
    end.emplace_back(f.ids.size(), -9.0f);
  }

  std::vector<QaAnswer> answers() const {
    std::vector<QaLogits> logits;
    for (size_t i = 0; i < start.size(); ++i) logits.push_back({start[i], end[i]});
    ThreadPool pool(1);
    return postprocess_qa(examples, features, logits, options, pool);
  }
};

TEST(QaPostprocess, TakesTheBestSpan) {
  Case c("one two three four");
  c.add_feature(0, 4);
  c.start[0][2] = 3, c.end[0][3] = 2, c.end[0][1] = 5;  // the best end lies before the best start
  const QaAnswer answer = c.answers()[0];
  EXPECT_EQ(answer.text, "two three");
  EXPECT_EQ(answer.n_best[0].start_logit, 3);
  EXPECT_EQ(answer.n_best[0].end_logit, 2);
}

TEST(QaPostprocess, KeepsAnswersShort) {
  Case c("one two three four");
  c.add_feature(0, 4);
  c.start[0][1] = 3, c.end[0][4] = 3, c.end[0][2] = 1;
  c.options.max_answer_length = 2;
  EXPECT_EQ(c.answers()[0].text, "one two");
}

TEST(QaPostprocess, PaddingNeverAnswersButTakesPlaces) {
  Case c("one two");
  c.add_feature(0, 2);
  c.start[0] = {0, 1, 2, 9, 9};
  c.end[0] = {0, 1, 2, 9, 9};
  EXPECT_EQ(c.answers()[0].text, "two");
  c.options.n_best_size = 2;  // both places go to padding
  EXPECT_EQ(c.answers()[0].text, "empty");
}

TEST(QaPostprocess, LooksAtAllFeatures) {
  Case c("one two three four");
  c.add_feature(0, 2);
  c.add_feature(2, 4);
  c.start[0][1] = c.end[0][1] = 1;
  c.start[1][2] = c.end[1][2] = 2;
  EXPECT_EQ(c.answers()[0].text, "four");
}

TEST(QaPostprocess, NullScoreIsTheSmallestOfTheFeatures) {
  Case c("one two three four");
  c.options.version_2_with_negative = true;
  c.add_feature(0, 2);
  c.add_feature(2, 4);
  c.start[0][0] = c.end[0][0] = 5;
  c.start[1][0] = c.end[1][0] = 1;
  c.start[1][1] = c.end[1][1] = 0.5f;
  QaAnswer answer = c.answers()[0];
  EXPECT_EQ(answer.null_odds, 1.0);  // 2 - 1
  EXPECT_EQ(answer.text, "");
  EXPECT_EQ(answer.n_best[0].text, "");
  c.options.null_score_diff_threshold = 1.0;  // must be above it
  EXPECT_EQ(c.answers()[0].text, "three");
}

TEST(QaPostprocess, NoAnswerStaysAmongTheCandidates) {
  Case c("one two three");
  c.options.version_2_with_negative = true;
  c.options.n_best_size = 2;
  c.add_feature(0, 3);
  c.start[0] = {-9, 5, 4, 0};
  c.end[0] = {-9, 5, 6, 0};
  const QaAnswer answer = c.answers()[0];
  ASSERT_EQ(answer.n_best.size(), 3u);
  EXPECT_EQ(answer.n_best[2].text, "");
  EXPECT_EQ(answer.text, "one two");
}

TEST(QaPostprocess, EarlierCandidateWinsATie) {
  Case c("one two three");
  c.add_feature(0, 3);
  c.start[0] = {0, 1, 1, 1};
  c.end[0] = {0, 1, 1, 1};
  EXPECT_EQ(c.answers()[0].text, "three");  // positions in reverse, as a stable argsort read backwards
}

TEST(QaPostprocess, PlaceholderWhereNoSpanIsPossible) {
  Case c("one");
  c.add_feature(0, 0);  // no context in the only window
  const QaAnswer answer = c.answers()[0];
  EXPECT_EQ(answer.text, "empty");
  EXPECT_EQ(nbest_predictions_json(c.examples, {&answer, 1}),
            "{\n    \"q\": [\n        {\n            \"text\": \"empty\",\n            \"start_logit\": 0.0,\n            "
            "\"end_logit\": 0.0,\n"
            "            \"probability\": 1.0\n        }\n    ]\n}\n");
  c.options.version_2_with_negative = true;
  c.start[0][0] = 1, c.end[0][0] = 1;
  const QaAnswer with_null = c.answers()[0];
  ASSERT_EQ(with_null.n_best.size(), 2u);
  EXPECT_EQ(with_null.null_odds, 2.0);
  EXPECT_EQ(with_null.text, "");
  EXPECT_DOUBLE_EQ(with_null.n_best[0].probability, std::exp(-2.0) / (1 + std::exp(-2.0)));
}

TEST(QaPostprocess, AnExampleWithoutFeaturesGetsThePlaceholder) {
  Case c("one");
  EXPECT_EQ(c.answers()[0].text, "empty");
  c.options.version_2_with_negative = true;
  EXPECT_EQ(c.answers()[0].text, "empty");
}

TEST(QaPostprocess, NanLogitsEndNothing) {
  Case c("one two three");
  c.options.version_2_with_negative = true;
  c.add_feature(0, 3);
  std::fill(c.start[0].begin(), c.start[0].end(), std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(c.answers().size(), 1u);
}

TEST(QaPostprocess, RefusesSizesBelowOne) {
  Case c("one");
  c.options.n_best_size = 0;
  EXPECT_THAT(error_message([&] { (void)c.answers(); }), HasSubstr("--n_best_size 0"));
}

TEST(QaPostprocess, WritesFilesAsPythonDoes) {
  const std::vector<QaExample> examples = {qa_example("a", "", ""), qa_example("b\"", "", ""), qa_example("a", "", "")};
  std::vector<QaAnswer> answers(3);
  answers[0].text = "first", answers[1].text = "caf\xC3\xA9\n\xF0\x9F\x98\x80", answers[2].text = "last";
  answers[1].null_odds = -0.1f, answers[2].null_odds = 1e-5f;
  EXPECT_EQ(predictions_json(examples, answers),
            "{\n    \"a\": \"last\",\n    \"b\\\"\": \"caf\\u00e9\\n\\ud83d\\ude00\"\n}\n");
  EXPECT_EQ(null_odds_json(examples, answers),
            "{\n    \"a\": 9.999999747378752e-06,\n    \"b\\\"\": -0.10000000149011612\n}\n");
  EXPECT_EQ(predictions_json({}, {}), "{}\n");
}

TEST(NumpySoftmax, KnownValues) {
  EXPECT_EQ(numpy_exp(0), 1.0f);
  EXPECT_EQ(numpy_exp(-200), 0.0f);
  EXPECT_EQ(numpy_exp(200), std::numeric_limits<float>::infinity());
  for (float x = -80; x < 80; x += 0.37f) EXPECT_NEAR(numpy_exp(x) / std::exp(x), 1, 3e-7) << x;
  std::vector<float> ones(1000, 1.0f);
  EXPECT_EQ(numpy_sum(ones), 1000.0f);
}

std::span<const float> floats(const TensorInfo& tensor, std::vector<float>& copy) {
  copy.resize(static_cast<size_t>(tensor.num_elements()));
  std::memcpy(copy.data(), tensor.data, copy.size() * 4);
  return copy;
}

float score_of(const Json& candidate) { return candidate["start_logit"].get<float>() + candidate["end_logit"].get<float>(); }

/// One reference file; false where its data set is not here.
bool check_postprocess(const std::string& name, const Tokenizer& tokenizer) {
  SCOPED_TRACE(name);
  const Json golden = read_json_file(*test::golden("postprocess/" + name + ".json.gz"));
  const std::vector<QaExample> examples = test::golden_examples(golden);
  const auto logits_file = test::golden("postprocess/" + name + ".logits.safetensors");
  if (examples.empty() || !logits_file) return false;

  ThreadPool pool(2);
  QaFeatureOptions feature_options;
  feature_options.max_seq_length = golden["max_seq_length"].get<int>();
  feature_options.doc_stride = golden["doc_stride"].get<int>();
  const auto features = build_qa_features(examples, tokenizer, feature_options, pool);
  const SafetensorsFile tensors(*logits_file);
  std::vector<float> start, end;
  floats(*tensors.find("start"), start), floats(*tensors.find("end"), end);
  std::vector<QaLogits> logits;
  size_t at = 0;
  for (const QaFeature& f : features) {
    if (at + f.ids.size() > start.size()) break;
    logits.push_back({std::span(start).subspan(at, f.ids.size()), std::span(end).subspan(at, f.ids.size())});
    at += f.ids.size();
  }
  EXPECT_EQ(at, start.size());
  if (at != start.size() || logits.size() != features.size()) return true;

  QaPostprocessOptions options;
  options.version_2_with_negative = golden["version_2_with_negative"].get<bool>();
  options.n_best_size = golden["n_best_size"].get<int>();
  options.max_answer_length = golden["max_answer_length"].get<int>();
  options.null_score_diff_threshold = golden["null_score_diff_threshold"].get<double>();
  const std::vector<QaAnswer> answers = postprocess_qa(examples, features, logits, options, pool);

  std::unordered_set<std::string> ties;
  for (const Json& id : golden["tie_order_sensitive_ids"]) ties.insert(id.get<std::string>());
  const Json n_best = parse_json(nbest_predictions_json(examples, answers), name);
  for (size_t i = 0; i < examples.size(); ++i) {
    const std::string& id = examples[i].id;
    if (options.version_2_with_negative) {
      EXPECT_EQ(answers[i].null_odds, golden["null_odds"][id].get<double>()) << id;
    }
    if (!ties.contains(id)) {
      EXPECT_EQ(answers[i].text, golden["predictions"][id].get<std::string>()) << id;
    }
    if (!golden["nbest"].contains(id)) continue;
    const Json& expected = golden["nbest"][id];
    if (ties.contains(id)) {  // other positions of equal logits may be among the best, but the best score is the same
      EXPECT_EQ(score_of(n_best[id][0]), score_of(expected[0])) << id;
    } else {
      EXPECT_EQ(n_best[id], expected) << id;
    }
  }
  const std::string text = predictions_json(examples, answers);
  const auto head = golden["predictions_json_head"].get<std::string>();
  EXPECT_EQ(text.substr(0, head.size()), head);
  return true;
}

TEST(QaPostprocessGolden, EveryReferenceFileIsEqual) {
  const auto vocabulary = test::golden("tokenizers/bert-uncased");
  if (!vocabulary) GTEST_SKIP() << "no reference tokenizer";
  const auto tokenizer = load_tokenizer(*vocabulary);
  int checked = 0;
  for (const std::string& name : test::golden_names("postprocess", ".json.gz"))
    checked += check_postprocess(name, *tokenizer);
  if (checked == 0) GTEST_SKIP() << "no reference results, or not their data sets";
}

}  // namespace
}  // namespace tilefit
