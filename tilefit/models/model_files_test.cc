// Loading and saving: variants of weight files, missing heads, initial values, round trips, damaged directories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/hub/safetensors.h"
#include "tilefit/models/test_models.h"

namespace tilefit {
namespace {

namespace fs = std::filesystem;
using test::error_message;
using test::golden;
using test::TempDir;
using test::tiny_config;
using testing::HasSubstr;

std::vector<float> values(QuestionAnsweringModel& model, const std::string& name) {
  const ParamPartView* view = model.params().find(name);
  if (!view) return {};
  const float* const begin = model.params().values<float>() + view->offset;
  return {begin, begin + view->size};
}

/// A saved tiny model of known values.
void save_tiny(const std::string& model_type, const std::string& directory, uint64_t seed = 7) {
  ModelOptions options;
  options.seed = seed;
  ModelConfig config = tiny_config(model_type);
  config.set("custom_key", {{"kept", true}});
  QuestionAnsweringModel::from_config(config, options).save(directory);
}

/// Rewrites a weight file: rename(name) "" drops the tensor.
void rewrite(const std::string& path, const std::function<std::string(const std::string&)>& rename) {
  std::vector<TensorToWrite> tensors;
  const SafetensorsFile file(path);
  for (const TensorInfo& t : file.tensors())
    if (const std::string name = rename(t.name); !name.empty()) tensors.push_back({name, t.dtype, t.shape, t.data});
  write_safetensors(path + ".new", tensors);
  fs::rename(path + ".new", path);
}

TEST(ModelFiles, SaveLoadSaveGivesTheSameBytes) {
  for (const char* model_type : {"bert", "distilbert"}) {
    const TempDir first, second;
    save_tiny(model_type, first.path());
    QuestionAnsweringModel model = QuestionAnsweringModel::load(first.path());
    model.save(second.path());
    EXPECT_EQ(read_file(first / "model.safetensors"), read_file(second / "model.safetensors"));
    EXPECT_EQ(read_file(first / "config.json"), read_file(second / "config.json"));
    const ModelConfig config = ModelConfig::load(second / "config.json");
    EXPECT_TRUE(config.raw()["custom_key"]["kept"]);
    EXPECT_EQ(config.raw()["architectures"], Json::array({model.class_name()}));
  }
}

TEST(ModelFiles, SavedReferenceModelKeepsItsTensors) {
  const auto directory = golden("models/bert-qa");
  if (!directory) GTEST_SKIP() << "models/bert-qa is not in the reference data";
  const TempDir out;
  QuestionAnsweringModel::load(*directory).save(out.path());
  EXPECT_EQ(read_file(*directory + "/model.safetensors"), read_file(out / "model.safetensors"));
  EXPECT_EQ(read_file(*directory + "/config.json"), read_file(out / "config.json"));
}

TEST(ModelFiles, NarrowWeightsAreWidenedExactly) {
  const auto directory = golden("models/distilbert-qa");
  if (!directory || !fs::exists(*directory + "/model.bf16.safetensors"))
    GTEST_SKIP() << "narrow variants are not in the reference data";
  QuestionAnsweringModel wide = QuestionAnsweringModel::load(*directory);
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    const TempDir copy;
    fs::copy_file(*directory + "/config.json", copy / "config.json");
    fs::copy_file(*directory + (dtype == DType::kBF16 ? "/model.bf16.safetensors" : "/model.fp16.safetensors"),
                  copy / "model.safetensors");
    QuestionAnsweringModel narrow = QuestionAnsweringModel::load(copy.path());
    for (const ParamPartView& view : wide.params().parts()) {
      std::vector<float> expected = values(wide, view.part->name);
      std::vector<uint16_t> bits(expected.size());
      convert_from_f32(dtype, expected.data(), bits.data(), view.size);
      convert_to_f32(dtype, bits.data(), expected.data(), view.size);
      EXPECT_EQ(values(narrow, view.part->name), expected) << view.part->name;
    }
  }
}

TEST(ModelFiles, LoadsNamesWithoutPrefixAndOldNames) {
  const TempDir dir;
  save_tiny("bert", dir.path());
  QuestionAnsweringModel original = QuestionAnsweringModel::load(dir.path());
  rewrite(dir / "model.safetensors", [](std::string name) {
    if (name.starts_with("bert.")) name = name.substr(5);
    if (const size_t at = name.find("LayerNorm.weight"); at != std::string::npos)
      return name.substr(0, at) + "LayerNorm.gamma";
    if (const size_t at = name.find("LayerNorm.bias"); at != std::string::npos) return name.substr(0, at) + "LayerNorm.beta";
    return name;
  });
  QuestionAnsweringModel renamed = QuestionAnsweringModel::load(dir.path());
  for (const ParamPartView& view : original.params().parts())
    EXPECT_EQ(values(original, view.part->name), values(renamed, view.part->name)) << view.part->name;
}

TEST(ModelFiles, MissingHeadStartsAtRandomAndIsReported) {
  const TempDir dir;
  save_tiny("distilbert", dir.path());
  rewrite(dir / "model.safetensors", [](const std::string& name) { return name.starts_with("qa_") ? "" : name; });
  const auto load = [&](uint64_t seed) {
    ModelOptions options;
    options.seed = seed;
    return QuestionAnsweringModel::load(dir.path(), options);
  };
  testing::internal::CaptureStderr();
  QuestionAnsweringModel a = load(1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("newly initialized: ['qa_outputs.bias', 'qa_outputs.weight']"));
  QuestionAnsweringModel same = load(1), other = load(2);
  EXPECT_EQ(values(a, "qa_outputs.weight"), values(same, "qa_outputs.weight"));
  EXPECT_NE(values(a, "qa_outputs.weight"), values(other, "qa_outputs.weight"));
  EXPECT_EQ(values(a, "qa_outputs.bias"), (std::vector<float>{0, 0}));
}

TEST(ModelFiles, HeadWeightsReplaceParametersQuietly) {
  const TempDir dir;
  save_tiny("bert", dir.path());
  rewrite(dir / "model.safetensors", [](const std::string& name) { return name.starts_with("qa_") ? "" : name; });
  std::vector<float> weight(36, 0.25f), bias = {1, -1};
  write_safetensors(dir / "head.safetensors", {{"qa_outputs.weight", DType::kF32, {2, 18}, weight.data()},
                                               {"qa_outputs.bias", DType::kF32, {2}, bias.data()}});
  ModelOptions options;
  options.head_weights = dir / "head.safetensors";
  testing::internal::CaptureStderr();
  QuestionAnsweringModel model = QuestionAnsweringModel::load(dir.path(), options);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(values(model, "qa_outputs.weight"), weight);
  EXPECT_EQ(values(model, "qa_outputs.bias"), bias);
  write_safetensors(dir / "head.safetensors", {{"classifier.bias", DType::kF32, {2}, bias.data()}});
  EXPECT_THAT(error_message([&] { QuestionAnsweringModel::load(dir.path(), options); }),
              HasSubstr("tensor 'classifier.bias' is no parameter of BertForQuestionAnswering"));
  write_safetensors(dir / "head.safetensors", {{"qa_outputs.bias", DType::kF32, {1}, bias.data()}});
  EXPECT_THAT(error_message([&] { QuestionAnsweringModel::load(dir.path(), options); }),
              HasSubstr("'qa_outputs.bias' has shape [1]"));
}

TEST(ModelFiles, InitialValuesFollowHuggingFace) {
  ModelConfig config = tiny_config("bert");
  config.set("vocab_size", 2000);
  config.set("initializer_range", 0.05);
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(config);
  const std::vector<float> word = values(model, "bert.embeddings.word_embeddings.weight");
  double sum = 0, squares = 0;
  for (const float v : word) sum += v, squares += static_cast<double>(v) * v;
  const auto n = static_cast<double>(word.size());
  EXPECT_NEAR(sum / n, 0, 0.002);
  EXPECT_NEAR(std::sqrt(squares / n), 0.05, 0.001);
  for (size_t c = 0; c < 18; ++c) EXPECT_EQ(word[c], 0) << "the padding token's row";
  EXPECT_EQ(values(model, "bert.embeddings.LayerNorm.weight"), std::vector<float>(18, 1.0f));
  EXPECT_EQ(values(model, "bert.encoder.layer.1.attention.self.query.bias"), std::vector<float>(18, 0.0f));
}

TEST(ModelFiles, SinusoidalPositionsStartAsSinusoids) {
  ModelConfig config = tiny_config("distilbert");
  config.set("sinusoidal_pos_embds", true);
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(config);
  const std::vector<float> table = values(model, "distilbert.embeddings.position_embeddings.weight");
  EXPECT_EQ(table[0], 0);
  EXPECT_EQ(table[1], 1);
  EXPECT_NEAR(table[3 * 18 + 4], std::sin(3 / std::pow(10000.0, 4.0 / 18)), 1e-7);
  EXPECT_NEAR(table[3 * 18 + 5], std::cos(3 / std::pow(10000.0, 4.0 / 18)), 1e-7);
}

TEST(ModelFiles, DamagedDirectoriesAreExplained) {
  const TempDir dir;
  const auto message = [&] { return error_message([&] { QuestionAnsweringModel::load(dir.path()); }); };
  EXPECT_THAT(message(), HasSubstr("config.json"));
  save_tiny("bert", dir.path());
  const std::string weights = dir / "model.safetensors";
  const std::string whole = read_file(weights);
  fs::resize_file(weights, whole.size() - 100);
  EXPECT_THAT(message(), HasSubstr("model.safetensors"));
  fs::resize_file(weights, 5);
  EXPECT_THAT(message(), HasSubstr("model.safetensors"));
  fs::remove(weights);
  EXPECT_THAT(message(), HasSubstr("model.safetensors"));
  write_file_atomic(weights, whole);
  ModelConfig config = ModelConfig::load(dir / "config.json");
  config.set("intermediate_size", 30);
  config.save(dir / "config.json");
  EXPECT_THAT(message(), HasSubstr("has shape [29, 18], expected [30, 18]"));
}

}  // namespace
}  // namespace tilefit
