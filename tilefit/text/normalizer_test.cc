// Expected strings and sources were read off the reference library.
#include "tilefit/text/normalizer.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tilefit/base/json.h"
#include "tilefit/text/pre_tokenizer.h"
#include "tilefit/text/utf8.h"

namespace tilefit {
namespace {

struct Case {
  std::u32string in, out;
  std::vector<int32_t> source;
};

void expect_all(const Normalizer& normalizer, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    NormalizedText out;
    normalizer.run(c.in, 0, out);
    EXPECT_EQ(out.chars, c.out) << encode_utf8(c.in);
    EXPECT_EQ(out.source, c.source) << encode_utf8(c.in);
  }
}

std::unique_ptr<Normalizer> from_json(const char* text) { return make_normalizer(parse_json(text, "test"), "test"); }

TEST(Normalizer, DecompositionKeepsSources) {
  expect_all(*from_json(R"({"type": "NFD"})"), {{U"q\u0307\u0323", U"q\u0323\u0307", {0, 1, 2}},
                                                {U"\u1E69", U"s\u0323\u0307", {0, 0, 0}},
                                                {U"\u1E61\u0323", U"s\u0323\u0307", {0, 1, 1}},
                                                {U"\uAC01", U"\u1100\u1161\u11A8", {0, 0, 0}},
                                                {U"\u0344\u0323", U"\u0323\u0308\u0301", {0, 1, 1}},
                                                {U"\u0F73\u0F71", U"\u0F71\u0F71\u0F72", {0, 1, 1}},
                                                {U"", U"", {}}});
}

TEST(Normalizer, BertUncased) {
  expect_all(
      *from_json(R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
                            "lowercase": true})"),
      {{U"\u0130", U"i", {0}},
       {U"A\u4E2DB", U"a \u4E2D b", {0, 1, 1, 1, 2}},
       {std::u32string(U"\0a\uFFFD\u200Bb\u00A0c", 7), U"ab c", {1, 4, 5, 6}},
       {U"\U0002F800", U" \u4E3D ", {0, 0, 0}},
       {U"\u1E61\u0323x", U"sx", {0, 2}},
       {U"E\u0301t\u00C9", U"ete", {0, 2, 3}}});
}

TEST(Normalizer, BertOptionsActOneByOne) {
  expect_all(*make_bert_normalizer({false, false, false, true}),
             {{U"\u0130\u00C9\u4E2D\t", U"i\u0307\u00E9\u4E2D\t", {0, 0, 1, 2, 3}}});
  expect_all(*make_bert_normalizer({true, false, false, false}), {{U"\u00C9\t\u4E2D\u200B", U"\u00C9 \u4E2D", {0, 1, 2}}});
  expect_all(*make_bert_normalizer({false, false, true, false}), {{U"\u00C9t\u0301 ", U"Et ", {0, 1, 3}}});
}

TEST(Normalizer, SequenceChainsSources) {
  expect_all(*from_json(R"({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}]})"),
             {{U"x\u00C9", U"xe\u0301", {0, 1, 1}}});
}

TEST(Normalizer, UnknownTypesAreNamed) {
  EXPECT_EQ(test::error_message([] { from_json(R"({"type": "Precompiled"})"); }),
            "[test] normalizer type 'Precompiled' is not supported (supported: BertNormalizer, Lowercase, NFD, Sequence)");
  EXPECT_EQ(test::error_message([] { from_json(R"({"type": "BertNormalizer", "lowercase": 1})"); }),
            "[test] 'lowercase' must be true or false, not number");
  EXPECT_EQ(from_json("null"), nullptr);
}

std::vector<std::string> words(const PreTokenizer& pre_tokenizer, const std::u32string& text) {
  std::vector<WordSpan> spans;
  pre_tokenizer.split(text, 0, text.size(), spans);
  std::vector<std::string> out;
  for (const WordSpan& s : spans) out.push_back(encode_utf8(std::u32string_view(text).substr(s.begin, s.end - s.begin)));
  return out;
}

TEST(PreTokenizer, CutsAsTheirRulesSay) {
  using Words = std::vector<std::string>;
  const auto make = [](const char* text) { return make_pre_tokenizer(parse_json(text, "test"), "test"); };
  const std::u32string text = U"  Hey, you!?  it's \u3001 ";
  EXPECT_EQ(words(*make(R"({"type": "BertPreTokenizer"})"), text),
            (Words{"Hey", ",", "you", "!", "?", "it", "'", "s", "\xE3\x80\x81"}));
  EXPECT_EQ(words(*make(R"({"type": "WhitespaceSplit"})"), text), (Words{"Hey,", "you!?", "it's", "\xE3\x80\x81"}));
  EXPECT_EQ(words(*make(R"({"type": "Whitespace"})"), text),
            (Words{"Hey", ",", "you", "!?", "it", "'", "s", "\xE3\x80\x81"}));
  EXPECT_EQ(words(*make(R"({"type": "BertPreTokenizer"})"), U" \t"), Words{});
  EXPECT_EQ(
      test::error_message([&] { make(R"({"type": "ByteLevel"})"); }),
      "[test] pre_tokenizer type 'ByteLevel' is not supported (supported: BertPreTokenizer, Whitespace, WhitespaceSplit, "
      "Sequence)");
}

}  // namespace
}  // namespace tilefit
