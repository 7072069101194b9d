// Finding tensors under all their names: the reference's variants of one model, reports in its words, shape errors.
#include "tilefit/hub/weight_names.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <map>

#include "tests/support/golden.h"

namespace tilefit {
namespace {

using test::error_message;
using test::golden;
using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::array<float, 64> kZeros{};

/// A file of float tensors with these names and shapes (up to 64 elements).
std::string write(const TempDir& dir, const std::vector<std::pair<std::string, std::vector<int64_t>>>& tensors) {
  std::vector<TensorToWrite> out;
  for (const auto& [name, shape] : tensors) out.push_back({name, DType::kF32, shape, kZeros.data()});
  write_safetensors(dir / "m.safetensors", out);
  return dir / "m.safetensors";
}

std::vector<WantedTensor> all_tensors(const WeightFiles& files) {
  std::vector<WantedTensor> wanted;
  for (const TensorInfo* const tensor : files.tensors()) wanted.push_back({tensor->name, tensor->shape, {}});
  return wanted;
}

std::map<std::string, std::vector<float>> loaded(const WeightFiles& files, const std::vector<WantedTensor>& wanted,
                                                 WeightMatches* report) {
  std::map<std::string, std::vector<float>> values;
  *report = load_weights(files, wanted, {.base_prefix = "bert"}, [&](size_t i) {
    int64_t n = 1;
    for (const int64_t extent : wanted[i].shape) n *= extent;
    return values.emplace(wanted[i].name, std::vector<float>(static_cast<size_t>(n))).first->second.data();
  });
  return values;
}

TEST(WeightNames, AllVariantsOfOneModelGiveTheSameValues) {
  const auto folder = golden("models/bert-seqcls");
  if (!folder || !std::filesystem::exists(*folder + "/model.legacy_names.safetensors"))
    GTEST_SKIP() << "no variants in the golden files";
  const WeightFiles plain(*folder + "/model.safetensors");
  const std::vector<WantedTensor> wanted = all_tensors(plain);
  WeightMatches report;
  const auto expected = loaded(plain, wanted, &report);
  EXPECT_EQ(report.matched.size(), wanted.size());
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.unexpected, IsEmpty());

  for (const char* const name : {"/model.legacy_names.safetensors", "/sharded/model.safetensors.index.json"}) {
    EXPECT_TRUE(loaded(WeightFiles(*folder + name), wanted, &report) == expected) << name;
    EXPECT_THAT(report.missing, IsEmpty()) << name;
    EXPECT_THAT(report.unexpected, IsEmpty()) << name;
  }
  const auto base = loaded(WeightFiles(*folder + "/model.base_only_no_prefix.safetensors"), wanted, &report);
  EXPECT_THAT(report.missing, ElementsAre("classifier.bias", "classifier.weight"));
  EXPECT_THAT(report.unexpected, IsEmpty());
  EXPECT_EQ(base.size(), expected.size() - 2);
  for (const auto& [name, values] : base) EXPECT_TRUE(values == expected.at(name)) << name;
}

TEST(WeightNames, AHeadModelLoadsIntoTheBareEncoder) {
  const auto path = golden("models/bert-qa/model.safetensors");
  if (!path) GTEST_SKIP() << "no models/bert-qa in the golden files";
  const WeightFiles files(*path);
  std::vector<WantedTensor> wanted;
  for (WantedTensor& tensor : all_tensors(files))
    if (tensor.name.rfind("bert.", 0) == 0) wanted.push_back({tensor.name.substr(5), tensor.shape, {}});
  const WeightMatches report = match_weights(files, wanted, {.base_prefix = "bert"});
  EXPECT_EQ(report.matched.size(), wanted.size());
  EXPECT_THAT(report.unexpected, ElementsAre("qa_outputs.bias", "qa_outputs.weight"));
}

TEST(WeightNames, ReportsInTheWordsOfTransformers) {
  const TempDir dir;
  const WeightFiles files(write(dir, {{"bert.embeddings.LayerNorm.gamma", {2}},
                                      {"bert.embeddings.position_ids", {1, 4}},
                                      {"bert.pooler.dense.weight", {2, 2}},
                                      {"cls.seq_relationship.weight", {2, 2}},
                                      {"cls.predictions.transform.LayerNorm.beta", {2}}}));
  const std::vector<WantedTensor> wanted = {
      {"qa_outputs.weight", {2, 2}, {}}, {"qa_outputs.bias", {2}, {}}, {"bert.embeddings.LayerNorm.weight", {2}, {}}};
  const WeightMatches report = match_weights(files, wanted, {.base_prefix = "bert"});
  ASSERT_EQ(report.matched.size(), 1u);
  EXPECT_EQ(report.matched[0].wanted, 2u);
  EXPECT_EQ(report.missing_warning("BertForQuestionAnswering", "bert-base-uncased"),
            "Some weights of BertForQuestionAnswering were not initialized from the model checkpoint at bert-base-uncased "
            "and are newly "
            "initialized: ['qa_outputs.bias', 'qa_outputs.weight']\nYou should probably TRAIN this model on a down-stream "
            "task to be able "
            "to use it for predictions and inference.");
  EXPECT_THAT(report.unused_warning("BertForQuestionAnswering", "bert-base-uncased"),
              ::testing::StartsWith(
                  "Some weights of the model checkpoint at bert-base-uncased were not used when initializing "
                  "BertForQuestionAnswering: ['cls.predictions.transform.LayerNorm.bias', "
                  "'cls.seq_relationship.weight']\n- This IS expected if you are initializing BertForQuestionAnswering"));
  EXPECT_EQ(report.mismatch_warning("A", "b"), "");
  EXPECT_EQ(WeightMatches{}.missing_warning("A", "b"), "");
  EXPECT_EQ(WeightMatches{}.unused_warning("A", "b"), "");
}

TEST(WeightNames, APoolerIsUsedWhenWanted) {
  const TempDir dir;
  const WeightFiles files(write(dir, {{"pooler.dense.bias", {2}}, {"x", {1}}}));
  const std::vector<WantedTensor> wanted = {{"bert.pooler.dense.bias", {2}, {}}};
  EXPECT_EQ(match_weights(files, wanted, {.base_prefix = "bert"}).matched.size(), 1u);
}

TEST(WeightNames, TodaysNameWinsOverTheOldOne) {
  const TempDir dir;
  const WeightFiles files(
      write(dir, {{"a.LayerNorm.gamma", {2}}, {"a.LayerNorm.weight", {3}}, {"gamma", {1}}, {"b.gamma_ray", {1}}}));
  const std::vector<WantedTensor> wanted = {{"a.LayerNorm.weight", {3}, {}}, {"gamma", {1}, {}}, {"b.gamma_ray", {1}, {}}};
  EXPECT_EQ(match_weights(files, wanted, {}).matched.size(), 3u);
}

TEST(WeightNames, TiedNamesStandInForEachOther) {
  const TempDir dir;
  const WeightFiles files(
      write(dir, {{"bert.word.weight", {4, 2}}, {"cls.decoder.weight", {4, 2}}, {"cls.decoder.bias", {4}}}));
  const std::vector<WantedTensor> wanted = {{"bert.word.weight", {4, 2}, {"cls.decoder.weight"}},
                                            {"cls.bias", {4}, {"cls.decoder.bias"}}};
  const WeightMatches report = match_weights(files, wanted, {.base_prefix = "bert"});
  EXPECT_EQ(report.matched.size(), 2u);
  EXPECT_EQ(report.matched[1].tensor->name, "cls.decoder.bias");
  EXPECT_THAT(report.unexpected, IsEmpty());
}

TEST(WeightNames, ShapeErrorsNameBothShapesAndTheCause) {
  const TempDir dir;
  const std::string path = write(dir, {{"classifier.weight", {3, 4}},
                                       {"bert.embeddings.word_embeddings.weight", {8, 4}},
                                       {"bert.embeddings.position_embeddings.weight", {8, 4}},
                                       {"bert.encoder.layer.0.output.dense.weight", {4, 8}},
                                       {"head.weight", {4, 4}}});
  const WeightFiles files(path);
  const auto message = [&](const std::string& name, std::vector<int64_t> shape) {
    const std::vector<WantedTensor> wanted = {{name, std::move(shape), {}}};
    return error_message([&] { match_weights(files, wanted, {.base_prefix = "bert"}); });
  };
  EXPECT_EQ(message("classifier.weight", {2, 4}),
            fmt::format("[hub/weights] {}: tensor 'classifier.weight' has shape [3, 4], expected [2, 4]. Try: "
                        "--ignore_mismatched_sizes true for "
                        "a new head, or data with 3 labels, as the checkpoint was trained on",
                        path));
  EXPECT_THAT(message("bert.embeddings.word_embeddings.weight", {9, 4}),
              HasSubstr("has shape [8, 4], expected [9, 4]. Try: the config.json that "
                        "belongs to these weights ('vocab_size' differs)"));
  EXPECT_THAT(message("bert.embeddings.position_embeddings.weight", {9, 4}),
              HasSubstr("('max_position_embeddings' differs)"));
  EXPECT_THAT(message("bert.encoder.layer.0.output.dense.weight", {4, 6}), HasSubstr("(its sizes differ)"));
  EXPECT_THAT(message("head.weight", {4, 5}), HasSubstr("--ignore_mismatched_sizes true, which starts this tensor anew"));
  EXPECT_THAT(message("head.weight", {16}), HasSubstr("has shape [4, 4], expected [16]"));
}

TEST(WeightNames, MismatchedSizesMayBeIgnored) {
  const TempDir dir;
  const WeightFiles files(write(dir, {{"classifier.weight", {3, 4}}, {"bert.a", {1}}}));
  const std::vector<WantedTensor> wanted = {{"classifier.weight", {2, 4}, {}}, {"bert.a", {1}, {}}};
  const WeightMatches report = match_weights(files, wanted, {.base_prefix = "bert", .ignore_mismatched_sizes = true});
  EXPECT_EQ(report.matched.size(), 1u);
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.unexpected, IsEmpty());
  EXPECT_EQ(report.mismatch_warning("BertForSequenceClassification", "here"),
            "Some weights of BertForSequenceClassification were not initialized from the model checkpoint at here and are "
            "newly initialized "
            "because the shapes did not match:\n- classifier.weight: found shape torch.Size([3, 4]) in the checkpoint and "
            "torch.Size([2, 4]) in "
            "the model instantiated\nYou should probably TRAIN this model on a down-stream task to be able to use it for "
            "predictions and "
            "inference.");
}

TEST(WeightNames, WrongFilesAreErrors) {
  const TempDir dir;
  const WeightFiles other(write(dir, {{"roberta.a", {1}}}));
  const std::vector<WantedTensor> wanted = {{"bert.a", {1}, {}}, {"bert.b", {1}, {}}};
  EXPECT_THAT(error_message([&] { match_weights(other, wanted, {.base_prefix = "bert"}); }),
              HasSubstr("none of the model's 2 tensors is in the file (the first: 'bert.a'). Try: the config.json that "
                        "belongs to these weights"));
  const int64_t number = 1;
  write_safetensors(dir / "int.safetensors", {{"bert.a", DType::kI64, {1}, &number}});
  EXPECT_THAT(error_message([&] { match_weights(WeightFiles(dir / "int.safetensors"), wanted, {.base_prefix = "bert"}); }),
              HasSubstr("tensor 'bert.a' holds int64 values, expected floating point. Try: weights that are not quantized"));
}

TEST(WeightNames, ANullDestinationSkipsTheTensor) {
  const TempDir dir;
  const WeightFiles files(write(dir, {{"a", {2}}, {"b", {2}}}));
  const std::vector<WantedTensor> wanted = {{"a", {2}, {}}, {"b", {2}, {}}};
  std::array<float, 2> b = {5, 5};
  load_weights(files, wanted, {}, [&](size_t i) { return i == 1 ? b.data() : nullptr; });
  EXPECT_EQ(b, (std::array<float, 2>{0, 0}));
}

}  // namespace
}  // namespace tilefit
