#include "tilefit/data/utf8_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "tilefit/base/error.h"

namespace tilefit {
namespace {

/// Length of the well-formed sequence at the start of `text`; 0 when there is none (Unicode standard, table 3-7).
size_t sequence_length(std::string_view text) noexcept {
  const auto within = [&](size_t i, unsigned low, unsigned high) {
    const unsigned byte = i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
    return byte >= low && byte <= high;
  };
  const auto tail = [&](size_t i) { return within(i, 0x80, 0xBF); };
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF)
    return within(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && tail(2) ? 3 : 0;
  if (first >= 0xF0 && first <= 0xF4)
    return within(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && tail(2) && tail(3) ? 4 : 0;
  return 0;
}

/// Bytes before the first one outside ASCII, skipped eight at a time.
size_t ascii_prefix(std::string_view text) noexcept {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if (word & 0x8080808080808080u) break;
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
  return i;
}

}  // namespace

std::optional<size_t> find_invalid_utf8(std::string_view text) noexcept {
  for (size_t i = ascii_prefix(text); i < text.size();) {
    const size_t length = sequence_length(text.substr(i));
    if (length == 0) return i;
    i += length;
    if (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) i += ascii_prefix(text.substr(i));
  }
  return std::nullopt;
}

void require_utf8_text(std::string_view text, std::string_view where) {
  std::optional<size_t> bad = find_invalid_utf8(text);
  const char* what = "is not UTF-8";
  if (const size_t zero = text.find('\0'); zero < bad.value_or(text.size())) bad = zero, what = "is not a text file";
  if (!bad) return;
  const std::string_view before = text.substr(0, *bad);
  const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  throw Error(Code::kFailed, fmt::format("{} (byte 0x{:02X})", what, static_cast<unsigned char>(text[*bad])),
              fmt::format("{}:{}:{}", where, 1 + std::count(before.begin(), before.end(), '\n'), *bad - line_start + 1),
              "iconv -t utf-8, or another file");
}

}  // namespace tilefit
