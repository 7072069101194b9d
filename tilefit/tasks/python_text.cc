#include "tilefit/tasks/python_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "tilefit/text/utf8.h"

namespace tilefit {
namespace {

/// A code point and its length in bytes. Malformed bytes come one by one with code -1.
struct CodePoint {
  utf8proc_int32_t code;
  size_t length;
};

CodePoint read_code_point(std::string_view text, size_t at) noexcept {
  utf8proc_int32_t code = -1;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                       static_cast<utf8proc_ssize_t>(text.size() - at), &code);
  if (length <= 0) return {-1, 1};
  return {code, static_cast<size_t>(length)};
}

/// str.isspace() of one code point.
bool is_space(utf8proc_int32_t c) noexcept {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

/// \w of Python's re: str.isalnum(), which is the categories L and N, or the underscore.
bool is_word(utf8proc_int32_t c) noexcept {
  if (c < 0) return false;
  const auto category = utf8proc_category(c);
  return c == '_' || (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

struct Interval {
  utf8proc_int32_t first, last;
};

template <size_t N>
bool contains(const Interval (&intervals)[N], utf8proc_int32_t c) noexcept {
  return std::any_of(std::begin(intervals), std::end(intervals), [c](Interval i) { return i.first <= c && c <= i.last; });
}

/// Unicode's Cased: Lu, Ll, Lt, Other_Lowercase or Other_Uppercase (PropList.txt).
bool is_cased(utf8proc_int32_t c) noexcept {
  static constexpr Interval kOther[] = {
      {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},     {0x2E0, 0x2E4},     {0x345, 0x345},
      {0x37A, 0x37A},     {0x1D2C, 0x1D6A},   {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},   {0x207F, 0x207F},
      {0x2090, 0x209C},   {0x2160, 0x217F},   {0x24B6, 0x24E9},   {0x2C7C, 0x2C7D},   {0xA69C, 0xA69D},   {0xA770, 0xA770},
      {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},   {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA},
      {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
  const auto category = utf8proc_category(c);
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LT) || contains(kOther, c);
}

/// Unicode's Case_Ignorable: Mn, Me, Cf, Lm, Sk, or word-breaking punctuation inside words (WordBreakProperty.txt).
bool is_case_ignorable(utf8proc_int32_t c) noexcept {
  static constexpr Interval kOther[] = {{0x27, 0x27},     {0x2E, 0x2E},     {0x3A, 0x3A},     {0xB7, 0xB7},
                                        {0x387, 0x387},   {0x55F, 0x55F},   {0x5F4, 0x5F4},   {0x2018, 0x2019},
                                        {0x2024, 0x2024}, {0x2027, 0x2027}, {0xFE13, 0xFE13}, {0xFE52, 0xFE52},
                                        {0xFE55, 0xFE55}, {0xFF07, 0xFF07}, {0xFF0E, 0xFF0E}, {0xFF1A, 0xFF1A}};
  const auto category = utf8proc_category(c);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_SK || contains(kOther, c);
}

/// Unicode's Final_Sigma: behind a cased letter and not before one, case-ignorable characters between them left aside.
bool is_final_sigma(const std::vector<utf8proc_int32_t>& text, size_t at) noexcept {
  size_t before = at;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  size_t after = at + 1;
  while (after < text.size() && is_case_ignorable(text[after])) ++after;
  return after == text.size() || !is_cased(text[after]);
}

/// Lower case of a text with a capital sigma, where a letter's form depends on its neighbours.
std::string lower_in_context(std::string_view text) {
  constexpr char32_t kSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;
  std::vector<utf8proc_int32_t> codes;
  std::vector<size_t> at;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = read_code_point(text, i);
    codes.push_back(c.code);
    at.push_back(i);
    i += c.length;
  }
  std::string out;
  for (size_t i = 0; i < codes.size(); ++i) {
    const size_t length = (i + 1 < at.size() ? at[i + 1] : text.size()) - at[i];
    if (codes[i] == utf8proc_int32_t{kSigma}) append_utf8(out, is_final_sigma(codes, i) ? kFinalSigma : kSmallSigma);
    else out += python_lower(text.substr(at[i], length));
  }
  return out;
}

}  // namespace

std::string python_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char byte = text[i];
    if (static_cast<unsigned char>(byte) < 0x80) {
      out += byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
      ++i;
      continue;
    }
    const CodePoint c = read_code_point(text, i);
    if (c.code == 0x3A3) return lower_in_context(text);
    if (c.code == 0x130) out += "i\xCC\x87";
    else if (c.code < 0) out += byte;
    else append_utf8(out, static_cast<char32_t>(utf8proc_tolower(c.code)));
    i += c.length;
  }
  return out;
}

std::vector<std::string_view> python_split(std::string_view text) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = read_code_point(text, i);
    if (is_space(c.code)) {
      if (i > begin) parts.push_back(text.substr(begin, i - begin));
      begin = i + c.length;
    }
    i += c.length;
  }
  if (text.size() > begin) parts.push_back(text.substr(begin));
  return parts;
}

std::string_view python_lstrip(std::string_view text) {
  while (!text.empty()) {
    const CodePoint c = read_code_point(text, 0);
    if (!is_space(c.code)) break;
    text.remove_prefix(c.length);
  }
  return text;
}

std::string remove_articles(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    size_t end = i;  // of the run of word characters at i
    while (end < text.size()) {
      const CodePoint c = read_code_point(text, end);
      if (!is_word(c.code)) break;
      end += c.length;
    }
    const std::string_view word = text.substr(i, end - i);
    if (word == "a" || word == "an" || word == "the") out += ' ';
    else out += word;
    if (end >= text.size()) break;
    const size_t length = read_code_point(text, end).length;
    out += text.substr(end, length);
    i = end + length;
  }
  return out;
}

std::string remove_punctuation(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool punctuation =
        (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    if (!punctuation) out += c;
  }
  return out;
}

}  // namespace tilefit
