#include "tilefit/base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "tilefit/base/error.h"
#include "tilefit/base/files.h"

namespace tilefit {
namespace {

/// "file:line:column" of a byte offset.
std::string place(std::string_view where, std::string_view text, size_t offset, int64_t first_line) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const auto line = first_line + std::count(before.begin(), before.end(), '\n');
  const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return fmt::format("{}:{}:{}", where, line, offset - line_start + 1);
}

/// The parser's own sentence without its prefix "[json.exception...] parse error at line 1, column 2: ".
std::string reason_of(const nlohmann::json::parse_error& e) {
  const std::string_view text = e.what();
  const size_t at = text.find(": ");
  return std::string(at == std::string_view::npos ? text : text.substr(at + 2));
}

void append_escaped(std::string& out, const std::string& text) {
  out += '"';
  const auto hex = [&](uint32_t unit) { fmt::format_to(std::back_inserter(out), "\\u{:04x}", unit); };
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const int length = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (length == 1) {
      switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        default:
          if (c < 0x20 || c == 0x7F) {
            if (c == 0x7F) out += static_cast<char>(c);
            else hex(c);
          } else {
            out += static_cast<char>(c);
          }
      }
    } else {
      uint32_t code = c & (0xFFu >> (length + 1));
      for (int k = 1; k < length && i + k < text.size(); ++k) code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
      if (code >= 0x10000) {
        hex(0xD800 + ((code - 0x10000) >> 10));
        hex(0xDC00 + ((code - 0x10000) & 0x3FF));
      } else {
        hex(code);
      }
    }
    i += static_cast<size_t>(length);
  }
  out += '"';
}

/// repr(float) of Python: the shortest digits that read back, exponent form below 1e-4 and from 1e16 on.
void append_float(std::string& out, double value) {
  if (std::isnan(value)) { out += "NaN"; return; }
  if (std::isinf(value)) { out += value < 0 ? "-Infinity" : "Infinity"; return; }
  const double size = std::fabs(value);
  const bool scientific = size != 0 && (size < 1e-4 || size >= 1e16);
  char buffer[400];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, scientific ? std::chars_format::scientific : std::chars_format::fixed).ptr;
  std::string_view digits(buffer, static_cast<size_t>(end - buffer));
  out += digits;
  if (!scientific && digits.find('.') == std::string_view::npos) out += ".0";
}

void append_json(std::string& out, const Json& value, int indent, bool sort_keys, int level) {
  const auto newline = [&](int at) {
    if (indent >= 0) out += '\n' + std::string(static_cast<size_t>(indent * at), ' ');
  };
  const char* const separator = indent >= 0 ? "," : ", ";
  switch (value.type()) {
    case Json::value_t::object: {
      if (value.empty()) { out += "{}"; return; }
      std::vector<Json::const_iterator> items;
      for (auto it = value.begin(); it != value.end(); ++it) items.push_back(it);
      if (sort_keys) std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.key() < b.key(); });
      out += '{';
      for (size_t i = 0; i < items.size(); ++i) {
        if (i) out += separator;
        newline(level + 1);
        append_escaped(out, items[i].key());
        out += ": ";
        append_json(out, items[i].value(), indent, sort_keys, level + 1);
      }
      newline(level);
      out += '}';
      return;
    }
    case Json::value_t::array: {
      if (value.empty()) { out += "[]"; return; }
      out += '[';
      for (size_t i = 0; i < value.size(); ++i) {
        if (i) out += separator;
        newline(level + 1);
        append_json(out, value[i], indent, sort_keys, level + 1);
      }
      newline(level);
      out += ']';
      return;
    }
    case Json::value_t::string: append_escaped(out, value.get_ref<const std::string&>()); return;
    case Json::value_t::number_float: append_float(out, value.get<double>()); return;
    default: out += value.dump(); return;
  }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view where, int64_t first_line) {
  // Depth is checked before parsing: brackets outside strings.
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth)
        throw Error(Code::kFailed, fmt::format("JSON nests deeper than {} levels", kMaxJsonDepth), place(where, text, i, first_line));
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& e) {
    throw Error(Code::kFailed, "malformed JSON: " + reason_of(e), place(where, text, e.byte ? e.byte - 1 : 0, first_line));
  } catch (const nlohmann::json::exception& e) {
    throw Error(Code::kFailed, std::string("malformed JSON: ") + e.what(), std::string(where));
  }
}

Json read_json_file(const std::string& path) { return parse_json(read_file(path), path); }

std::string dump_json(const Json& value, int indent, bool sort_keys) {
  std::string out;
  append_json(out, value, indent, sort_keys, 0);
  return out;
}

}  // namespace tilefit
