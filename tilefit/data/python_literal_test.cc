// Text of Python dictionaries as `datasets` and pandas write them into CSV cells.
#include "tilefit/data/python_literal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

using test::error_message;
using testing::HasSubstr;

Json parse(std::string_view text) { return parse_python_literal(text, "cell"); }

TEST(PythonLiteral, DictionariesOfListsAndArrays) {
  const Json expected = {{"text", {"Saint"}}, {"answer_start", {515}}};
  EXPECT_EQ(parse("{'text': ['Saint'], 'answer_start': [515]}"), expected);
  EXPECT_EQ(parse("{'text': array(['Saint'], dtype=object), 'answer_start': array([515])}"), expected);
  EXPECT_EQ(parse("{'text': array(['Saint'],\n      dtype=object), 'answer_start': array([515], dtype=int32)}"), expected);
  EXPECT_EQ(parse("{'text': ('Saint',), 'answer_start': (515,)}"), expected);
  EXPECT_EQ(parse("{'text': array([], dtype=object)}"), (Json{{"text", Json::array()}}));
}

TEST(PythonLiteral, StringsWithEitherQuoteAndEscapes) {
  EXPECT_EQ(parse(R"(['it\'s', "it's", 'a\\b\n\t', '\xe9\u20ac\U0001f600'])"),
            (Json{"it's", "it's", "a\\b\n\t", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"}));
}

TEST(PythonLiteral, OtherScalars) {
  EXPECT_EQ(parse("[None, True, False, -3, 2.5]"), (Json{nullptr, true, false, -3, 2.5}));
}

TEST(PythonLiteral, ErrorsNameTheColumn) {
  const auto message = [](std::string text) { return error_message([&] { (void)parse(text); }); };
  EXPECT_THAT(message("{'text': ['a'}"), AllOf(HasSubstr("[cell]"), HasSubstr("column 14: expected ']'")));
  EXPECT_THAT(message("{'a"), HasSubstr("never closed"));
  EXPECT_THAT(message("{'a\\"), HasSubstr("never closed"));
  EXPECT_THAT(message("{a: 1}"), HasSubstr("expected a quoted key"));
  EXPECT_THAT(message("['\\q']"), HasSubstr("bad escape"));
  EXPECT_THAT(message("['\\ud800']"), HasSubstr("no Unicode character"));
  EXPECT_THAT(message("['\\x']"), HasSubstr("bad escape"));
  EXPECT_THAT(message("[1] 2"), HasSubstr("text after the value"));
  EXPECT_THAT(message("array([1, ..., 2])"), HasSubstr("abbreviated"));
  EXPECT_THAT(message("__import__('os')"), HasSubstr("expected a value"));
  EXPECT_THAT(message(std::string(100, '[')), HasSubstr("deeper than 64"));
  EXPECT_THAT(message(""), HasSubstr("ends where"));
}

}  // namespace
}  // namespace tilefit
