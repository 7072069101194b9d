// The task as a whole on the reference's end-to-end folders: text to features, and logits to predictions.
#include "tilefit/tasks/question_answering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tilefit/base/files.h"
#include "tilefit/base/log.h"
#include "tilefit/hub/safetensors.h"
#include "tilefit/tasks/qa_test_support.h"

namespace tilefit {
namespace {

using test::qa_example;
using test::WordTokenizer;

template <class T>
std::vector<T> values_of(const SafetensorsFile& file, const char* name) {
  const TensorInfo* const tensor = file.find(name);
  std::vector<T> values(static_cast<size_t>(tensor->num_elements()));
  std::memcpy(values.data(), tensor->data, values.size() * sizeof(T));
  return values;
}

/// The tokenizer of a folder; null when it is of a kind that is not supported.
std::unique_ptr<Tokenizer> supported_tokenizer(const std::string& folder) {
  try {
    return load_tokenizer(folder);
  } catch (const Error&) {
    return nullptr;
  }
}

void check_folder(const std::string& folder, const Tokenizer& tokenizer) {
  SCOPED_TRACE(folder);
  const Json expected = read_json_file(folder + "/expected.json");
  const SafetensorsFile tensors(folder + "/expected.safetensors");
  const auto examples = parse_qa_examples(dump_json(expected["examples"], -1), "expected.json");

  ThreadPool pool(2);
  QaFeatureOptions options;
  options.max_seq_length = expected["max_seq_length"].get<int>();
  options.doc_stride = expected["doc_stride"].get<int>();
  options.pad_to_max_length = true;
  const auto features = build_qa_features(examples, tokenizer, options, pool);
  const auto row = static_cast<size_t>(options.max_seq_length);
  const auto ids = values_of<int32_t>(tensors, "input_ids"), starts = values_of<int32_t>(tensors, "start_positions"),
             ends = values_of<int32_t>(tensors, "end_positions");
  const auto start_logits = values_of<float>(tensors, "start_logits"), end_logits = values_of<float>(tensors, "end_logits");
  ASSERT_EQ(features.size() * row, ids.size());
  std::vector<QaLogits> logits;
  for (size_t i = 0; i < features.size(); ++i) {
    const QaFeature& f = features[i];
    EXPECT_TRUE(std::equal(f.ids.begin(), f.ids.end(), ids.begin() + static_cast<std::ptrdiff_t>(i * row)))
        << "feature " << i;
    EXPECT_EQ(f.start_position, starts[i]) << "feature " << i;
    EXPECT_EQ(f.end_position, ends[i]) << "feature " << i;
    EXPECT_EQ(f.example, expected["example_index"][i].get<int64_t>());
    logits.push_back(
        {std::span(start_logits).subspan(i * row, row), std::span(end_logits).subspan(i * row, row)});  // padding too
  }

  const Evaluation result = evaluate_qa(examples, features, logits, {}, pool);
  ASSERT_EQ(result.files.size(), 2u);
  EXPECT_EQ(result.files[0].text, dump_json(expected["predictions"], 4) + "\n");
  const Json n_best = parse_json(result.files[1].text, "nbest");
  for (auto it = expected["nbest"].begin(); it != expected["nbest"].end(); ++it)
    for (size_t k = 0; k < it.value().size(); ++k) EXPECT_EQ(n_best[it.key()][k], it.value()[k]) << it.key() << " " << k;
  EXPECT_EQ(result.metrics[0].first, "exact_match");
  EXPECT_EQ(result.metrics[1].first, "f1");
}

TEST(QuestionAnsweringGolden, FeaturesAndPredictionsOfEveryFolderAreEqual) {
  if (!test::golden("e2e/bert-cased")) GTEST_SKIP() << "no reference folders";
  for (const std::string& name : test::golden_names("e2e", "")) {
    const std::string folder = *test::golden("e2e/" + name);
    if (!file_exists(folder + "/expected.json")) continue;
    const auto tokenizer = supported_tokenizer(folder);
    EXPECT_TRUE(tokenizer || name != "bert-cased");
    if (tokenizer) check_folder(folder, *tokenizer);
  }
}

TEST(QuestionAnswering, FilesAndMetricsOfBothVersions) {
  const std::vector<QaExample> examples = {qa_example("a", "why", "one two", {"two"}, {4}),
                                           qa_example("b", "why", "one two")};
  ThreadPool pool(1);
  const auto features = build_qa_features(examples, WordTokenizer(), {}, pool);
  const std::vector<float> start = {0, 0, 0, 0, 5, 0}, end = {0, 0, 0, 0, 5, 0};
  const std::vector<QaLogits> logits = {{start, end}, {start, end}};
  QaPostprocessOptions options;
  EXPECT_TRUE(predict_qa(examples, features, logits, options, pool).metrics.empty());
  options.version_2_with_negative = true;
  const Evaluation result = evaluate_qa(examples, features, logits, options, pool);
  ASSERT_EQ(result.files.size(), 3u);
  EXPECT_EQ(result.files[0].text, "{\n    \"a\": \"two\",\n    \"b\": \"two\"\n}\n");
  EXPECT_EQ(result.files[2].name, "null_odds.json");
  EXPECT_EQ(
      dump_json(metrics_json(result.metrics), -1),
      R"({"exact": 50.0, "f1": 50.0, "total": 2, "HasAns_exact": 100.0, "HasAns_f1": 100.0, "HasAns_total": 1, "NoAns_exact": 0.0, )"
      R"("NoAns_f1": 0.0, "NoAns_total": 1, "best_exact": 100.0, "best_exact_thresh": 0.0, "best_f1": 100.0, "best_f1_thresh": 0.0})");
}

TEST(QuestionAnswering, OdditiesAreInTheLog) {
  QaReadStats stats;
  parse_qa_examples(R"([{"id": "a", "question": "q", "context": "c", "answers": {"text": ["x"], "answer_start": [0]}},
                                        {"id": "a", "question": "q", "context": "c", "answers": {"text": [], "answer_start": []}}])",
                    "d.json", {}, &stats);
  testing::internal::CaptureStderr();
  warn_of_oddities(stats, QaAnswers::kRequired, "d.json");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("1 of 1 answers are not in the context at their answer_start"));
  EXPECT_THAT(log, testing::HasSubstr("1 of 2 examples have an id that an earlier one has"));
}

}  // namespace
}  // namespace tilefit
