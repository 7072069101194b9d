#include "tilefit/text/tokenize_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

std::string text_member(const Json& object, const char* name, const std::string& place) {
  const Json& value = object[name];
  if (!value.is_string())
    throw Error(Code::kFailed, fmt::format("'{}' must be a string, not {}", name, value.type_name()), place);
  return value.get<std::string>();
}

void append_list(std::string& out, const char* name, const std::vector<int32_t>& values) {
  fmt::format_to(std::back_inserter(out), "\"{}\":[{}]", name, fmt::join(values, ","));
}

}  // namespace

std::string tokenize_line(const Tokenizer& tokenizer, std::string_view line, std::string_view where, int64_t number,
                          bool add_special_tokens) {
  Json object = parse_json(line, where, number);
  const std::string place = fmt::format("{}:{}:1", where, number);
  if (!object.is_object())
    throw Error(Code::kFailed, fmt::format("expected an object with 'text', found {}", object.type_name()), place);
  if (!object.contains("text")) throw Error(Code::kFailed, "the object has no 'text'", place);
  const std::string text = text_member(object, "text", place);
  const bool has_pair = object.contains("pair") && !object["pair"].is_null();
  const std::string pair = has_pair ? text_member(object, "pair", place) : "";
  const Encoding e =
      tokenizer.encode(text, has_pair ? std::optional<std::string_view>(pair) : std::nullopt, add_special_tokens);

  std::string out = "{";
  append_list(out, "ids", e.ids);
  out += ',';
  append_list(out, "type_ids", e.type_ids);
  out += ",\"offsets\":[";
  for (size_t i = 0; i < e.ids.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}[{},{}]", i ? "," : "", e.offset_begin[i], e.offset_end[i]);
  out += "]}";
  return out;
}

void tokenize_lines(const Tokenizer& tokenizer, std::string_view lines, std::string_view where, bool add_special_tokens,
                    FunctionRef<void(const std::string&)> emit) {
  for (int64_t number = 1; !lines.empty(); ++number) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    std::string_view line = lines.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    emit(tokenize_line(tokenizer, line, where, number, add_special_tokens));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

}  // namespace tilefit
