// Comma-separated values as RFC 4180 defines them: quoted fields may hold commas, line breaks and doubled quotes. Lines end in
// LF or CRLF; blank lines are skipped. No type guessing: every field is text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tilefit {

/// Reads rows one after the other. Refers to the text, which must outlive it.
class CsvReader {
 public:
  /// where: file name for messages.
  CsvReader(std::string_view text, std::string_view where) : text_(text), where_(where) {}

  /// Sets `fields` to the next row's; false at the end. Throws Error(kFailed) with "file:line:column": a quote that is never
  /// closed, text after a closing quote.
  bool next(std::vector<std::string>& fields);

  /// Line on which the row that next() returned begins, from 1.
  int64_t line() const noexcept { return row_line_; }

 private:
  void read_quoted(std::string& field);
  [[noreturn]] void fail(const std::string& what, size_t offset) const;

  std::string_view text_, where_;
  size_t at_ = 0;
  int64_t line_ = 1, row_line_ = 0;
};

}  // namespace tilefit
