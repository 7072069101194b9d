// JSON in and out. nlohmann::ordered_json keeps keys in file order, so that config.json survives a round trip.
// Parse errors name file, line and column. Headers that only pass JSON along include json_fwd.h instead.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tilefit {

using Json = nlohmann::ordered_json;

/// Nesting deeper than this is refused: no file of ours needs it, and it bounds the stack.
inline constexpr int kMaxJsonDepth = 64;

/// Parses one JSON value. As in Python, NaN and Infinity are numbers and of a key that comes twice the last value counts. Takes time linear in
/// the text; but looking up a key in the result is linear too, so iterate over large objects (vocabularies). where: file name for messages. first_line: line number of the text's first line.
/// Throws Error(kFailed) with "file:line:column" when the text is malformed, is not UTF-8, or nests too deep.
Json parse_json(std::string_view text, std::string_view where, int64_t first_line = 1);

/// Reads and parses a file (gzip accepted). Throws Error as read_file and parse_json do.
Json read_json_file(const std::string& path);

/// Text of a value as json.dump(value, indent=indent, sort_keys=sort_keys) writes it in Python (ensure_ascii on, ", " and ": "
/// separators, floats in shortest form with Python's exponent style), without a final newline. indent < 0: one line.
std::string dump_json(const Json& value, int indent, bool sort_keys = false);

}  // namespace tilefit
