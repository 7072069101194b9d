#include "tilefit/text/unicode.h"

#include <gtest/gtest.h>

#include <string>

#include "tilefit/text/utf8.h"

namespace tilefit {
namespace {

std::u32string lower(char32_t c) {
  char32_t out[2];
  return {out, out + lower_case(c, out)};
}

std::u32string nfd(char32_t c) {
  char32_t out[4];
  return {out, out + decompose(c, out)};
}

TEST(Unicode, LowerCase) {
  EXPECT_EQ(lower(U'A'), U"a");
  EXPECT_EQ(lower(U'z'), U"z");
  EXPECT_EQ(lower(0x130), U"i\u0307");       // the only one that becomes two characters
  EXPECT_EQ(lower(0x1E9E), U"\u00DF");       // capital sharp s
  EXPECT_EQ(lower(0x3A3), U"\u03C3");        // no final sigma: characters are mapped one by one
  EXPECT_EQ(lower(0x1C5), U"\u01C6");        // title case
  EXPECT_EQ(lower(0x212A), U"k");            // Kelvin
  EXPECT_EQ(lower(0x10400), U"\U00010428");  // Deseret
  EXPECT_EQ(lower(0xA7DC), U"\u019B");       // Unicode 16: the library's data is newer than its categories
}

TEST(Unicode, Decomposition) {
  EXPECT_EQ(nfd(0xE9), U"e\u0301");
  EXPECT_EQ(nfd(0x1E69), U"s\u0323\u0307");
  EXPECT_EQ(nfd(0xAC00), U"\u1100\u1161");
  EXPECT_EQ(nfd(0xAC01), U"\u1100\u1161\u11A8");
  EXPECT_EQ(nfd(0x2F800), U"\u4E3D");
  EXPECT_EQ(nfd(0x11938), U"\U00011938");  // Unicode 13; the library does not know it
  EXPECT_EQ(nfd(U'a'), U"a");
  EXPECT_EQ(combining_class(0x301), 230);
  EXPECT_EQ(combining_class(0x323), 220);
  EXPECT_EQ(combining_class(0x334), 1);
  EXPECT_EQ(combining_class(U'a'), 0);
}

TEST(Unicode, Flags) {
  EXPECT_TRUE(char_flags(0) & kCharDropped);
  EXPECT_TRUE(char_flags(0xFFFD) & kCharDropped);
  EXPECT_TRUE(char_flags(0x200B) & kCharDropped);
  EXPECT_FALSE(char_flags('\n') & kCharDropped);
  EXPECT_FALSE(char_flags(0x378) & kCharDropped);  // unassigned stays
  EXPECT_TRUE(is_white_space(0x3000));
  EXPECT_TRUE(is_white_space(0x85));
  EXPECT_FALSE(is_white_space(0x200B));
  for (const char c : std::string("$+<=>^`|~!_")) EXPECT_TRUE(char_flags(static_cast<char32_t>(c)) & kCharPunctuation) << c;
  EXPECT_TRUE(char_flags(0x3001) & kCharPunctuation);
  EXPECT_FALSE(char_flags(0x20AC) & kCharPunctuation);  // the euro sign is a symbol
  EXPECT_TRUE(char_flags(0x301) & kCharMark);
  EXPECT_TRUE(char_flags(U'_') & kCharWord);
  EXPECT_FALSE(char_flags(U'-') & kCharWord);
  EXPECT_EQ(char_flags(0x110000), 0);
  EXPECT_TRUE(is_cjk_ideograph(0x4E2D));
  EXPECT_FALSE(is_cjk_ideograph(0x2B820));  // the library's gap
  EXPECT_FALSE(is_cjk_ideograph(0x3042));   // hiragana
}

TEST(Utf8, MalformedBytesReadAsReplacement) {
  const auto decode = [](std::string_view text) {
    std::u32string out;
    decode_utf8(text, out);
    return out;
  };
  EXPECT_EQ(decode("a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"), U"a\u00E9\u4E2D\U0001F600");
  EXPECT_EQ(decode("\xFF"), U"\uFFFD");
  EXPECT_EQ(decode("\xC0\xAF"), U"\uFFFD\uFFFD");  // overlong
  EXPECT_EQ(decode("\xE4\xB8"), U"\uFFFD");        // cut off: one maximal part
  EXPECT_EQ(decode("\xE4\xB8z"), U"\uFFFDz");
  EXPECT_EQ(decode("\xED\xA0\x80"), U"\uFFFD\uFFFD\uFFFD");  // surrogate
  EXPECT_EQ(decode("\xF4\x90\x80\x80"), U"\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_FALSE(is_valid_utf8("a\xFF"));
  EXPECT_TRUE(is_valid_utf8("a\xEF\xBF\xBD"));
}

TEST(Utf8, EveryCharacterSurvivesARoundTrip) {
  for (char32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 61) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    size_t at = 0;
    ASSERT_EQ(next_code_point(text, at), c);
    ASSERT_EQ(at, text.size());
  }
}

TEST(CodePointIndex, SlicesByCharacters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "a\xC3\xA9\xE4\xB8\xAD";
  const CodePointIndex index(text);
  EXPECT_EQ(index.size(), 300);
  EXPECT_EQ(index.size(), count_code_points(text));
  EXPECT_EQ(index.slice(0, 3), "a\xC3\xA9\xE4\xB8\xAD");
  EXPECT_EQ(index.slice(199, 201), "\xC3\xA9\xE4\xB8\xAD");
  EXPECT_EQ(index.slice(298, 1000), "\xC3\xA9\xE4\xB8\xAD");
  EXPECT_EQ(index.slice(5, 2), "");
  const CodePointIndex ascii("hello");
  EXPECT_EQ(ascii.slice(1, 3), "el");
  EXPECT_EQ(ascii.byte_offset(-1), 0u);
}

}  // namespace
}  // namespace tilefit
