#include "tilefit/base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>
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
std::string reason_of(const nlohmann::detail::exception& e) {
  const std::string_view text = e.what();
  size_t at = text.find(": ");
  if (at == std::string_view::npos) at = text.find("] ");
  return std::string(at == std::string_view::npos ? text : text.substr(at + 2));
}

/// JSON has no NaN and no infinities, but Python writes them.
constexpr std::array<std::pair<std::string_view, double>, 3> kNonFinite = {
    {{"-Infinity", -HUGE_VAL}, {"Infinity", HUGE_VAL}, {"NaN", NAN}}};

/// A text whose bare NaN and Infinity were replaced by strings of the same length, so that places in messages stay right.
struct MarkedText {
  std::string text;
  std::unordered_map<size_t, double>
      numbers;  ///< which strings, counted from 0 in text order (keys too), stand for which number
};

MarkedText mark_non_finite(std::string_view text) {
  MarkedText marked{std::string(text), {}};
  size_t strings = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      in_string = !in_string;
      strings += !in_string;
    } else if (in_string) {
      i += text[i] == '\\';
    } else {
      for (const auto& [word, number] : kNonFinite) {
        if (text.substr(i, word.size()) != word) continue;
        marked.text[i] = marked.text[i + word.size() - 1] = '"';
        marked.numbers.emplace(strings++, number);
        i += word.size() - 1;
        break;
      }
    }
  }
  return marked;
}

/// Builds a value from parse events. The library's own builder looks through all earlier keys at each new one, which makes a vocabulary of
/// 250,000 tokens a matter of minutes; this one keeps an index of large objects. A key that comes twice keeps its first place and its last
/// value, as in Python.
class JsonBuilder : public nlohmann::json_sax<Json> {
 public:
  /// numbers: the strings to be taken as numbers, as in MarkedText.
  explicit JsonBuilder(std::unordered_map<size_t, double> numbers = {}) : numbers_(std::move(numbers)) {}

  Json root;
  size_t error_at = 0;       ///< byte offset of the mistake
  std::string error_reason;  ///< empty: none

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(int64_t value) override { return add(value); }
  bool number_unsigned(uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool binary(Json::binary_t&) override { return false; }
  bool string(std::string& value) override {
    if (const auto number = numbers_.find(num_strings_++); number != numbers_.end()) return add(number->second);
    return add(std::move(value));
  }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    ++num_strings_;
    Frame& frame = frames_.back();
    std::vector<Json::object_t::value_type>& members = frame.value->get_ref<Json::object_t&>();
    if (members.size() == kIndexFrom)
      for (size_t i = 0; i < members.size(); ++i) frame.index.emplace(members[i].first, i);
    size_t at = members.size();
    if (members.size() < kIndexFrom) {
      for (size_t i = 0; i < members.size(); ++i)
        if (members[i].first == name) at = i;
    } else {
      at = frame.index.emplace(name, members.size()).first->second;
    }
    if (at == members.size()) members.emplace_back(std::move(name), nullptr);
    slot_ = &members[at].second;
    return true;
  }
  bool parse_error(size_t byte, const std::string&, const nlohmann::detail::exception& e) override {
    error_at = byte ? byte - 1 : 0;
    error_reason = reason_of(e);
    return false;
  }

 private:
  static constexpr size_t kIndexFrom = 32;
  struct Frame {
    Json* value;
    std::unordered_map<std::string, size_t> index;  ///< empty while the object is small
  };

  bool add(Json value) {
    place_of(std::move(value));
    return true;
  }
  bool open(Json value) {
    Json* const at = place_of(std::move(value));
    frames_.push_back({at, {}});
    return true;
  }
  bool close() {
    frames_.pop_back();
    return true;
  }
  /// Stores a value where the text has it. Only the innermost container grows, so pointers to the outer ones stay good.
  Json* place_of(Json value) {
    if (frames_.empty()) return &(root = std::move(value));
    if (frames_.back().value->is_object()) return &(*slot_ = std::move(value));
    auto& items = frames_.back().value->get_ref<Json::array_t&>();
    return &items.emplace_back(std::move(value));
  }

  std::unordered_map<size_t, double> numbers_;
  size_t num_strings_ = 0;
  std::vector<Frame> frames_;
  Json* slot_ = nullptr;  ///< where the value of the last key goes
};

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
          if (c < 0x20 || c == 0x7F) hex(c);
          else out += static_cast<char>(c);
      }
    } else {
      uint32_t code = c & (0xFFu >> (length + 1));
      for (int k = 1; k < length && i + k < text.size(); ++k)
        code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
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
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  const double size = std::fabs(value);
  const bool scientific = size != 0 && (size < 1e-4 || size >= 1e16);
  char buffer[400];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 scientific ? std::chars_format::scientific : std::chars_format::fixed)
                       .ptr;
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
      if (value.empty()) {
        out += "{}";
        return;
      }
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
      if (value.empty()) {
        out += "[]";
        return;
      }
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
        throw Error(Code::kFailed, fmt::format("JSON nests deeper than {} levels", kMaxJsonDepth),
                    place(where, text, i, first_line));
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  // The library takes a zero byte for the end of the text.
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos)
    throw Error(Code::kFailed, "malformed JSON: a zero byte", place(where, text, zero, first_line));
  JsonBuilder builder;
  if (Json::sax_parse(text, static_cast<nlohmann::json_sax<Json>*>(&builder))) return std::move(builder.root);
  if (MarkedText marked = mark_non_finite(text); !marked.numbers.empty()) {
    JsonBuilder second(std::move(marked.numbers));
    if (Json::sax_parse(marked.text, static_cast<nlohmann::json_sax<Json>*>(&second))) return std::move(second.root);
    builder.error_at = second.error_at;
    builder.error_reason = second.error_reason;
  }
  throw Error(Code::kFailed, "malformed JSON: " + builder.error_reason, place(where, text, builder.error_at, first_line));
}

Json read_json_file(const std::string& path) { return parse_json(read_file(path), path); }

std::string dump_json(const Json& value, int indent, bool sort_keys) {
  std::string out;
  append_json(out, value, indent, sort_keys, 0);
  return out;
}

}  // namespace tilefit
