#include "tilefit/base/flag_value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "tilefit/base/error.h"
#include "tilefit/base/text_distance.h"

namespace tilefit {
namespace {

template <class T>
struct FieldType {
  using Value = T;
};
template <class T>
struct FieldType<std::optional<T>> {
  using Value = T;
};
template <class T>
using FieldValue = typename FieldType<T>::Value;

template <class T>
constexpr bool is_optional_field = !std::is_same_v<T, FieldValue<T>>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<bool> truth_of(std::string_view text) {
  const std::string word = lower(text);
  for (const char* yes : {"yes", "true", "t", "y", "1"})
    if (word == yes) return true;
  for (const char* no : {"no", "false", "f", "n", "0"})
    if (word == no) return false;
  return std::nullopt;
}

/// What Python's int() and float() allow around the digits: blanks at the ends, a plus sign, single underscores between digits.
std::optional<std::string> bare_number(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\n").find(text.front()) != std::string_view::npos) text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t\n").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  const auto digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') out += text[i];
    else if (i == 0 || !digit(i - 1) || !digit(i + 1)) return std::nullopt;
  }
  if (out.empty()) return std::nullopt;
  return out;
}

enum class Read { kOk, kNotNumber, kTooLarge };

template <class T>
Read read_number(std::string_view text, T& value) {
  const std::optional<std::string> digits = bare_number(text);
  if (!digits) return Read::kNotNumber;
  const char* const end = digits->data() + digits->size();
  const auto [stop, error] = std::from_chars(digits->data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return Read::kNotNumber;
  if (error != std::errc::result_out_of_range) return Read::kOk;
  if constexpr (std::is_floating_point_v<T>) {
    value = std::strtod(digits->c_str(), nullptr);  // as Python: 0 or infinity beyond the format's ends
    return Read::kOk;
  }
  return Read::kTooLarge;
}

/// "between 0 and 1", "at least 1", "at least 0 and less than 1".
std::string range_text(const Range& range) {
  const bool low = std::isfinite(range.low), high = std::isfinite(range.high);
  if (low && high && !range.open_high) return fmt::format("between {} and {}", range.low, range.high);
  if (low && high) return fmt::format("at least {} and less than {}", range.low, range.high);
  if (low) return fmt::format("at least {}", range.low);
  if (high) return fmt::format("{} {}", range.open_high ? "less than" : "at most", range.high);
  return "a number";
}

[[noreturn]] void fail(const FlagSpec& spec, const std::string& rest) { throw Error(Code::kUsage, "--" + spec.name + rest); }

template <class T>
void check_range(const FlagSpec& spec, const std::string& text, T value) {
  const Range range = spec.range.value_or(Range{});
  const auto number = static_cast<double>(value);
  if (!(number >= range.low && (range.open_high ? number < range.high : number <= range.high)))
    fail(spec, fmt::format(" {}: must be {}", text, range_text(range)));
}

void check_choice(const FlagSpec& spec, const std::string& text) {
  if (std::find(spec.choices_not_yet.begin(), spec.choices_not_yet.end(), text) != spec.choices_not_yet.end())
    fail(spec, fmt::format(": '{}' is not done yet; today there are {}", text, fmt::join(spec.choices, ", ")));
  if (spec.choices.empty() || std::find(spec.choices.begin(), spec.choices.end(), text) != spec.choices.end()) return;
  fail(spec,
       fmt::format(": '{}' is not one of {}{}", text, fmt::join(spec.choices, ", "), did_you_mean(text, spec.choices)));
}

template <class T>
T value_of(const FlagSpec& spec, const std::string& text) {
  if constexpr (std::is_same_v<T, std::string>) {
    check_choice(spec, text);
    return text;
  } else if constexpr (std::is_same_v<T, bool>) {
    const std::optional<bool> truth = truth_of(text);
    if (!truth) fail(spec, fmt::format(": '{}' is not one of true/false, yes/no, t/f, y/n, 1/0", text));
    return *truth;
  } else {
    T value{};
    const Read read = read_number(text, value);
    if (read == Read::kNotNumber)
      fail(spec, fmt::format(": '{}' is not a {}number", text, std::is_integral_v<T> ? "whole " : ""));
    if (read == Read::kTooLarge) {
      Range range = spec.range.value_or(Range{});
      range.low = std::max(range.low, static_cast<double>(std::numeric_limits<T>::min()));
      range.high = std::min(range.high, static_cast<double>(std::numeric_limits<T>::max()));
      fail(spec, fmt::format(" {}: must be {}", text, range_text(range)));
    }
    check_range(spec, text, value);
    return value;
  }
}

/// Python's repr, without quotes for a text on its own.
struct PythonText {
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(int value) const { return fmt::format("{}", value); }
  std::string operator()(int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const {
    std::string text = fmt::format("{}", value);
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const std::vector<std::string>& values) const {
    return values.empty() ? "" : fmt::format("['{}']", fmt::join(values, "', '"));
  }
  template <class T>
  std::string operator()(const std::optional<T>& value) const {
    return value ? (*this)(*value) : "";
  }
};

template <template <class> class Test>
bool target_is(const FlagSpec& spec) noexcept {
  return std::visit([](auto* field) { return Test<FieldValue<std::remove_pointer_t<decltype(field)>>>::value; },
                    spec.target);
}

template <class T>
using IsBool = std::is_same<T, bool>;
template <class T>
using IsText = std::is_same<T, std::string>;
template <class T>
using IsList = std::is_same<T, std::vector<std::string>>;
template <class T>
using IsWhole = std::bool_constant<std::is_integral_v<T> && !std::is_same_v<T, bool>>;

}  // namespace

bool is_bool_flag(const FlagSpec& spec) noexcept { return target_is<IsBool>(spec); }
bool is_list_flag(const FlagSpec& spec) noexcept { return target_is<IsList>(spec); }
bool is_text_flag(const FlagSpec& spec) noexcept { return target_is<IsText>(spec); }
bool is_whole_flag(const FlagSpec& spec) noexcept { return target_is<IsWhole>(spec); }

bool is_truth_word(std::string_view text) { return truth_of(text).has_value(); }

bool is_number(std::string_view text) {
  double value = 0;
  return read_number(text, value) == Read::kOk;
}

void set_flag(FlagSpec& spec, const std::vector<std::string>& values) {
  const auto set = [&](auto* field) {
    using Field = std::remove_pointer_t<decltype(field)>;
    if constexpr (std::is_same_v<Field, std::vector<std::string>>) {
      for (const std::string& value : values) check_choice(spec, value);
      *field = values;
    } else {
      using Value = FieldValue<Field>;
      if constexpr (is_optional_field<Field> && !std::is_same_v<Value, std::string>) {
        if (lower(values.at(0)) == "none") {
          *field = std::nullopt;
          return;
        }
      }
      const Value value = value_of<Value>(spec, values.at(0));
      const std::string shown = PythonText()(value);
      if (!spec.refused.empty() && shown != spec.default_text && !(is_bool_flag(spec) && shown == "False"))
        throw Error(Code::kUsage, "--" + spec.name + ": " + spec.refused, "", spec.refused_try);
      *field = value;
    }
  };
  std::visit(set, spec.target);
  spec.given = true;
}

std::string flag_text(const FlagSpec& spec) {
  return std::visit([](auto* field) { return PythonText()(*field); }, spec.target);
}

std::string flag_type_name(const FlagSpec& spec) {
  if (!spec.metavar.empty()) return spec.metavar;
  if (is_bool_flag(spec)) return "BOOL";
  if (is_whole_flag(spec)) return "INT";
  return is_text_flag(spec) || is_list_flag(spec) ? "TEXT" : "NUMBER";
}

}  // namespace tilefit
