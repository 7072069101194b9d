#include "tilefit/text/utf8.h"

#include <algorithm>

namespace tilefit {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

char32_t next_code_point(std::string_view text, size_t& at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  // Number of further bytes, and the range of the first of them (it excludes overlong forms, surrogates and > U+10FFFF).
  int more = 0;
  unsigned low = 0x80, high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    more = 1;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    more = 2;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    more = 3;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return kReplacement;
  }
  char32_t c = lead & (0x3Fu >> more);
  for (; more > 0; --more) {
    if (at >= text.size()) return kReplacement;
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < low || byte > high) return kReplacement;
    c = c << 6 | (byte & 0x3Fu);
    low = 0x80;
    high = 0xBF;
    ++at;
  }
  return c;
}

void decode_utf8(std::string_view text, std::u32string& out) {
  out.resize(text.size());
  size_t count = 0;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      out[count++] = byte;
      ++at;
    } else {
      out[count++] = next_code_point(text, at);
    }
  }
  out.resize(count);
}

void append_utf8(std::string& out, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = kReplacement;
  const auto push = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) {
    push(c);
  } else if (c < 0x800) {
    push(0xC0 | c >> 6);
    push(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    push(0xE0 | c >> 12);
    push(0x80 | (c >> 6 & 0x3F));
    push(0x80 | (c & 0x3F));
  } else {
    push(0xF0 | c >> 18);
    push(0x80 | (c >> 12 & 0x3F));
    push(0x80 | (c >> 6 & 0x3F));
    push(0x80 | (c & 0x3F));
  }
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) append_utf8(out, c);
  return out;
}

bool is_valid_utf8(std::string_view text) noexcept {
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    // U+FFFD itself is three bytes; anything else that reads as it is malformed.
    if (next_code_point(text, at) == kReplacement && text.substr(start, at - start) != "\xEF\xBF\xBD") return false;
  }
  return true;
}

int64_t count_code_points(std::string_view text) noexcept {
  int64_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) next_code_point(text, at);
  return count;
}

CodePointIndex::CodePointIndex(std::string_view text) : text_(text) {
  if (is_ascii(text)) {
    size_ = static_cast<int64_t>(text.size());
    return;
  }
  for (size_t at = 0; at < text.size(); ++size_) {
    if (size_ % kStep == 0) marks_.push_back(static_cast<uint32_t>(at));
    next_code_point(text, at);
  }
}

size_t CodePointIndex::byte_offset(int64_t code_point) const noexcept {
  if (code_point <= 0) return 0;
  if (code_point >= size_) return text_.size();
  if (marks_.empty()) return static_cast<size_t>(code_point);
  size_t at = marks_[static_cast<size_t>(code_point / kStep)];
  for (int64_t rest = code_point % kStep; rest > 0; --rest) next_code_point(text_, at);
  return at;
}

std::string_view CodePointIndex::slice(int64_t begin, int64_t end) const noexcept {
  const size_t first = byte_offset(begin);
  return text_.substr(first, std::max(byte_offset(end), first) - first);
}

}  // namespace tilefit
