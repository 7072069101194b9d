#include "tilefit/data/python_literal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/text/utf8.h"

namespace tilefit {
namespace {

class LiteralParser {
 public:
  LiteralParser(std::string_view text, std::string_view where) : text_(text), where_(where) {}

  Json parse() {
    Json value = parse_value(0);
    skip_space();
    if (at_ < text_.size()) fail("text after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw Error(Code::kFailed, fmt::format("malformed Python literal at column {}: {}", at_ + 1, what), std::string(where_));
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }

  /// Skips white space, then takes `token` when it comes next.
  bool take(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  void expect(std::string_view token) {
    if (!take(token)) fail(fmt::format("expected '{}'", token));
  }

  Json parse_value(int depth) {
    if (depth > kMaxJsonDepth) fail(fmt::format("nests deeper than {} levels", kMaxJsonDepth));
    skip_space();
    if (at_ >= text_.size()) fail("ends where a value is expected");
    const char c = text_[at_];
    if (c == '\'' || c == '"') return parse_string(c);
    if (take("{")) return parse_dictionary(depth);
    if (take("[")) return parse_items("]", depth);
    if (take("array(")) return parse_array(depth);
    if (take("(")) return parse_items(")", depth);
    if (take("None")) return nullptr;
    if (take("True")) return true;
    if (take("False")) return false;
    return parse_number();
  }

  Json parse_dictionary(int depth) {
    Json object = Json::object();
    while (!take("}")) {
      skip_space();
      if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) fail("expected a quoted key");
      const std::string key = parse_string(text_[at_]);
      expect(":");
      object[key] = parse_value(depth + 1);
      if (take(",")) continue;
      expect("}");
      break;
    }
    return object;
  }

  Json parse_items(std::string_view closing, int depth) {
    Json items = Json::array();
    while (!take(closing)) {
      if (take("...")) fail("the array is abbreviated");
      items.push_back(parse_value(depth + 1));
      if (take(",")) continue;
      expect(closing);
      break;
    }
    return items;
  }

  /// After "array(": a list, then "dtype=NAME" which is ignored.
  Json parse_array(int depth) {
    expect("[");
    Json items = parse_items("]", depth);
    if (take(",")) {
      expect("dtype=");
      while (at_ < text_.size() && text_[at_] != ')') ++at_;
    }
    expect(")");
    return items;
  }

  Json parse_number() {
    const size_t end = std::min(text_.find_first_not_of("+-.0123456789eE_", at_), text_.size());
    const std::string_view digits = text_.substr(at_, end - at_);
    int64_t integer = 0;
    double real = 0;
    const char* const last = digits.data() + digits.size();
    const bool is_integer = !digits.empty() && std::from_chars(digits.data(), last, integer).ptr == last;
    if (!is_integer && (digits.empty() || std::from_chars(digits.data(), last, real).ptr != last)) fail("expected a value");
    at_ = end;
    return is_integer ? Json(integer) : Json(real);
  }

  uint32_t parse_hex(size_t digits) {
    uint32_t code = 0;
    const std::string_view hex = text_.substr(at_, digits);
    const auto [ptr, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (hex.size() != digits || error != std::errc() || ptr != hex.data() + digits) fail("bad escape in a string");
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) fail("an escape that is no Unicode character");
    at_ += digits;
    return code;
  }

  std::string parse_string(char quote) {
    std::string out;
    for (++at_;;) {
      if (at_ >= text_.size()) fail("a string is never closed");
      const char c = text_[at_++];
      if (c == quote) return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ >= text_.size()) fail("a string is never closed");
      switch (const char escape = text_[at_++]) {
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'x': append_utf8(out, parse_hex(2)); break;
        case 'u': append_utf8(out, parse_hex(4)); break;
        case 'U': append_utf8(out, parse_hex(8)); break;
        case '\\':
        case '\'':
        case '"': out += escape; break;
        default: fail("bad escape in a string");
      }
    }
  }

  std::string_view text_, where_;
  size_t at_ = 0;
};

}  // namespace

Json parse_python_literal(std::string_view text, std::string_view where) { return LiteralParser(text, where).parse(); }

}  // namespace tilefit
