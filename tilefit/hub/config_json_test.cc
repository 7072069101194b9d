// config.json: byte-identical round trips of the reference's files, getters and their messages.
#include "tilefit/hub/config_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/golden.h"
#include "tilefit/base/error.h"
#include "tilefit/base/files.h"

namespace tilefit {
namespace {

using test::error_message;
using ::testing::HasSubstr;

ModelConfig config(const std::string& text) { return ModelConfig(parse_json(text, "test"), "DIR/config.json"); }

TEST(ModelConfig, EveryReferenceFileRoundTrips) {
  const auto models = test::golden("models");
  if (!models) GTEST_SKIP() << "no golden models";
  const test::TempDir dir;
  size_t n = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*models)) {
    if (entry.path().filename() != "config.json") continue;
    const ModelConfig loaded = ModelConfig::load(entry.path().string());
    EXPECT_EQ(loaded.text(), read_file(entry.path().string())) << entry.path();
    EXPECT_FALSE(loaded.model_type().empty());
    EXPECT_GE(loaded.num_labels(), 1);
    loaded.save(dir / "config.json");
    EXPECT_EQ(ModelConfig::load(dir / "config.json").text(), loaded.text());
    ++n;
  }
  EXPECT_GT(n, 0u);
}

TEST(ModelConfig, GettersTakeWhatTheyShould) {
  const ModelConfig c = config(R"({"i": 12, "whole": 3.0, "eps": 1e-12, "one": 1, "yes": true, "s": "gelu", "none": null})");
  EXPECT_EQ(c.get_int("i"), 12);
  EXPECT_EQ(c.get_int("whole"), 3);
  EXPECT_EQ(c.get_double("eps"), 1e-12);
  EXPECT_EQ(c.get_double("one"), 1.0);
  EXPECT_TRUE(c.get_bool("yes"));
  EXPECT_EQ(c.get_string("s"), "gelu");
  EXPECT_EQ(c.int_or("i", 5), 12);
  EXPECT_EQ(c.int_or("none", 5), 5);
  EXPECT_EQ(c.double_or("absent", 0.1), 0.1);
  EXPECT_TRUE(c.bool_or("absent", true));
  EXPECT_EQ(c.string_or("absent", "relu"), "relu");
  EXPECT_FALSE(c.has("none"));
  EXPECT_TRUE(c.has("i"));
}

TEST(ModelConfig, MessagesNameFileKeyAndValue) {
  const ModelConfig c =
      config(R"({"i": 12, "half": 0.5, "s": "gelu", "b": true, "none": null, "big": 18446744073709551615, "list": [1]})");
  const std::string remedy = ". Try: check that the file belongs to the model";
  EXPECT_EQ(error_message([&] { c.get_int("hidden_size"); }),
            "[hub/config] DIR/config.json: needed key 'hidden_size' is missing" + remedy);
  EXPECT_EQ(error_message([&] { c.get_int("none"); }),
            "[hub/config] DIR/config.json: needed key 'none' is missing" + remedy);
  EXPECT_EQ(error_message([&] { c.get_int("s"); }),
            "[hub/config] DIR/config.json: key 's' is \"gelu\", expected an integer" + remedy);
  EXPECT_THAT(error_message([&] { c.get_int("half"); }), HasSubstr("key 'half' is 0.5, expected an integer"));
  EXPECT_THAT(error_message([&] { c.get_int("b"); }), HasSubstr("key 'b' is true, expected an integer"));
  EXPECT_THAT(error_message([&] { c.get_int("big"); }), HasSubstr("expected a smaller integer"));
  EXPECT_THAT(error_message([&] { c.get_int("i", 1, 8); }), HasSubstr("key 'i' is 12, expected 1 to 8"));
  EXPECT_THAT(error_message([&] { c.int_or("i", 20, 13); }), HasSubstr("key 'i' is 12, expected at least 13"));
  EXPECT_THAT(error_message([&] { c.get_double("half", 0.6, 1.0); }), HasSubstr("key 'half' is 0.5, expected 0.6 to 1"));
  EXPECT_THAT(error_message([&] { c.get_double("s"); }), HasSubstr("key 's' is \"gelu\", expected a number"));
  EXPECT_THAT(error_message([&] { c.get_bool("i"); }), HasSubstr("key 'i' is 12, expected true or false"));
  EXPECT_THAT(error_message([&] { c.get_string("list"); }), HasSubstr("key 'list' is [1], expected a string"));
  EXPECT_THAT(error_message([] { config("[1]"); }), HasSubstr("DIR/config.json: holds [1], expected an object"));
  EXPECT_THAT(error_message([] { ModelConfig::load("/nowhere/config.json"); }),
              HasSubstr("[/nowhere/config.json] cannot be opened"));
}

TEST(ModelConfig, ModelTypeAndLabels) {
  EXPECT_EQ(config(R"({"model_type":"electra"})").model_type(), "electra");
  EXPECT_EQ(config(R"({"architectures":["DistilBertForQuestionAnswering"]})").model_type(), "distilbert");
  EXPECT_EQ(config(R"({"architectures":["XLMRobertaModel"]})").model_type(), "xlm-roberta");
  EXPECT_EQ(config(R"({"architectures":["BertForMaskedLM"]})").model_type(), "bert");
  EXPECT_THAT(error_message([] { config(R"({"architectures":["Unknown"]})").model_type(); }),
              HasSubstr("needed key 'model_type' is missing"));
  EXPECT_EQ(config("{}").num_labels(), 2);
  EXPECT_EQ(config(R"({"num_labels":1})").num_labels(), 1);
  EXPECT_EQ(config(R"({"_num_labels":4})").num_labels(), 4);
  EXPECT_EQ(config(R"({"id2label":{"0":"a","1":"b","2":"c"},"_num_labels":2})").num_labels(), 3);
  EXPECT_THAT(error_message([] { config(R"({"num_labels":0})").num_labels(); }),
              HasSubstr("'num_labels' is 0, expected 1 to"));
}

TEST(ModelConfig, SavesAsSavePretrainedDoes) {
  ModelConfig c = config(
      R"({"z": [1, {"y": 1, "x": 2.0}], "unknown": {"b": null, "a": 1e-05}, "torch_dtype": "float16", "num_labels": 3})");
  c.set_architecture("BertForTokenClassification");
  c.set_dtype("float32");
  std::vector<std::string> labels;
  for (int i = 0; i < 11; ++i) labels.push_back(std::string(1, static_cast<char>('k' - i)));
  c.set_labels(labels);
  EXPECT_EQ(c.text(),
            "{\n  \"architectures\": [\n    \"BertForTokenClassification\"\n  ],\n"
            "  \"id2label\": {\n    \"0\": \"k\",\n    \"1\": \"j\",\n    \"2\": \"i\",\n    \"3\": \"h\",\n    \"4\": "
            "\"g\",\n    \"5\": \"f\",\n"
            "    \"6\": \"e\",\n    \"7\": \"d\",\n    \"8\": \"c\",\n    \"9\": \"b\",\n    \"10\": \"a\"\n  },\n"
            "  \"label2id\": {\n    \"a\": 10,\n    \"b\": 9,\n    \"c\": 8,\n    \"d\": 7,\n    \"e\": 6,\n    \"f\": 5,\n "
            "   \"g\": 4,\n"
            "    \"h\": 3,\n    \"i\": 2,\n    \"j\": 1,\n    \"k\": 0\n  },\n"
            "  \"torch_dtype\": \"float32\",\n  \"unknown\": {\n    \"a\": 1e-05,\n    \"b\": null\n  },\n"
            "  \"z\": [\n    1,\n    {\n      \"x\": 2.0,\n      \"y\": 1\n    }\n  ]\n}\n");
  ModelConfig modern = config(R"({"dtype":"bfloat16"})");
  modern.set_dtype("float32");
  EXPECT_EQ(modern.text(), "{\n  \"dtype\": \"float32\"\n}\n");
}

}  // namespace
}  // namespace tilefit
