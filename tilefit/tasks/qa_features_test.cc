// Windows, labels and offsets against run_qa.py's, and its corners by hand.
#include "tilefit/tasks/qa_features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tilefit/tasks/qa_test_support.h"

namespace tilefit {
namespace {

using test::error_message;
using test::qa_example;
using test::WordTokenizer;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<QaFeature> features_of(const QaExample& example, const QaFeatureOptions& options) {
  ThreadPool pool(1);
  return build_qa_features({&example, 1}, WordTokenizer(), options, pool);
}

QaFeatureOptions short_windows() {
  QaFeatureOptions options;
  options.max_seq_length = 7;  // room for [CLS] q [SEP] c c c [SEP]
  options.doc_stride = 1;
  return options;
}

TEST(QaFeatures, CutsWindowsAndMarksWhatIsNoContext) {
  const auto features = features_of(qa_example("a", "why", "a bb ccc dddd eeeee"), short_windows());
  ASSERT_EQ(features.size(), 2u);
  EXPECT_THAT(features[0].ids, ElementsAre(1, 13, 2, 11, 12, 13, 2));
  EXPECT_THAT(features[1].ids, ElementsAre(1, 13, 2, 13, 14, 15, 2));
  EXPECT_THAT(features[1].type_ids, ElementsAre(0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(features[1].offset_begin, ElementsAre(-1, -1, -1, 5, 9, 14, -1));
  EXPECT_THAT(features[1].offset_end, ElementsAre(-1, -1, -1, 8, 13, 19, -1));
}

TEST(QaFeatures, LabelsTheWindowsThatHoldTheAnswer) {
  const auto features = features_of(qa_example("a", "why", "a bb ccc dddd eeeee", {"dddd"}, {9}), short_windows());
  EXPECT_EQ(features[0].start_position, 0);  // not in here: [CLS]
  EXPECT_EQ(features[0].end_position, 0);
  EXPECT_EQ(features[1].start_position, 4);
  EXPECT_EQ(features[1].end_position, 4);
}

TEST(QaFeatures, CountsInCodePoints) {
  const auto features = features_of(qa_example("a", "why", "\xC3\xA9\xC3\xA9 \xE2\x82\xAC x", {"\xE2\x82\xAC"}, {3}), {});
  EXPECT_EQ(features[0].start_position, 4);
  EXPECT_EQ(features[0].end_position, 4);
  EXPECT_THAT(features[0].offset_begin, ElementsAre(-1, -1, -1, 0, 3, 5, -1));
}

TEST(QaFeatures, AnAnswerThatBeginsInTheLastTokenStartsAtTheEndOfTheRow) {
  const QaExample example = qa_example("a", "why", "a bb ccc", {"ccc"}, {5});
  QaFeatureOptions options;
  options.max_seq_length = 20;
  const QaFeature unpadded = features_of(example, options)[0];
  EXPECT_EQ(unpadded.start_position, 6);  // the closing [SEP]
  EXPECT_EQ(unpadded.end_position, 5);
  options.pad_to_max_length = true;
  const QaFeature padded = features_of(example, options)[0];
  EXPECT_EQ(padded.start_position, 19);
  EXPECT_EQ(padded.end_position, 5);
}

TEST(QaFeatures, AnswersOutsideTheContextAreLabelledCls) {
  for (const int64_t start : {int64_t{-1}, int64_t{9}, int64_t{1} << 40}) {
    const QaFeature feature = features_of(qa_example("a", "why", "a bb ccc", {"bb"}, {start}), {})[0];
    EXPECT_EQ(feature.start_position, 0) << start;
    EXPECT_EQ(feature.end_position, 0) << start;
  }
  EXPECT_EQ(features_of(qa_example("a", "why", "a bb", {""}, {0}), {})[0].end_position, 0);
}

TEST(QaFeatures, DropsWhiteSpaceBeforeTheQuestion) {
  const auto features = features_of(qa_example("a", " \t\xC2\xA0why", "a"), {});
  EXPECT_THAT(features[0].ids, ElementsAre(1, 13, 2, 11, 2));
}

TEST(QaFeatures, LeavesOutWhatIsNotAskedForAndCutsFeaturesToo) {
  QaFeatureOptions options = short_windows();
  options.with_offsets = options.with_labels = false;
  options.max_features = 1;
  const auto features = features_of(qa_example("a", "why", "a bb ccc dddd eeeee", {"bb"}, {2}), options);
  ASSERT_EQ(features.size(), 1u);
  EXPECT_TRUE(features[0].offset_begin.empty());
  EXPECT_EQ(features[0].start_position, 0);
}

TEST(QaFeatures, NamesTheQuestionThatLeavesNoRoom) {
  ThreadPool pool(2);
  const std::vector<QaExample> examples = {qa_example("fine", "why", "a"), qa_example("long", "a b c d e f g h", "a b c")};
  EXPECT_THAT(error_message([&] { (void)build_qa_features(examples, WordTokenizer(), short_windows(), pool); }),
              AllOf(HasSubstr("question 'long' (example 2): no room"), HasSubstr("--max_seq_length")));
}

TEST(QaFeatures, ClipsTheLengthToTheModels) {
  EXPECT_EQ(clip_max_seq_length(384, WordTokenizer()), 384);
  EXPECT_EQ(clip_max_seq_length(384, WordTokenizer(512)), 384);
  EXPECT_EQ(clip_max_seq_length(384, WordTokenizer(128)), 128);
}

/// Hashes of all features as the reference has them, padding included.
struct Hashes {
  std::vector<int32_t> ids, type_ids, mask, example, offsets, positions;
  int64_t real_tokens = 0;

  void add(const QaFeature& f, size_t row) {
    const auto padded = [&](std::vector<int32_t> values, int32_t pad, std::vector<int32_t>& out) {
      values.resize(std::max(values.size(), row), pad);
      out.insert(out.end(), values.begin(), values.end());
    };
    padded(f.ids, 0, ids);
    padded(f.type_ids, 0, type_ids);
    padded(std::vector<int32_t>(f.ids.size(), 1), 0, mask);
    example.push_back(static_cast<int32_t>(f.example));
    positions.push_back(f.start_position), positions.push_back(f.end_position);
    real_tokens += f.size();
    for (size_t i = 0; i < std::max(f.ids.size(), row); ++i) {
      offsets.push_back(i < f.ids.size() ? f.offset_begin[i] : -1);
      offsets.push_back(i < f.ids.size() ? f.offset_end[i] : -1);
    }
  }
};

/// One set of FEATURES.json; false where its data set is not here.
bool check_set(const std::string& name, const Json& set, const Tokenizer& tokenizer) {
  SCOPED_TRACE(name);
  const auto data = test::squad_file(set["data"].get<std::string>() + ".json.gz");
  if (!data) return false;
  std::vector<QaExample> examples = read_qa_examples(*data);
  examples.erase(examples.begin(), examples.begin() + set["first_example"].get<std::ptrdiff_t>());
  examples.resize(set["examples"].get<size_t>());

  QaFeatureOptions options;
  options.max_seq_length = set["max_seq_length"].get<int>();
  options.doc_stride = set["doc_stride"].get<int>();
  options.pad_to_max_length = set["pad_to_max_length"].get<bool>();
  ThreadPool pool(2);
  const std::vector<QaFeature> features = build_qa_features(examples, tokenizer, options, pool);
  EXPECT_EQ(features.size(), set["features"].get<size_t>());
  Hashes got;
  for (const QaFeature& f : features)
    got.add(f, options.pad_to_max_length ? static_cast<size_t>(options.max_seq_length) : 0);
  EXPECT_EQ(got.real_tokens, set["real_tokens"].get<int64_t>());
  EXPECT_EQ(test::sha256_ints(got.ids), set["sha256_ids"].get<std::string>());
  EXPECT_EQ(test::sha256_ints(got.type_ids), set["sha256_type_ids"].get<std::string>());
  EXPECT_EQ(test::sha256_ints(got.mask), set["sha256_mask"].get<std::string>());
  EXPECT_EQ(test::sha256_ints(got.example), set["sha256_example_index"].get<std::string>());
  EXPECT_EQ(test::sha256_ints(got.offsets), set["sha256_offsets"].get<std::string>());
  if (set.contains("sha256_positions")) {
    EXPECT_EQ(test::sha256_ints(got.positions), set["sha256_positions"].get<std::string>());
  }

  const auto first = test::golden("features/" + name + ".first.json.gz");
  if (!first) return true;
  const Json expected = read_json_file(*first);  // names the first feature that differs, which a hash cannot
  for (size_t i = 0; i < expected["ids"].size(); ++i) {
    const bool equal = features.at(i).ids == expected["ids"][i].get<std::vector<int32_t>>();
    const std::pair positions{features[i].start_position, features[i].end_position};
    const bool same_label =
        expected["positions"].is_null() || expected["positions"][i].get<std::pair<int32_t, int32_t>>() == positions;
    EXPECT_TRUE(equal && same_label) << "feature " << i << ": " << testing::PrintToString(positions);
    EXPECT_EQ(examples[static_cast<size_t>(features[i].example)].id, expected["example"][i].get<std::string>());
    if (testing::Test::HasFailure()) break;
  }
  return true;
}

TEST(QaFeaturesGolden, EveryReferenceSetIsEqual) {
  const auto index = test::golden("features/FEATURES.json"), vocabulary = test::golden("tokenizers/bert-uncased");
  if (!index || !vocabulary) GTEST_SKIP() << "no reference features or tokenizer";
  const Json all = read_json_file(*index)["sets"];
  const auto tokenizer = load_tokenizer(*vocabulary);
  int checked = 0;
  for (auto it = all.begin(); it != all.end(); ++it) checked += check_set(it.key(), it.value(), *tokenizer);
  if (checked == 0) GTEST_SKIP() << "no data sets for the " << all.size() << " reference sets";
  RecordProperty("sets", checked);
}

}  // namespace
}  // namespace tilefit
