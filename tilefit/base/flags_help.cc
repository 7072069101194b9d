// Help text and markdown of a FlagSet.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tilefit/base/flag_value.h"
#include "tilefit/base/flags.h"

namespace tilefit {
namespace {

constexpr std::string_view kNoEffect = "has no effect";
constexpr const char* kNoEffectTitle = "Accepted, without effect";

bool is_without_effect(const FlagSpec& spec) { return spec.note.starts_with(kNoEffect); }

/// Breaks a text at blanks so that no line is longer than `width` (a longer word stays whole).
std::vector<std::string> wrap(std::string_view text, size_t width) {
  std::vector<std::string> lines(1);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
    at = end + 1;
  }
  return lines;
}

std::string braces(const FlagSpec& spec) { return fmt::format("{{{}}}", fmt::join(spec.choices, ",")); }

/// Short lists of choices stand in the signature, long ones in the help sentence.
bool shows_choices(const FlagSpec& spec) {
  return !spec.choices.empty() && spec.metavar.empty() && !is_list_flag(spec) && braces(spec).size() <= 20;
}

/// "--name TEXT", "--name {a,b}", "--name [BOOL]", "--name TEXT [TEXT ...]".
std::string signature(const FlagSpec& spec) {
  const std::string type = shows_choices(spec) ? braces(spec) : flag_type_name(spec);
  if (is_bool_flag(spec)) return fmt::format("--{} [{}]", spec.name, type);
  return is_list_flag(spec) ? fmt::format("--{} {} [{} ...]", spec.name, type, type)
                            : fmt::format("--{} {}", spec.name, type);
}

/// Other spellings: aliases and switches.
std::vector<std::string> other_names(const FlagSpec& spec) {
  std::vector<std::string> names;
  for (const std::string& alias : spec.aliases) names.push_back("--" + alias);
  for (const auto& item : spec.switches) names.push_back("--" + item.first);
  return names;
}

/// Help sentence plus what the declaration adds to it. quote: put around values (markdown's backtick).
std::string full_help(const FlagSpec& spec, std::string_view quote) {
  std::string out = spec.help;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : " ") + text; };
  if (!spec.choices.empty() && (!quote.empty() || !shows_choices(spec))) {
    std::vector<std::string> shown;
    for (const std::string& choice : spec.choices) shown.push_back(fmt::format("{}{}{}", quote, choice, quote));
    add(fmt::format("One of {}.", fmt::join(shown, ", ")));
  }
  if (!spec.note.empty() && !is_without_effect(spec)) add(fmt::format("Note: {}", spec.note));
  if (!spec.refused.empty()) add(fmt::format("Refused: {}.", spec.refused));
  if (const std::vector<std::string> names = other_names(spec); !names.empty()) {
    std::vector<std::string> shown;
    for (const std::string& name : names) shown.push_back(fmt::format("{}{}{}", quote, name, quote));
    add(fmt::format("Also: {}.", fmt::join(shown, ", ")));
  }
  return out;
}

/// Help of a flag without effect: what it means elsewhere, then "No effect: reason".
std::string why_without_effect(const FlagSpec& spec) {
  const std::string reason = "No effect" + spec.note.substr(kNoEffect.size());
  return spec.help.empty() ? reason : spec.help + " " + reason;
}

/// One entry: the flag at the left, its help in a column; a long flag has a line of its own.
void append_entry(std::string& out, const std::string& left, const std::string& right, size_t width) {
  constexpr size_t kColumn = 34;
  const std::string first = "  " + left;
  const std::vector<std::string> pieces = wrap(right, std::max<size_t>(width, kColumn + 20) - kColumn);
  const bool shares_line = first.size() + 2 <= kColumn;
  if (!shares_line) out += first + "\n";
  for (size_t i = 0; i < pieces.size(); ++i)
    out += fmt::format("{:<{}}{}\n", shares_line && i == 0 ? first : "", kColumn, pieces[i]);
}

/// Flags in order of their groups, those without effect in a group of their own at the end.
std::vector<std::pair<std::string, std::vector<const FlagSpec*>>> by_group(const std::vector<FlagSpec>& flags) {
  std::vector<std::pair<std::string, std::vector<const FlagSpec*>>> groups;
  const auto put = [&](const std::string& title, const FlagSpec& spec) {
    const auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == title; });
    if (found == groups.end()) groups.push_back({title, {&spec}});
    else found->second.push_back(&spec);
  };
  for (const FlagSpec& spec : flags)
    if (!is_without_effect(spec)) put(spec.group.empty() ? "Flags" : spec.group, spec);
  for (const FlagSpec& spec : flags)
    if (is_without_effect(spec)) put(kNoEffectTitle, spec);
  return groups;
}

std::string markdown_cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.replace(at, 1, "\\|");
  return text;
}

}  // namespace

std::string FlagSet::help(int width) const {
  const auto columns = static_cast<size_t>(std::max(width, 40));
  std::string out;
  if (positional_) {
    out += "\nArguments:\n";
    append_entry(out, positional_name_, positional_help_, columns);
  }
  for (const auto& [title, specs] : by_group(flags_)) {
    out += fmt::format("\n{}:\n", title);
    for (const FlagSpec* spec : specs) {
      if (title == kNoEffectTitle) {
        append_entry(out, "--" + spec->name, why_without_effect(*spec), columns);
        continue;
      }
      std::string text = full_help(*spec, "");
      if (spec->required) text += " Required.";
      else if (!spec->default_text.empty()) text += fmt::format(" Default: {}.", spec->default_text);
      append_entry(out, signature(*spec), text, columns);
    }
  }
  return out;
}

std::string FlagSet::markdown() const {
  std::string out;
  if (positional_) out += fmt::format("\n`{}`: {}\n", positional_name_, positional_help_);
  for (const auto& [title, specs] : by_group(flags_)) {
    const bool plain = title == kNoEffectTitle;
    out += fmt::format("\n### {}\n\n| flag | value | default | meaning |\n|---|---|---|---|\n", title);
    for (const FlagSpec* spec : specs) {
      const std::string shown = spec->required               ? "required"
                                : spec->default_text.empty() ? ""
                                                             : fmt::format("`{}`", spec->default_text);
      std::string text = plain ? why_without_effect(*spec) : full_help(*spec, "`");
      if (plain && !other_names(*spec).empty()) text += fmt::format(" Also: `{}`.", fmt::join(other_names(*spec), "`, `"));
      out += fmt::format("| `--{}` | {}{} | {} | {} |\n", spec->name, flag_type_name(*spec),
                         is_list_flag(*spec) ? " ..." : "", shown, markdown_cell(text));
    }
  }
  return out;
}

}  // namespace tilefit
