// The same questions in every form, all errors with their places, and the published data sets' counts.
#include "tilefit/data/qa_examples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/data/utf8_check.h"

namespace tilefit {
namespace {

using test::error_message;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kNested =
    R"({"version": "1.1", "data": [{"title": "T", "paragraphs": [{"context": "Le caf\u00e9 noir", "qas": [
  {"id": "1", "question": "what?", "answers": [{"text": "noir", "answer_start": 8}, {"text": "caf\u00e9", "answer_start": 3}]},
  {"id": "2", "question": "why?", "answers": [], "is_impossible": true}]}]}]})";
constexpr const char* kRow1 =
    R"({"id": "1", "title": "T", "context": "Le caf\u00e9 noir", "question": "what?", "answers": {"text": ["noir", "caf\u00e9"], "answer_start": [8, 3]}})";
constexpr const char* kRow2 =
    R"({"id": "2", "title": "T", "context": "Le caf\u00e9 noir", "question": "why?", "answers": {"text": [], "answer_start": []}})";
constexpr const char* kCsv =
    "id,title,context,question,answers\r\n"
    "1,T,Le caf\xC3\xA9 noir,what?,\"{'text': array(['noir', 'caf\xC3\xA9'], dtype=object), 'answer_start': array([8, "
    "3])}\"\r\n"
    "2,T,Le caf\xC3\xA9 noir,why?,\"{\"\"text\"\": [], \"\"answer_start\"\": []}\"\r\n";

std::vector<QaExample> parse(std::string_view text, const QaReadOptions& options = {}, QaReadStats* stats = nullptr) {
  return parse_qa_examples(text, "f", options, stats);
}

std::string message_of(const std::string& text, QaAnswers answers = QaAnswers::kRequired) {
  return error_message([&] { (void)parse(text, {answers, {}}); });
}

void expect_both(const std::vector<QaExample>& examples) {
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].id, "1");
  EXPECT_EQ(examples[0].title, "T");
  EXPECT_EQ(examples[0].question, "what?");
  EXPECT_EQ(examples[0].context, "Le caf\xC3\xA9 noir");
  EXPECT_THAT(examples[0].answer_texts, ElementsAre("noir", "caf\xC3\xA9"));
  EXPECT_THAT(examples[0].answer_starts, ElementsAre(8, 3));
  EXPECT_FALSE(examples[0].is_impossible());
  EXPECT_EQ(examples[1].id, "2");
  EXPECT_EQ(examples[1].question, "why?");
  EXPECT_TRUE(examples[1].is_impossible());
}

TEST(QaExamples, EveryFormReadsTheSame) {
  const std::string row1 = kRow1, row2 = kRow2;
  expect_both(parse(kNested));
  expect_both(parse("{\"data\": [" + row1 + ", " + row2 + "], \"version\": 1}"));
  expect_both(parse("[" + row1 + ", " + row2 + "]"));
  expect_both(parse(row1 + "\n\n" + row2));
  expect_both(parse("\xEF\xBB\xBF" + row1 + "\r\n" + row2 + "\r\n"));
  expect_both(parse(kCsv));
}

TEST(QaExamples, AListOfAnswersAndASingleRow) {
  const auto examples = parse(R"({"id": 7, "context": "a b", "question": "q",
                                  "answers": [{"text": "b", "answer_start": 2}]})");
  ASSERT_EQ(examples.size(), 1u);
  EXPECT_EQ(examples[0].id, "7");
  EXPECT_THAT(examples[0].answer_starts, ElementsAre(2));
}

TEST(QaExamples, ReadsPlainAndGzipFiles) {
  const test::TempDir dir;
  write_file_atomic(dir / "a.json", kNested);
  expect_both(read_qa_examples(dir / "a.json"));
  const std::string packed = dir / "b.csv";  // the name says nothing
  const gzFile file = gzopen(packed.c_str(), "wb");
  gzwrite(file, kNested, static_cast<unsigned>(std::strlen(kNested)));
  gzclose(file);
  expect_both(read_qa_examples(packed));
  EXPECT_THAT(error_message([&] { (void)read_qa_examples(dir / "absent.json"); }), HasSubstr("absent.json"));
}

TEST(QaExamples, ChoosesColumnsAsRunQaDoes) {
  const auto examples = parse("q,c,a\nwhy,because,\"{'text': ['be'], 'answer_start': [0]}\"\n");
  EXPECT_EQ(examples[0].question, "why");
  EXPECT_EQ(examples[0].context, "because");
  EXPECT_THAT(examples[0].answer_texts, ElementsAre("be"));
  EXPECT_EQ(examples[0].id, "0");  // no id column: the row's number
  EXPECT_THAT(message_of("question,context\na,b\n"),
              HasSubstr("columns question, context, expected question, context and answers"));
  EXPECT_EQ(parse("question,context\na,b\n", {QaAnswers::kOptional, {}})[0].context, "b");
}

TEST(QaExamples, TakesTheFirstN) {
  EXPECT_EQ(parse(kNested, {QaAnswers::kRequired, 1}).size(), 1u);
  EXPECT_EQ(parse(kCsv, {QaAnswers::kRequired, 1}).size(), 1u);
  EXPECT_EQ(parse(kCsv, {QaAnswers::kRequired, 9}).size(), 2u);
}

TEST(QaExamples, CountsOdditiesAndGoesOn) {
  QaReadStats stats;
  const auto examples = parse(
      R"([{"id": "a", "context": "xyz", "question": "q", "answers": {"text": ["z", "y", "x"], "answer_start": [2, 2, -1]}},
                                  {"id": "a", "context": "xyz", "question": "q", "answers": {"text": ["z"], "answer_start": [99]}},
                                  {"id": "b", "context": "xyz", "question": "q", "answers": null}])",
      {}, &stats);
  EXPECT_EQ(examples.size(), 3u);
  EXPECT_EQ(stats.examples, 3);
  EXPECT_EQ(stats.impossible, 1);
  EXPECT_EQ(stats.answers, 4);
  EXPECT_EQ(stats.answers_outside, 3);
  EXPECT_EQ(stats.duplicate_ids, 1);
}

TEST(QaExamples, AnswersMayBeLeftOutWhereTheyAreNotNeeded) {
  const std::string bare = R"({"id": "1", "context": "c", "question": "q"})";
  EXPECT_EQ(parse(bare, {QaAnswers::kOptional, {}}).size(), 1u);
  EXPECT_THAT(message_of(bare), HasSubstr("expected question, context and answers"));
  const std::string texts = R"([{"id": "1", "context": "c", "question": "q", "answers": {"text": ["c"]}}])";
  EXPECT_THAT(parse(texts, {QaAnswers::kTextsOnly, {}})[0].answer_starts, ElementsAre(0));
  EXPECT_THAT(message_of(texts), HasSubstr("missing field 'answer_start', found 'text'"));
}

TEST(QaExamples, ErrorsOfJsonNameThePath) {
  const auto nested = [](const std::string& qa) {
    return R"({"data": [{"title": "T", "paragraphs": [{"context": "c", "qas": []}, {"context": "c", "qas": [)" + qa +
           "]}]}]}";
  };
  EXPECT_THAT(
      message_of(nested(R"({"id": "1", "answers": []})")),
      AllOf(HasSubstr("[f data[0].paragraphs[1].qas[0]]"), HasSubstr("missing field 'question', found 'id', 'answers'")));
  EXPECT_THAT(message_of(nested(R"({"question": "q", "answers": []})")), HasSubstr("missing field 'id'"));
  EXPECT_THAT(message_of(nested(R"({"id": "1", "question": 5, "answers": []})")),
              HasSubstr("field 'question' is a number, expected a string"));
  EXPECT_THAT(message_of(nested(R"({"id": "1", "question": "q", "answers": 5})")), HasSubstr("field 'answers' is a number"));
  EXPECT_THAT(message_of(nested(R"({"id": "1", "question": "q", "answers": [{"text": 1, "answer_start": 1}]})")),
              HasSubstr("field 'text' is a number, expected a string"));
  for (const char* start : {"\"1\"", "1.5", "18446744073709551615", "null"})
    EXPECT_THAT(message_of(nested(std::string(R"({"id": "1", "question": "q", "answers": [{"text": "c", "answer_start": )") +
                                  start + "}]}")),
                HasSubstr("expected a whole number"))
        << start;
  EXPECT_THAT(message_of(nested("5")), HasSubstr("a question is of type number, expected an object"));
  EXPECT_THAT(message_of(R"({"data": [{"paragraphs": {}}]})"),
              AllOf(HasSubstr("data[0]"), HasSubstr("field 'paragraphs' is an object")));
  EXPECT_THAT(
      message_of(R"([{"id": "1", "question": "q", "context": "c", "answers": {"text": ["a", "b"], "answer_start": [1]}}])"),
      AllOf(HasSubstr("[f [0]]"), HasSubstr("2 answer texts but 1 values of 'answer_start'")));
  EXPECT_THAT(message_of(R"({"data": {}})"), HasSubstr("expected a list of articles or rows under 'data'"));
  EXPECT_THAT(message_of(R"({"model_type": "bert"})"), HasSubstr("expected a list of articles or rows under 'data'"));
  EXPECT_THAT(message_of("[1]"), HasSubstr("a row is of type number"));
  EXPECT_THAT(message_of("{\"data\": [\n{\"id\": }]}"), HasSubstr("f:2:8"));
  EXPECT_THAT(message_of("{\"data\": [{\"id\""), HasSubstr("malformed JSON"));
}

TEST(QaExamples, ErrorsOfLinesNameTheLine) {
  const std::string row = kRow1;
  EXPECT_THAT(message_of(row + "\n" + row + "\n{\"id\": \"3\",}\n"), HasSubstr("f:3:12"));
  EXPECT_THAT(message_of(row + "\n\n{\"id\": \"3\", \"question\": \"q\"}\n"),
              AllOf(HasSubstr("[f:3 (row 2)]"), HasSubstr("missing field 'context'")));
}

TEST(QaExamples, ErrorsOfCsvNameLineAndRow) {
  const std::string csv = kCsv;
  EXPECT_THAT(message_of(csv + "3,T,c\n"),
              AllOf(HasSubstr("[f:4 (row 3)]"), HasSubstr("3 fields, expected 5 as in the header (id, title")));
  EXPECT_THAT(message_of(csv + "3,T,c,q,{'text': [}\n"),
              AllOf(HasSubstr("f:4 (row 3), field 'answers'"), HasSubstr("column 11")));
  EXPECT_THAT(message_of(csv + "3,T,c,q,\"{\"\"text\"\": [}\"\n"),
              AllOf(HasSubstr("f:4 (row 3), field 'answers'"), HasSubstr("malformed JSON")));
  EXPECT_THAT(message_of(csv + "3,T,c,q,\"'text'\"\n"), HasSubstr("field 'answers' is a string, expected an object"));
  EXPECT_THAT(message_of(csv + "3,T,c,\"q,\n"), HasSubstr("f:4:7"));
  EXPECT_THAT(message_of("id,id,question,context,answers\n"), HasSubstr("two columns are called 'id'"));
  EXPECT_THAT(message_of("x" + std::string(300, ',')), HasSubstr("301 columns, more than 256"));
  EXPECT_THAT(message_of("id,question,context,answers\n"), HasSubstr("holds no examples"));
}

TEST(QaExamples, RefusesWhatIsNoText) {
  EXPECT_THAT(message_of(""), HasSubstr("is empty"));
  EXPECT_THAT(message_of(" \n"), HasSubstr("is empty"));
  EXPECT_THAT(message_of("[]"), HasSubstr("holds no examples"));
  EXPECT_THAT(message_of("{\"data\": [\n{\"id\": \"\xE9\"}]}"),
              AllOf(HasSubstr("f:2:9"), HasSubstr("not UTF-8 (byte 0xE9)")));
  EXPECT_THAT(message_of(std::string("a,b\n\0,", 6)), AllOf(HasSubstr("f:2:1"), HasSubstr("not a text file")));
  EXPECT_THAT(message_of("PAR1...."), HasSubstr("Parquet"));
  EXPECT_THAT(message_of(std::string(100, '[')), HasSubstr("deeper"));
}

TEST(QaExamples, FindsMalformedUtf8) {
  for (const char* good : {"", "plain ascii text", "\xC3\xA9", "\xE2\x82\xAC and more text", "\xF0\x9F\x98\x80",
                           "\xF4\x8F\xBF\xBF", "\xEE\x80\x80"})
    EXPECT_EQ(find_invalid_utf8(good), std::nullopt) << good;
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
                          "\xFF", "\xE2\x82"})
    EXPECT_EQ(find_invalid_utf8(std::string("0123456789") + bad), 10u);
}

TEST(QaExamples, TheSampleIsWhole) {
  const std::string folder = std::string(TILEFIT_SOURCE_DIR) + "/data/squad-sample/";
  QaReadStats stats;
  EXPECT_EQ(read_qa_examples(folder + "train-v1.1-sample.json.gz", {}, &stats).size(), 5101u);
  EXPECT_EQ(stats.answers_outside, 0);
  EXPECT_EQ(read_qa_examples(folder + "dev-v1.1-sample.json.gz", {}, &stats).size(), 500u);
  EXPECT_EQ(stats.answers, 1633);
  EXPECT_EQ(stats.answers_outside, 0);
}

struct Published {
  const char* file;
  int64_t examples, impossible, answers;
};

TEST(QaExamples, PublishedDataSetsHaveTheirCounts) {
  int found = 0;
  for (const Published& set :
       {Published{"dev-v1.1.json.gz", 10570, 0, 34726}, Published{"dev-v2.0.json.gz", 11873, 5945, 20302},
        Published{"train-v1.1-subset.json.gz", 5101, 0, 5101}, Published{"xquad.zh.json.gz", 1190, 0, 1190}}) {
    const auto file = test::squad_file(set.file);
    if (!file) continue;
    ++found;
    QaReadStats stats;
    EXPECT_EQ(read_qa_examples(*file, {}, &stats).size(), static_cast<size_t>(set.examples));
    EXPECT_EQ(stats.impossible, set.impossible) << set.file;
    EXPECT_EQ(stats.answers, set.answers) << set.file;
    EXPECT_EQ(stats.answers_outside, 0) << set.file;
    EXPECT_EQ(stats.duplicate_ids, 0) << set.file;
  }
  if (!found) GTEST_SKIP() << "no published data set";
}

}  // namespace
}  // namespace tilefit
