// Parsing. Reference for what is accepted: CPython's argparse.py and transformers' hf_argparser.py (4.24).
#include "tilefit/base/flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "tilefit/base/check.h"
#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/base/flag_value.h"
#include "tilefit/base/json.h"
#include "tilefit/base/text_distance.h"

namespace tilefit {
namespace {

/// Flags files are written by hand: anything larger is not one.
constexpr int64_t kMaxFlagsFileBytes = int64_t{1} << 20;

[[noreturn]] void usage_error(std::string what) { throw Error(Code::kUsage, std::move(what)); }

/// argparse's test of whether an argument is a flag: "-" alone, negative numbers and texts with a space are values, but
/// "--name=a b" is a flag.
bool looks_like_flag(const std::string& arg) {
  const size_t blank = arg.find(' ');
  if (blank != std::string::npos && !(arg.starts_with("--") && arg.find('=') < blank)) return false;
  return arg.size() > 1 && arg[0] == '-' && !is_number(arg);
}

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// One JSON value as the texts that set_flag takes.
std::vector<std::string> texts_of(const FlagSpec& spec, const Json& value) {
  if (value.is_boolean()) return {value.get<bool>() ? "True" : "False"};
  if (value.is_string()) return {value.get<std::string>()};
  if (value.is_number_float() && is_whole_flag(spec)) {
    const auto number = value.get<double>();
    if (number == std::floor(number) && std::fabs(number) < 1e15) return {fmt::format("{}", static_cast<int64_t>(number))};
  }
  if (value.is_number()) return {dump_json(value, -1)};
  if (value.is_array() && is_list_flag(spec)) {
    std::vector<std::string> texts;
    for (const Json& item : value) texts.push_back(item.is_string() ? item.get<std::string>() : dump_json(item, -1));
    return texts;
  }
  if (is_text_flag(spec)) return {dump_json(value, -1)};
  usage_error(fmt::format("--{}: its value cannot be JSON of type {}", spec.name, value.type_name()));
}

}  // namespace

/// What a typed name means: a flag, or one of its switches (then `value` is what it sets).
struct FlagSet::Match {
  size_t index = 0;
  const std::string* value = nullptr;
};

void FlagSet::add(FlagSpec spec) {
  spec.group = group_;
  spec.default_text = flag_text(spec);
  if (is_bool_flag(spec) && spec.default_text == "True") spec.switches.emplace_back("no_" + spec.name, "False");
  flags_.push_back(std::move(spec));
}

void FlagSet::positional(const char* name, std::vector<std::string>& values, const char* help, size_t min_count,
                         size_t max_count) {
  positional_name_ = name;
  positional_help_ = help;
  positional_ = &values;
  positional_min_ = min_count;
  positional_max_ = max_count;
}

const FlagSpec* FlagSet::find(std::string_view name) const {
  for (const FlagSpec& spec : flags_)
    if (spec.name == name || std::find(spec.aliases.begin(), spec.aliases.end(), name) != spec.aliases.end()) return &spec;
  return nullptr;
}

FlagSet::Match FlagSet::match(const std::string& typed) const {
  const std::string name = with_underscores(typed);
  std::vector<std::string> names, prefixed;
  std::vector<Match> matches;
  bool exact = false;
  const auto consider = [&](const std::string& known, size_t index, const std::string* value) {
    names.push_back(known);
    if (exact || !known.starts_with(name)) return;
    exact = known == name;
    if (exact) matches.clear();
    for (const Match& m : matches)
      if (m.index == index && (m.value == nullptr) == (value == nullptr)) return;  // two spellings of one flag
    matches.push_back({index, value});
    prefixed.push_back("--" + known);
  };
  for (size_t i = 0; i < flags_.size(); ++i) {
    consider(flags_[i].name, i, nullptr);
    for (const std::string& alias : flags_[i].aliases) consider(alias, i, nullptr);
    for (const auto& item : flags_[i].switches) consider(item.first, i, &item.second);
  }
  if (matches.size() == 1) return matches[0];
  if (matches.empty()) usage_error(fmt::format("unknown flag --{}{}", typed, did_you_mean(name, names, "--")));
  constexpr size_t kMaxShown = 8;
  const size_t shown = std::min(prefixed.size(), kMaxShown);
  usage_error(fmt::format("ambiguous flag --{}: could be {}{}", typed,
                          fmt::join(prefixed.begin(), prefixed.begin() + static_cast<long>(shown), ", "),
                          shown < prefixed.size() ? ", ..." : ""));
}

/// Sets the flag at args[at]; returns the index after its values.
size_t FlagSet::take_flag(std::span<const std::string> args, size_t at) {
  const std::string& arg = args[at++];
  if (!arg.starts_with("--")) usage_error(fmt::format("unknown flag {}. Flags start with two dashes", arg));
  const size_t equals = arg.find('=');
  const Match found = match(arg.substr(2, equals == std::string::npos ? equals : equals - 2));
  FlagSpec& spec = flags_[found.index];
  if (found.value) {
    if (equals != std::string::npos) usage_error(fmt::format("{} takes no value", arg.substr(0, equals)));
    set_flag(spec, {*found.value});
    return at;
  }
  if (equals != std::string::npos) {
    set_flag(spec, {arg.substr(equals + 1)});
    return at;
  }
  const auto value_follows = [&] { return at < args.size() && args[at] != "--" && !looks_like_flag(args[at]); };
  if (is_bool_flag(spec)) {
    // Where positionals exist, a bare bool before one must not swallow it.
    const bool takes = value_follows() && (!positional_ || is_truth_word(args[at]));
    set_flag(spec, {takes ? args[at] : std::string("True")});
    return takes ? at + 1 : at;
  }
  std::vector<std::string> values;
  while (value_follows() && (values.empty() || is_list_flag(spec))) values.push_back(args[at++]);
  if (values.empty() && at < args.size() && args[at] != "--" && !args[at].starts_with("--"))
    usage_error(fmt::format("--{}: a value is missing ('{}' looks like a flag; as a value write --{}={})", spec.name,
                            args[at], spec.name, args[at]));
  if (values.empty()) usage_error(fmt::format("--{}: a value is missing", spec.name));
  set_flag(spec, values);
  return at;
}

void FlagSet::take_positionals(std::vector<std::string> values) {
  const size_t most = positional_ ? positional_max_ : 0;
  if (values.size() > most)
    usage_error(fmt::format(
        "unexpected argument '{}'{}", values[most],
        !positional_ && values[most].ends_with(".json") ? ". A JSON file of flags must be the only argument" : ""));
  if (positional_ && values.size() < positional_min_) usage_error(fmt::format("missing argument {}", positional_name_));
  if (positional_ && !values.empty()) *positional_ = std::move(values);
}

void FlagSet::finish() {
  std::vector<std::string> missing;
  for (const FlagSpec& spec : flags_)
    if (spec.required && !spec.given) missing.push_back("--" + spec.name);
  if (!missing.empty())
    usage_error(fmt::format("missing flag{} {}", missing.size() > 1 ? "s" : "", fmt::join(missing, ", ")));
}

void FlagSet::parse(std::span<const std::string> args) {
  if (args.size() == 1 && !positional_ && args[0].ends_with(".json") && !args[0].starts_with('-')) {
    parse_json(tilefit::parse_json(read_file(args[0], kMaxFlagsFileBytes), args[0]), args[0]);
    return;
  }
  std::vector<std::string> rest;
  for (size_t at = 0; at < args.size();) {
    if (args[at] == "--") {
      rest.insert(rest.end(), args.begin() + static_cast<long>(at) + 1, args.end());
      break;
    }
    if (looks_like_flag(args[at])) at = take_flag(args, at);
    else rest.push_back(args[at++]);
  }
  take_positionals(std::move(rest));
  finish();
}

void FlagSet::parse_json(const Json& object, const std::string& where) {
  if (!object.is_object()) throw Error(Code::kUsage, "a file of flags must hold one JSON object", where);
  try {
    for (const auto& item : object.items()) {
      const FlagSpec* const known = find(item.key());
      if (!known) {
        std::vector<std::string> names;
        for (const FlagSpec& spec : flags_) {
          names.push_back(spec.name);
          names.insert(names.end(), spec.aliases.begin(), spec.aliases.end());
        }
        usage_error(fmt::format("unknown flag \"{}\"{}", item.key(), did_you_mean(item.key(), names)));
      }
      if (item.value().is_null()) continue;
      FlagSpec& spec = flags_[static_cast<size_t>(known - flags_.data())];
      set_flag(spec, texts_of(spec, item.value()));
    }
  } catch (const Error& e) {
    throw Error(e.code(), e.what(), where);
  }
  finish();
}

bool FlagSet::given(std::string_view name) const {
  const FlagSpec* const spec = find(name);
  TF_CHECK(spec != nullptr, "no flag --{} was declared", name);
  return spec->given;
}

std::vector<std::string> FlagSet::notes() const {
  std::vector<std::string> out;
  for (const FlagSpec& spec : flags_) {
    if (!spec.given || spec.note.empty()) continue;
    const std::string text = flag_text(spec);
    const bool quiet =
        is_bool_flag(spec) ? text == spec.default_text : !spec.quiet_value.empty() && text == spec.quiet_value;
    if (!quiet) out.push_back(fmt::format("--{} {}", spec.name, spec.note));
  }
  return out;
}

}  // namespace tilefit
