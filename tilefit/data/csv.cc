#include "tilefit/data/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "tilefit/base/error.h"

namespace tilefit {

void CsvReader::fail(const std::string& what, size_t offset) const {
  const std::string_view before = text_.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  throw Error(Code::kFailed, "malformed CSV: " + what, fmt::format("{}:{}:{}", where_, line, offset - line_start + 1));
}

void CsvReader::read_quoted(std::string& field) {
  const size_t opening = at_++;
  for (;;) {
    const size_t quote = text_.find('"', at_);
    if (quote == std::string_view::npos) fail("this quote is never closed", opening);
    const std::string_view part = text_.substr(at_, quote - at_);
    field += part;
    line_ += std::count(part.begin(), part.end(), '\n');
    at_ = quote + 1;
    if (at_ >= text_.size() || text_[at_] != '"') break;
    field += '"';
    ++at_;
  }
  if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_.substr(at_, 2) != "\r\n")
    fail("text after a closing quote (a quote inside a field is written twice)", at_);
}

bool CsvReader::next(std::vector<std::string>& fields) {
  fields.clear();
  for (;; ++line_) {  // blank lines
    if (text_.substr(at_, 2) == "\r\n") at_ += 2;
    else if (text_.substr(at_, 1) == "\n") ++at_;
    else break;
  }
  if (at_ >= text_.size()) return false;
  row_line_ = line_;
  for (;;) {
    std::string& field = fields.emplace_back();
    if (at_ < text_.size() && text_[at_] == '"') {
      read_quoted(field);
    } else {
      const size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
      field = text_.substr(at_, end - at_);
      at_ = end;
      if (!field.empty() && field.back() == '\r' && (end == text_.size() || text_[end] == '\n')) field.pop_back();
    }
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;  // only before '\n', after a quoted field
    if (at_ >= text_.size()) return true;
    if (text_[at_++] == '\n') {
      ++line_;
      return true;
    }
  }
}

}  // namespace tilefit
