#include "tilefit/text/tokenize_lines.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

std::unique_ptr<Tokenizer> small() {
  TokenizerFiles files;
  files.vocab_txt = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhi\n##s\n";
  return tokenizer_from_files(files);
}

std::vector<std::string> run(std::string_view lines, bool special = true) {
  std::vector<std::string> out;
  tokenize_lines(*small(), lines, "in.jsonl", special, [&](const std::string& line) { out.push_back(line); });
  return out;
}

TEST(TokenizeLines, OneResultForEveryLine) {
  EXPECT_EQ(
      run("{\"text\": \"his \\u00e9\"}\r\n{\"text\":\"hi\",\"pair\":\"hi\"}\n{\"text\": \"\", \"pair\": null}"),
      (std::vector<std::string>{R"({"ids":[2,5,6,1,3],"type_ids":[0,0,0,0,0],"offsets":[[0,0],[0,2],[2,3],[4,5],[0,0]]})",
                                R"({"ids":[2,5,3,5,3],"type_ids":[0,0,0,1,1],"offsets":[[0,0],[0,2],[0,0],[0,2],[0,0]]})",
                                R"({"ids":[2,3],"type_ids":[0,0],"offsets":[[0,0],[0,0]]})"}));
  EXPECT_EQ(run("{\"text\": \"hi\"}\n", false),
            (std::vector<std::string>{R"({"ids":[5],"type_ids":[0],"offsets":[[0,2]]})"}));
  EXPECT_TRUE(run("").empty());
}

TEST(TokenizeLines, ErrorsNameThePlace) {
  const auto message = [](const char* lines) { return test::error_message([&] { run(lines); }); };
  EXPECT_EQ(message("{\"text\": \"a\"}\n{\"text\" \"b\"}\n").substr(0, 18), "[in.jsonl:2:11] ma");
  EXPECT_EQ(message("{\"text\": \"a\"}\n\n{\"text\": \"b\"}\n").substr(0, 16), "[in.jsonl:2:1] m");
  EXPECT_EQ(message("{\"pair\": \"a\"}"), "[in.jsonl:1:1] the object has no 'text'");
  EXPECT_EQ(message("{\"text\": 1}"), "[in.jsonl:1:1] 'text' must be a string, not number");
  EXPECT_EQ(message("{\"text\": \"a\", \"pair\": []}"), "[in.jsonl:1:1] 'pair' must be a string, not array");
  EXPECT_EQ(message("[1]"), "[in.jsonl:1:1] expected an object with 'text', found array");
}

}  // namespace
}  // namespace tilefit
