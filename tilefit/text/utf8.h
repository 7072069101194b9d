// UTF-8 in and out, and positions in code points, the unit of all offsets. Malformed bytes read as U+FFFD: one for every maximal
// part of a sequence that could have become a character, as Python's errors="replace" does.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tilefit {

/// Reads the character that starts at text[at] (at < text.size()) and moves `at` past it.
char32_t next_code_point(std::string_view text, size_t& at) noexcept;

/// All characters of a text; replaces the content of `out`.
void decode_utf8(std::string_view text, std::u32string& out);

/// Appends one character; values that are no Unicode scalar value become U+FFFD.
void append_utf8(std::string& out, char32_t c);
std::string encode_utf8(std::u32string_view text);

bool is_valid_utf8(std::string_view text) noexcept;

/// Number of characters.
int64_t count_code_points(std::string_view text) noexcept;

/// Translates code point offsets of one text into byte offsets, to cut answers out of it. The text must outlive the index.
/// ASCII texts cost nothing; others one 32-bit value per 64 characters.
class CodePointIndex {
 public:
  explicit CodePointIndex(std::string_view text);

  /// Byte offset of a character; positions past the end give the text's size.
  size_t byte_offset(int64_t code_point) const noexcept;

  /// The characters [begin, end) of the text.
  std::string_view slice(int64_t begin, int64_t end) const noexcept;

  int64_t size() const noexcept { return size_; }  // in characters

 private:
  static constexpr int64_t kStep = 64;
  std::string_view text_;
  std::vector<uint32_t> marks_;  // byte offset of every kStep-th character; empty for ASCII
  int64_t size_ = 0;
};

}  // namespace tilefit
