// JSON against Python's json module: the expected texts are what json.dumps prints.
#include "tilefit/base/json.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"

namespace tilefit {
namespace {

using test::error_message;
using ::testing::HasSubstr;

std::string dumped(const std::string& text, int indent = -1, bool sort_keys = false) {
  return dump_json(parse_json(text, "test"), indent, sort_keys);
}

TEST(Json, DumpsAsPythonDoes) {
  EXPECT_EQ(dumped("{\"b\": [1,2.5, true,null],\"a\":{}}"), R"({"b": [1, 2.5, true, null], "a": {}})");
  EXPECT_EQ(dumped("{\"b\":[1,[]],\"a\":{\"x\":[]}}", 2, true),
            "{\n  \"a\": {\n    \"x\": []\n  },\n  \"b\": [\n    1,\n    []\n  ]\n}");
  EXPECT_EQ(dumped("[[1]]", 0), "[\n[\n1\n]\n]");
  EXPECT_EQ(dumped("-0"), "0");
  EXPECT_EQ(dumped("18446744073709551615"), "18446744073709551615");
}

TEST(Json, EscapesAsPythonDoes) {
  EXPECT_EQ(dump_json(Json("\x01\x1f\x7f \"\\/\b\f\n\r\t"), -1), R"("\u0001\u001f\u007f \"\\/\b\f\n\r\t")");
  EXPECT_EQ(dump_json(Json("\u00e9\u4e2d\U0001f600"), -1), R"("\u00e9\u4e2d\ud83d\ude00")");
  EXPECT_EQ(dump_json(Json(std::string(1, '\0')), -1), R"("\u0000")");
  EXPECT_EQ(dumped(R"({"\u00e9": "\ud83d\ude00"})"), R"({"\u00e9": "\ud83d\ude00"})");
}

TEST(Json, WritesFloatsAsPythonDoes) {
  const std::pair<double, const char*> kCases[] = {{0.0, "0.0"},
                                                   {-0.0, "-0.0"},
                                                   {1.0, "1.0"},
                                                   {0.1, "0.1"},
                                                   {1e-12, "1e-12"},
                                                   {0.0001, "0.0001"},
                                                   {0.00001, "1e-05"},
                                                   {1.5e-05, "1.5e-05"},
                                                   {123456789.125, "123456789.125"},
                                                   {9999999999999998.0, "9999999999999998.0"},
                                                   {1e16, "1e+16"},
                                                   {1.2345e22, "1.2345e+22"},
                                                   {1e100, "1e+100"},
                                                   {5e-324, "5e-324"},
                                                   {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                   {1 / 3.0, "0.3333333333333333"},
                                                   {2.220446049250313e-16, "2.220446049250313e-16"},
                                                   {-3e-5, "-3e-05"}};
  for (const auto& [value, text] : kCases) {
    EXPECT_EQ(dump_json(Json(value), -1), text);
    EXPECT_EQ(parse_json(text, "test").get<double>(), value);
  }
}

TEST(Json, ReadsWhatPythonWritesForNonFiniteNumbers) {
  const std::string text = R"({"a": NaN, "b": [Infinity, -Infinity, 1.0], "NaN": "-Infinity NaN", "aN": "a"})";
  const Json value = parse_json(text, "test");
  EXPECT_TRUE(std::isnan(value["a"].get<double>()));
  EXPECT_EQ(value["b"][0].get<double>(), HUGE_VAL);
  EXPECT_EQ(value["b"][1].get<double>(), -HUGE_VAL);
  EXPECT_EQ(value["NaN"], "-Infinity NaN");
  EXPECT_EQ(dump_json(value, -1), text);
  EXPECT_THAT(error_message([] { parse_json("{\n\"a\": [NaN, Infinity, x]}", "f.json"); }), HasSubstr("f.json:2:22"));
  EXPECT_THAT(error_message([] { parse_json("[Nan]", "f.json"); }), HasSubstr("malformed JSON"));
}

TEST(Json, OfARepeatedKeyTheLastValueCounts) {
  EXPECT_EQ(dumped(R"({"a":1,"b":2,"a":[3]})"), R"({"a": [3], "b": 2})");
  std::string text = "{";
  for (int i = 0; i < 200; ++i) text += fmt::format("\"k{}\":{},", i % 100, i);
  const Json value = parse_json(text + "\"k5\":\"last\"}", "test");
  EXPECT_EQ(value.size(), 100u);
  EXPECT_EQ(value["k5"], "last");
  EXPECT_EQ(value["k99"], 199);
  EXPECT_EQ(value.begin().key(), "k0");
}

TEST(Json, LargeObjectsTakeLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 300000; ++i) text += fmt::format("\"token_number_{0}\":{0},", i);
  const Json value = parse_json(text + "\"end\":0}", "test");  // quadratic: half an hour
  EXPECT_EQ(value.size(), 300001u);
}

TEST(Json, NestedContainersKeepTheirPlaces) {
  const std::string text = R"([{"a": [1, {"b": [[], {}]}], "c": 2}, [[[3]]], {"d": {"e": {"f": "g"}}, "h": false}])";
  EXPECT_EQ(dumped(text), text);
  EXPECT_EQ(dumped("7"), "7");
}

TEST(Json, ErrorsNameLineAndColumn) {
  EXPECT_THAT(error_message([] { parse_json("{\n  \"a\": ,\n}", "dir/f.json"); }),
              ::testing::StartsWith("[dir/f.json:2:8] malformed JSON: "));
  EXPECT_THAT(error_message([] { parse_json("{\"a\":1", "f.json", 17); }), HasSubstr("[f.json:17:"));
  EXPECT_THAT(error_message([] { parse_json("", "f.json"); }), HasSubstr("[f.json:1:1] malformed JSON"));
  EXPECT_THAT(error_message([] { parse_json("1 2", "f.json"); }), HasSubstr("[f.json:1:3]"));
  EXPECT_THAT(error_message([] { parse_json("[1e999]", "f.json"); }), HasSubstr("number overflow"));
  EXPECT_THAT(error_message([] { parse_json("\"\xff\"", "f.json"); }), HasSubstr("UTF-8"));
  EXPECT_EQ(error_message([] { parse_json(std::string_view("{}\0x", 4), "f.json"); }),
            "[f.json:1:3] malformed JSON: a zero byte");
}

TEST(Json, DepthIsLimited) {
  const auto nested = [](int n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_EQ(dumped(nested(kMaxJsonDepth)), nested(kMaxJsonDepth));
  EXPECT_THAT(error_message([&] { parse_json(nested(kMaxJsonDepth + 1), "f.json"); }),
              HasSubstr("[f.json:1:65] JSON nests deeper than 64 levels"));
  EXPECT_THAT(error_message([&] { parse_json(std::string(1000000, '{'), "f.json"); }), HasSubstr("deeper"));
  const std::string in_string = fmt::format("\"{}\\\"[\"", std::string(100, '['));
  EXPECT_EQ(dumped(in_string), in_string);
}

TEST(Json, FilesRoundTrip) {
  const test::TempDir dir;
  write_file_atomic(dir / "a.json", "{\"z\": 1,\n \"a\": 2}");
  EXPECT_EQ(dump_json(read_json_file(dir / "a.json"), -1), R"({"z": 1, "a": 2})");
  write_file_atomic(dir / "b.json", "{\"z\": 1,\n \"a\": }");
  EXPECT_THAT(error_message([&] { read_json_file(dir / "b.json"); }), HasSubstr("b.json:2:7]"));
}

}  // namespace
}  // namespace tilefit
