// tilefit help [VERB] [--markdown].
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "tilefit/base/error.h"
#include "tilefit/base/text_distance.h"
#include "tilefit/cli/help.h"

namespace tilefit::cli {
namespace {

constexpr const char* kMarkdownIntroduction = R"(# Flags

<!-- Generated: `tilefit help --markdown` prints this page; `make docs` writes it. -->

Flags are read as Hugging Face's example scripts read them: `--flag value`, `--flag=value`, a bare `--flag` for a bool
(or `--flag True|False`, yes/no, t/f, y/n, 1/0), `--no_flag` for a bool that is on by default, any unique prefix of a name, `-` for `_`.
A repeated flag: the last wins. A single argument that ends in `.json` names a file whose object holds all flags (for verbs
without positional arguments; `null` there leaves the default). An unknown flag is an error, never ignored.

Results go to stdout, the log to stderr. With `--json` (short for `--output json`) the result is one JSON value, and a failure puts
`{"error": {"code": ..., "exit_code": ..., "message": ...}}` on stdout besides the line on stderr.

| exit code | name | meaning |
|---|---|---|
| 0 | | done |
| 1 | failed | the input or the work failed |
| 2 | usage | a flag or argument is wrong |
| 3 | environment | disk, memory, network or another part of the machine |
| 4 | peer_failed | another process of the run failed |
| 75 | resumable | stopped on request; the same command continues |
)";

struct HelpFlags {
  std::vector<std::string> verbs;
  bool markdown = false;

  void declare(FlagSet& set) {
    set.positional("VERB", verbs, "The verb to explain; without it, the list of verbs.", 0, 1);
    set("markdown", markdown, "Print the flags of all verbs as markdown.");
  }
};

}  // namespace

const Command& find_command(const std::string& name) {
  std::string wanted = name;
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (command.name == wanted) return command;
    names.emplace_back(command.name);
  }
  throw Error(Code::kUsage, fmt::format("unknown verb '{}'{}", name, did_you_mean(wanted, names)));
}

std::string overview_help() {
  std::string out = "Usage: tilefit VERB [flags]\n\nFine-tunes Hugging Face encoder transformers on CPUs.\n\nVerbs:\n";
  for (const Command& command : commands()) out += fmt::format("  {:<12}{}\n", command.name, command.summary);
  return out + "\ntilefit VERB --help explains a verb; tilefit --version prints the version.\n";
}

std::string command_help(const Command& command) {
  FlagSet set;
  command.flags(set);
  return fmt::format("Usage: tilefit {} {}\n\n{}.\n{}", command.name, command.usage, command.summary, set.help());
}

std::string markdown_help() {
  std::string out = kMarkdownIntroduction;
  for (const Command& command : commands()) {
    FlagSet set;
    command.flags(set);
    out += fmt::format("\n## tilefit {}\n\n{}.\n\n    tilefit {} {}\n{}", command.name, command.summary, command.name,
                       command.usage, set.markdown());
  }
  return out;
}

int cmd_help(Args args) {
  HelpFlags flags;
  FlagSet set;
  flags.declare(set);
  set.parse(args);
  const std::string text = flags.markdown        ? markdown_help()
                           : flags.verbs.empty() ? overview_help()
                                                 : command_help(find_command(flags.verbs[0]));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

void flags_help(FlagSet& set) {
  static HelpFlags flags;
  flags.declare(set);
}

}  // namespace tilefit::cli
