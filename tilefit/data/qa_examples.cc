#include "tilefit/data/qa_examples.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/data/csv.h"
#include "tilefit/data/python_literal.h"
#include "tilefit/data/utf8_check.h"
#include "tilefit/text/utf8.h"

namespace tilefit {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr size_t kMaxColumns = 256;  // bounds searches in files that are no data sets

/// Where a value stands: "dev.json data[3].paragraphs[0].qas[2]". Rendered only when something is wrong.
struct Place {
  std::string_view file;
  int64_t line = 0;  // JSON lines and CSV
  int64_t row = -1;  // from 0
  int64_t paragraph = -1, question = -1;
  bool under_data = false;

  std::string text() const {
    if (line > 0) return fmt::format("{}:{} (row {})", file, line, row + 1);
    std::string out = fmt::format("{} {}[{}]", file, under_data ? "data" : "", row);
    if (paragraph >= 0) out += fmt::format(".paragraphs[{}]", paragraph);
    if (question >= 0) out += fmt::format(".qas[{}]", question);
    return out;
  }
};

[[noreturn]] void fail(const std::string& what, const Place& place, const std::string& try_this = "") {
  throw Error(Code::kFailed, what, place.text(), try_this);
}

[[noreturn]] void fail_type(std::string_view field, const Json& value, std::string_view expected, const Place& place) {
  const char* const article = value.is_array() || value.is_object() ? "an" : value.is_null() ? "" : "a";
  fail(fmt::format("field '{}' is {}{}{}, expected {}", field, article, *article ? " " : "", value.type_name(), expected),
       place);
}

/// The field, or null when it is missing.
const Json* find_field(const Json& object, const std::string& name) {
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

const Json& require_field(const Json& object, const std::string& name, const Place& place) {
  const Json* const value = find_field(object, name);
  if (!value) {
    std::string fields;
    for (auto it = object.begin(); it != object.end(); ++it) fields += (fields.empty() ? "'" : ", '") + it.key() + "'";
    fail(fmt::format("missing field '{}', found {}", name, fields.empty() ? "none" : fields), place);
  }
  return *value;
}

const std::string& require_string(const Json& object, const std::string& name, const Place& place) {
  const Json& value = require_field(object, name, place);
  if (!value.is_string()) fail_type(name, value, "a string", place);
  return value.get_ref<const std::string&>();
}

const Json& require_object(const Json& value, std::string_view what, const Place& place) {
  if (!value.is_object()) fail(fmt::format("{} is of type {}, expected an object", what, value.type_name()), place);
  return value;
}

const Json& require_array(const Json& object, const std::string& name, const Place& place) {
  const Json& value = require_field(object, name, place);
  if (!value.is_array()) fail_type(name, value, "a list", place);
  return value;
}

std::string read_id(const Json* id, const Place& place) {
  if (!id) return std::to_string(place.row);
  if (id->is_number_integer()) return id->dump();
  if (!id->is_string()) fail_type("id", *id, "a string", place);
  return id->get<std::string>();
}

/// Reads answers of one example in either form: {"text": [...], "answer_start": [...]} or [{"text": .., "answer_start": ..}, ...].
class AnswerReader {
 public:
  AnswerReader(QaAnswers need, const Place& place, QaExample& example) : need_(need), place_(place), example_(example) {}

  void read(const Json& answers, const std::string& field) {
    if (answers.is_null()) return;
    if (answers.is_string()) return read_cell(answers.get_ref<const std::string&>(), field);
    if (answers.is_object()) return read_lists(answers);
    if (!answers.is_array()) fail_type(field, answers, "an object with 'text' and 'answer_start'", place_);
    for (const Json& answer : answers) {
      require_object(answer, "an answer", place_);
      add_text(require_field(answer, "text", place_));
      if (const Json* const start = find_start(answer)) add_start(*start);
    }
    fill_starts();
  }

 private:
  /// A CSV cell: JSON where the first key has double quotes, else Python's notation.
  void read_cell(const std::string& cell, const std::string& field) {
    const size_t first = cell.find_first_not_of(kSpace);
    if (first == std::string::npos) return;
    const size_t quote = cell.find_first_of("\"'", first);
    const bool json = quote != std::string::npos && cell[quote] == '"';
    const std::string where = fmt::format("{}, field '{}'", place_.text(), field);
    const Json answers = json ? parse_json(cell, where) : parse_python_literal(cell, where);
    if (answers.is_string()) fail_type(field, answers, "an object with 'text' and 'answer_start'", place_);
    read(answers, field);
  }

  void read_lists(const Json& answers) {
    for (const Json& text : require_array(answers, "text", place_)) add_text(text);
    if (find_start(answers))
      for (const Json& start : require_array(answers, "answer_start", place_)) add_start(start);
    else if (example_.answer_texts.empty()) return;
    else fill_starts();
    if (example_.answer_starts.size() != example_.answer_texts.size())
      fail(fmt::format("{} answer texts but {} values of 'answer_start'", example_.answer_texts.size(),
                       example_.answer_starts.size()),
           place_);
  }

  const Json* find_start(const Json& object) const {
    if (need_ == QaAnswers::kRequired) return &require_field(object, "answer_start", place_);
    return find_field(object, "answer_start");
  }

  void fill_starts() {
    if (need_ != QaAnswers::kRequired) example_.answer_starts.resize(example_.answer_texts.size());
  }

  void add_text(const Json& text) {
    if (!text.is_string()) fail_type("text", text, "a string", place_);
    example_.answer_texts.push_back(text.get<std::string>());
  }

  void add_start(const Json& start) {
    const bool fits = start.is_number_integer() && !(start.is_number_unsigned() && start.get<uint64_t>() > INT64_MAX);
    if (!fits) fail_type("answer_start", start, "a whole number", place_);
    example_.answer_starts.push_back(start.get<int64_t>());
  }

  const QaAnswers need_;
  const Place& place_;
  QaExample& example_;
};

/// Collects examples and their statistics.
class Collector {
 public:
  explicit Collector(const QaReadOptions& options) : options_(options) {}

  bool full() const { return options_.max_examples && static_cast<int64_t>(examples_.size()) >= *options_.max_examples; }
  QaAnswers need() const { return options_.answers; }

  void add(QaExample&& example) {
    ++stats_.examples;
    stats_.impossible += example.is_impossible();
    stats_.answers += static_cast<int64_t>(example.answer_texts.size());
    stats_.duplicate_ids += !ids_.insert(example.id).second;
    const CodePointIndex context(example.context);
    for (size_t i = 0; i < example.answer_texts.size(); ++i) {
      const std::string& text = example.answer_texts[i];
      const int64_t start = example.answer_starts[i];
      const bool inside = start >= 0 && start <= context.size();
      stats_.answers_outside += !inside || context.slice(start, start + count_code_points(text)) != text;
    }
    examples_.push_back(std::move(example));
  }

  std::vector<QaExample> finish(std::string_view where, QaReadStats* stats) {
    if (examples_.empty()) throw Error(Code::kFailed, "holds no examples", std::string(where));
    if (stats) *stats = stats_;
    return std::move(examples_);
  }

 private:
  const QaReadOptions options_;
  std::vector<QaExample> examples_;
  std::unordered_set<std::string> ids_;
  QaReadStats stats_;
};

/// One article of the official form. Returns false once the collector is full.
bool read_article(const Json& article, Place place, Collector& out) {
  std::string title;
  if (find_field(article, "title")) title = require_string(article, "title", place);
  for (const Json& paragraph : require_array(article, "paragraphs", place)) {
    ++place.paragraph;
    place.question = -1;
    require_object(paragraph, "a paragraph", place);
    const std::string& context = require_string(paragraph, "context", place);
    for (const Json& qa : require_array(paragraph, "qas", place)) {
      if (out.full()) return false;
      ++place.question;
      require_object(qa, "a question", place);
      QaExample example;
      example.id = read_id(&require_field(qa, "id", place), place);
      example.title = title;
      example.question = require_string(qa, "question", place);
      example.context = context;
      const Json* const impossible = find_field(qa, "is_impossible");
      const bool may_lack = out.need() == QaAnswers::kOptional || (impossible && *impossible == true);
      if (!may_lack || find_field(qa, "answers"))
        AnswerReader(out.need(), place, example).read(require_field(qa, "answers", place), "answers");
      out.add(std::move(example));
    }
  }
  return !out.full();
}

/// The columns that hold question, context and answers; answers is empty when there is no such column and none is needed.
struct Columns {
  std::string question, context, answers;
};

/// run_qa.py's choice: by name, else by position.
Columns choose_columns(const std::vector<std::string>& names, std::string_view where, QaAnswers need) {
  const auto choose = [&](const char* name, size_t position) -> std::string {
    if (std::find(names.begin(), names.end(), name) != names.end()) return name;
    return position < names.size() ? names[position] : "";
  };
  Columns columns{choose("question", 0), choose("context", 1), choose("answers", 2)};
  const bool twice = columns.answers == columns.question || columns.answers == columns.context;
  if (twice || (need == QaAnswers::kOptional && columns.answers != "answers")) columns.answers.clear();
  if (columns.context.empty() || columns.context == columns.question ||
      (columns.answers.empty() && need != QaAnswers::kOptional))
    throw Error(Code::kFailed,
                fmt::format("found the columns {}, expected question, context and answers", fmt::join(names, ", ")),
                std::string(where));
  return columns;
}

void read_row(const Json& row, const Columns& columns, const Place& place, Collector& out) {
  QaExample example;
  example.id = read_id(find_field(row, "id"), place);
  if (const Json* const title = find_field(row, "title"); title && title->is_string())
    example.title = title->get<std::string>();
  example.question = require_string(row, columns.question, place);
  example.context = require_string(row, columns.context, place);
  const bool may_lack = columns.answers.empty() || out.need() == QaAnswers::kOptional;
  if (!may_lack || find_field(row, columns.answers))
    AnswerReader(out.need(), place, example).read(require_field(row, columns.answers, place), columns.answers);
  out.add(std::move(example));
}

/// Names of all fields of all rows, in order of their first appearance.
class ColumnNames {
 public:
  void add(const Json& row) {
    for (auto it = row.begin(); it != row.end(); ++it)
      if (std::find(names_.begin(), names_.end(), it.key()) == names_.end()) {
        if (names_.size() >= kMaxColumns) return;
        names_.push_back(it.key());
      }
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
};

/// A list of articles (official form) or of flat rows.
void read_list(const Json& list, std::string_view where, bool under_data, Collector& out) {
  Place place{where, 0, -1, -1, -1, under_data};
  ColumnNames names;
  bool nested = false;
  for (const Json& item : list) {
    ++place.row;
    require_object(item, "a row", place);
    nested = nested || item.contains("paragraphs");
    if (!nested) names.add(item);
  }
  if (list.empty()) return;
  const Columns columns = nested ? Columns{} : choose_columns(names.names(), where, out.need());
  place.row = -1;
  for (const Json& item : list) {
    ++place.row;
    if (out.full()) return;
    if (!nested) read_row(item, columns, place, out);
    else if (!read_article(item, place, out)) return;
  }
}

void read_json_lines(std::string_view text, std::string_view where, Collector& out) {
  std::vector<Json> rows;
  std::vector<int64_t> lines;
  ColumnNames names;
  int64_t line = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view content = text.substr(at, end - at);
    at = end + 1;
    ++line;
    if (content.find_first_not_of(kSpace) == std::string_view::npos) continue;
    rows.push_back(parse_json(content, where, line));
    lines.push_back(line);
    require_object(rows.back(), "a row", {where, line, static_cast<int64_t>(rows.size()) - 1});
    names.add(rows.back());
  }
  const Columns columns = choose_columns(names.names(), where, out.need());
  for (size_t i = 0; i < rows.size() && !out.full(); ++i)
    read_row(rows[i], columns, {where, lines[i], static_cast<int64_t>(i)}, out);
}

void read_csv(std::string_view text, std::string_view where, Collector& out) {
  CsvReader reader(text, where);
  std::vector<std::string> header, fields;
  if (!reader.next(header)) return;
  if (header.size() > kMaxColumns)
    throw Error(Code::kFailed, fmt::format("{} columns, more than {}", header.size(), kMaxColumns), std::string(where));
  for (size_t i = 0; i < header.size(); ++i)
    if (std::find(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(i), header[i]) !=
        header.begin() + static_cast<std::ptrdiff_t>(i))
      throw Error(Code::kFailed, fmt::format("two columns are called '{}'", header[i]),
                  fmt::format("{}:{}", where, reader.line()));
  const Columns columns = choose_columns(header, where, out.need());
  for (int64_t row = 0; !out.full() && reader.next(fields); ++row) {
    const Place place{where, reader.line(), row};
    if (fields.size() != header.size())
      fail(
          fmt::format("{} fields, expected {} as in the header ({})", fields.size(), header.size(), fmt::join(header, ", ")),
          place, "quote fields that hold commas or line breaks");
    Json object = Json::object();
    for (size_t i = 0; i < header.size(); ++i) object[header[i]] = std::move(fields[i]);
    read_row(object, columns, place, out);
  }
}

/// Offset just behind the first JSON object or list of a text; nullopt when it is not closed.
std::optional<size_t> end_of_first_value(std::string_view text) {
  int64_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth <= 0) {
      return i + 1;
    }
  }
  return std::nullopt;
}

void read_json_text(std::string_view text, std::string_view where, Collector& out) {
  const bool object = text[text.find_first_not_of(kSpace)] == '{';
  if (const auto end = end_of_first_value(text); object && end) {
    const size_t next = text.find_first_not_of(kSpace, *end);
    if (next != std::string_view::npos && text[next] == '{') return read_json_lines(text, where, out);
  }
  const Json json = parse_json(text, where);
  if (json.is_array()) return read_list(json, where, false, out);
  const Json* const data = find_field(json, "data");
  if (data && data->is_array()) return read_list(*data, where, true, out);
  if (data || !json.contains("question"))
    throw Error(Code::kFailed, "expected a list of articles or rows under 'data'", std::string(where),
                "a SQuAD file, or rows with id, context, question and answers");
  read_list(Json::array({json}), where, false, out);  // a single row, perhaps over several lines
}

}  // namespace

std::vector<QaExample> parse_qa_examples(std::string_view text, std::string_view where, const QaReadOptions& options,
                                         QaReadStats* stats) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  if (text.substr(0, 4) == "PAR1")
    throw Error(Code::kFailed, "is a Parquet file, which cannot be read yet", std::string(where),
                "datasets.load_dataset(...).to_json(...) makes JSON lines of it");
  require_utf8_text(text, where);
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) throw Error(Code::kFailed, "is empty", std::string(where));
  Collector out(options);
  if (text[first] == '{' || text[first] == '[') read_json_text(text, where, out);
  else read_csv(text, where, out);
  return out.finish(where, stats);
}

std::vector<QaExample> read_qa_examples(const std::string& path, const QaReadOptions& options, QaReadStats* stats) {
  return parse_qa_examples(read_file(path), path, options, stats);
}

}  // namespace tilefit
