// Rows as RFC 4180 defines them, and its errors with their places.
#include "tilefit/data/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden.h"

namespace tilefit {
namespace {

using test::error_message;
using testing::ElementsAre;
using testing::HasSubstr;
using Rows = std::vector<std::vector<std::string>>;

Rows read_all(std::string_view text) {
  CsvReader reader(text, "f.csv");
  Rows rows;
  for (std::vector<std::string> fields; reader.next(fields);) rows.push_back(fields);
  return rows;
}

TEST(Csv, PlainAndQuotedFields) {
  EXPECT_EQ(read_all("a,b\n1,\"x, \"\"y\"\"\nz\"\n"), (Rows{{"a", "b"}, {"1", "x, \"y\"\nz"}}));
  EXPECT_EQ(read_all("a,,\n\"\",c,\"d\""), (Rows{{"a", "", ""}, {"", "c", "d"}}));
  EXPECT_EQ(read_all("a 5\" disk,b"), (Rows{{"a 5\" disk", "b"}}));  // a quote inside an unquoted field is a letter
  EXPECT_EQ(read_all("a,"), (Rows{{"a", ""}}));
}

TEST(Csv, LineEndsAndBlankLines) {
  EXPECT_EQ(read_all("\r\n\na,\"b\"\r\n\r\nc,d\r\n\n"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(read_all("a\rb,c\n"), (Rows{{"a\rb", "c"}}));
  EXPECT_TRUE(read_all("").empty());
}

TEST(Csv, KnowsTheLineOfARow) {
  CsvReader reader("a,b\n\n\"1\n2\",x\n3,4\n", "f.csv");
  std::vector<std::string> fields;
  std::vector<int64_t> lines;
  while (reader.next(fields)) lines.push_back(reader.line());
  EXPECT_THAT(lines, ElementsAre(1, 3, 5));
}

TEST(Csv, ErrorsNameThePlace) {
  EXPECT_THAT(error_message([] { (void)read_all("a,b\n1,\"open\n2,3\n"); }),
              AllOf(HasSubstr("f.csv:2:3"), HasSubstr("never closed")));
  EXPECT_THAT(error_message([] { (void)read_all("\"a\"b,c\n"); }),
              AllOf(HasSubstr("f.csv:1:4"), HasSubstr("after a closing quote")));
}

}  // namespace
}  // namespace tilefit
