// Character properties and mappings as Hugging Face's `tokenizers` 0.23 applies them, which is not any one Unicode version
// (see tools/make_unicode_tables.py). Not a general Unicode library. All functions are thread-safe and accept any value.
#pragma once
#include <cstdint>
#include <string_view>

namespace tilefit {

/// Property bits of a character.
enum CharFlags : uint8_t {
  kCharDropped = 1,      // BertNormalizer's clean_text removes it: control, format, private use, U+0000, U+FFFD
  kCharSpace = 2,        // Unicode White_Space
  kCharMark = 4,         // nonspacing mark (Mn), which strip_accents removes after decomposition
  kCharPunctuation = 8,  // BertPreTokenizer splits here: ASCII punctuation and the categories P*
  kCharWord = 16,        // \w of a regular expression: letters, marks, decimal digits, connectors
  kCharLower = 32,       // has another lower case
  kCharDecomposes = 64,  // has a canonical decomposition
  kCharReorders = 128,   // canonical combining class is not 0
};

namespace internal {
/// One byte of CharFlags per code point, 0x110000 in all.
const uint8_t* char_flag_table() noexcept;
inline constexpr char32_t kNumCodePoints = 0x110000;
}  // namespace internal

/// CharFlags of a character; 0 beyond Unicode.
inline uint8_t char_flags(char32_t c) noexcept { return c < internal::kNumCodePoints ? internal::char_flag_table()[c] : 0; }

inline bool is_white_space(char32_t c) noexcept { return (char_flags(c) & kCharSpace) != 0; }

/// A CJK ideograph as BERT defines it; the ranges are those of `tokenizers`, its gap at U+2B820..U+2B91F included.
constexpr bool is_cjk_ideograph(char32_t c) noexcept {
  return c >= 0x3400 &&
         ((c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x2A6DF) ||
          (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0x2F800 && c <= 0x2FA1F));
}

/// Lower case of one character; at most two characters (U+0130 alone has two). Returns their number.
int lower_case(char32_t c, char32_t out[2]) noexcept;

/// Full canonical decomposition of one character, Hangul included; itself when it has none. At most 4 characters; returns their
/// number.
int decompose(char32_t c, char32_t out[4]) noexcept;

/// Canonical combining class.
int combining_class(char32_t c) noexcept;

}  // namespace tilefit
