// Command-line flags, declared once in a struct's visit(): parsing, defaults, help, range and choice checks, aliases, notes
// and markdown all come from that one declaration. Semantics are those of Python's argparse under HfArgumentParser.
// Nothing here prints: errors are thrown, notes and texts are returned.
//
//   struct Flags {
//     double learning_rate = 5e-5;
//     std::string padding = "packed";
//     template <class V>
//     void visit(V& v) {
//       v("learning_rate", learning_rate, "Peak learning rate of the schedule.", Range{0, 1});
//       v("padding", padding, "How a batch is laid out.", OneOf{"packed", "longest"});
//     }
//   };
//   Flags flags;  FlagSet set;  flags.visit(set);  set.parse(args);
#pragma once
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tilefit/base/json_fwd.h"

namespace tilefit {

/// Attribute: closed interval of a number; with open_high the upper end itself is refused. NaN is always refused.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool open_high = false;
};

/// Attribute: the values a text (or each value of a list) may take.
struct OneOf {
  std::vector<std::string> values;
  OneOf(std::initializer_list<const char*> names) : values(names.begin(), names.end()) {}
  explicit OneOf(std::vector<std::string> names) : values(std::move(names)) {}
};

/// Attribute, beside OneOf: values that exist elsewhere but are not done here; the error says so and lists those that are.
struct NotYet {
  std::vector<std::string> values;
  NotYet(std::initializer_list<const char*> names) : values(names.begin(), names.end()) {}
};

/// Attribute: another name of the same flag.
struct Alias {
  const char* name;
};

/// Attribute: "--name" without a value sets the flag to `value` (as --json sets --output json).
struct Switch {
  const char* name;
  const char* value;
};

/// Attribute: accepted, but without effect (or with less than expected). notes() has "--name SENTENCE" when the flag was given,
/// except with quiet_value or, for a bool, its default. Start it with "has no effect" when that is so: help lists those flags last.
struct Note {
  const char* sentence;
  const char* quiet_value = nullptr;
};

/// Attribute: known but refused when set to anything but its default: an Error(kUsage) with the reason and what to try.
struct Refused {
  const char* reason;
  const char* try_this = "";
};

/// Attribute: parse() fails when the flag was not given.
struct Required {};

/// Attribute: what help shows for the value ("FILE").
struct Meta {
  const char* name;
};

/// Where a flag's value goes. std::optional fields are empty until given; lists take one or more values.
using FlagTarget =
    std::variant<bool*, int*, int64_t*, double*, std::string*, std::optional<bool>*, std::optional<int>*,
                 std::optional<int64_t>*, std::optional<double>*, std::optional<std::string>*, std::vector<std::string>*>;

/// One declared flag.
struct FlagSpec {
  std::string name, help, group, note, quiet_value, refused, refused_try, metavar;
  FlagTarget target;
  std::vector<std::string> aliases, choices, choices_not_yet;
  std::vector<std::pair<std::string, std::string>> switches;  ///< (name, value it sets): --no_X, --json
  std::optional<Range> range;
  std::string default_text;  ///< as shown; empty when there is none
  bool required = false;
  bool given = false;

  void apply(const Range& r) { range = r; }
  void apply(const OneOf& c) { choices = c.values; }
  void apply(const NotYet& c) { choices_not_yet = c.values; }
  void apply(const Alias& a) { aliases.emplace_back(a.name); }
  void apply(const Switch& s) { switches.emplace_back(s.name, s.value); }
  void apply(const Note& n) { note = n.sentence, quiet_value = n.quiet_value ? n.quiet_value : ""; }
  void apply(const Refused& r) { refused = r.reason, refused_try = r.try_this; }
  void apply(const Required&) { required = true; }
  void apply(const Meta& m) { metavar = m.name; }
};

/// The flags of one command. Holds pointers to the visited fields, which must outlive parse(). Not thread-safe.
///
/// Accepted forms: --flag value, --flag=value, bare --flag for a bool, --flag True|False|yes|no|t|f|y|n|1|0 (any case),
/// --no_flag for a bool that defaults to true, unique prefixes, '-' for '_' in names, several values for a list, negative numbers
/// as values, "--" before positional arguments; a repeated flag: the last wins. A single argument that ends in ".json" (for a set
/// without positionals) names a file whose object holds all flags; null leaves a flag at its default.
class FlagSet {
 public:
  /// Declares a flag; attributes are those above. The field's present value is the default.
  template <class T, class... Attributes>
  FlagSet& operator()(const char* name, T& field, const char* help, const Attributes&... attributes) {
    FlagSpec spec;
    spec.name = name;
    spec.help = help;
    spec.target = &field;
    (spec.apply(attributes), ...);
    add(std::move(spec));
    return *this;
  }

  /// A field that lives as long as the set (and its copies), for flags that nobody else reads.
  template <class T>
  T& own(T value) {
    const auto field = std::make_shared<T>(std::move(value));
    owned_.push_back(field);
    return *field;
  }

  /// Declares a flag that is accepted and checked but that nothing reads, with the note "has no effect: REASON".
  template <class T, class... Attributes>
  void ignored(const char* name, T default_value, const char* reason, const Attributes&... attributes) {
    const std::string note = std::string("has no effect: ") + reason;
    (*this)(name, own(std::move(default_value)), "", Note{note.c_str()}, attributes...);
  }

  /// Heading under which help and markdown list the flags declared from here on.
  void group(const char* title) { group_ = title; }

  /// Declares positional arguments: between min and max of them end up in `values`.
  void positional(const char* name, std::vector<std::string>& values, const char* help, size_t min_count = 1,
                  size_t max_count = 1);

  /// Sets the fields. Throws Error(kUsage): unknown or ambiguous flag, missing, bad, out-of-range or refused value, missing required
  /// flag, stray positional; as read_json_file for the JSON form.
  void parse(std::span<const std::string> args);

  /// Sets the fields from a JSON object {flag: value}; where: file name for messages. Throws as parse().
  void parse_json(const Json& object, const std::string& where);

  /// True when the command line (or the JSON file) set the flag. name: as declared, or an alias.
  bool given(std::string_view name) const;

  /// Sentences to say once: notes of the flags that were given, in declaration order.
  std::vector<std::string> notes() const;

  /// Help text, wrapped at `width` columns: groups in order, flags without effect last.
  std::string help(int width = 100) const;

  /// The same as markdown: one table per group.
  std::string markdown() const;

  const std::vector<FlagSpec>& flags() const noexcept { return flags_; }

 private:
  struct Match;
  void add(FlagSpec spec);
  const FlagSpec* find(std::string_view name) const;
  Match match(const std::string& typed) const;
  size_t take_flag(std::span<const std::string> args, size_t at);
  void take_positionals(std::vector<std::string> values);
  void finish();

  std::vector<FlagSpec> flags_;
  std::vector<std::shared_ptr<void>> owned_;
  std::string group_;
  std::string positional_name_, positional_help_;
  std::vector<std::string>* positional_ = nullptr;
  size_t positional_min_ = 0, positional_max_ = 0;
};

/// Declares the flags of a struct for help and docs alone (a static instance, so that pointers stay valid).
template <class Flags>
void declare_flags(FlagSet& set) {
  static Flags defaults;
  defaults.visit(set);
}

}  // namespace tilefit
