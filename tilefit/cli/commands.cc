// The table of verbs, and what surrounds every verb: --help, --version, errors and exit codes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/cli/help.h"

namespace tilefit::cli {
namespace {

constexpr Command kCommands[] = {
    {"run_qa", "Fine-tunes, evaluates and predicts on question answering, with the flags of run_qa.py",
     "--model_name_or_path MODEL --train_file FILE --do_train --output_dir DIR [flags]", cmd_run_qa, flags_run_qa},
    {"predict", "Answers questions about texts with a trained model",
     "--model DIR (--question Q --context C | --input FILE|-) [--json]", cmd_predict, flags_predict},
    {"evaluate", "Scores a file of predictions as the official SQuAD evaluators do",
     "--predictions FILE --data FILE [--null_odds FILE] [--json]", cmd_evaluate, flags_evaluate},
    {"tokenize", "Prints token ids and source offsets of texts as JSON lines", "--model DIR --input FILE|-", cmd_tokenize,
     flags_tokenize},
    {"parity", "Compares a model with outputs and gradients that a reference wrote",
     "DIR [--model DIR] [--head FILE] [--json]", cmd_parity, flags_parity},
    {"bench", "Measures training steps, kernels and data preparation next to the machine's peak",
     "step|kernels|data|report [flags]", cmd_bench, flags_bench},
    {"help", "Explains tilefit or one verb", "[VERB] [--markdown]", cmd_help, flags_help},
};

void print(std::FILE* to, const std::string& text) { std::fwrite(text.data(), 1, text.size(), to); }

const char* code_name(Code code) {
  switch (code) {
    case Code::kFailed: return "failed";
    case Code::kUsage: return "usage";
    case Code::kEnvironment: return "environment";
    case Code::kPeer: return "peer_failed";
    case Code::kResumable: return "resumable";
  }
  return "failed";
}

/// Colour only on a terminal that has it and whose user has not refused it (no-color.org).
bool use_colour() {
  const char* const refused = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) && !(refused && *refused) && !(terminal && std::strcmp(terminal, "dumb") == 0);
}

/// Whether the command line asks for JSON; asked before and apart from parsing, which may be what failed.
bool wants_json(Args args) {
  for (size_t i = 0; i < args.size() && args[i] != "--"; ++i)
    if (args[i] == "--json" || args[i] == "--output=json" ||
        (args[i] == "--output" && i + 1 < args.size() && args[i + 1] == "json"))
      return true;
  return false;
}

bool wants_help(Args args) {
  for (const std::string& arg : args) {
    if (arg == "--") return false;
    if (arg == "--help" || arg == "-h") return true;
  }
  return false;
}

int report(Args args, Code code, const std::string& message) {
  print(stderr,
        fmt::format("tilefit: {}error:{} {}\n", use_colour() ? "\033[1;31m" : "", use_colour() ? "\033[0m" : "", message));
  if (code == Code::kUsage) {
    const bool verb_known = !args.empty() && std::any_of(std::begin(kCommands), std::end(kCommands),
                                                         [&](const Command& c) { return c.name == args[0]; });
    print(stderr, verb_known ? fmt::format("See: tilefit {} --help\n", args[0]) : "See: tilefit help\n");
  }
  if (wants_json(args)) {
    const Json error = {{"code", code_name(code)}, {"exit_code", static_cast<int>(code)}, {"message", message}};
    print(stdout, dump_json(Json{{"error", error}}, 2) + "\n");
  }
  return static_cast<int>(code);
}

int dispatch(Args args) {
  if (args.empty()) {
    print(stderr, overview_help());
    return static_cast<int>(Code::kUsage);
  }
  if (args[0] == "--help" || args[0] == "-h") {
    print(stdout, overview_help());
    return 0;
  }
  if (args[0] == "--version") {
    print(stdout, "tilefit " TILEFIT_VERSION "\n");
    return 0;
  }
  if (args[0].starts_with('-')) throw Error(Code::kUsage, fmt::format("the verb comes first, before {}", args[0]));
  const Command& command = find_command(args[0]);
  if (wants_help(args.subspan(1))) {
    print(stdout, command_help(command));
    return 0;
  }
  return command.run(args.subspan(1));
}

/// A result that did not reach its reader (disk full) must not look like success.
void flush_result() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw Error(Code::kEnvironment, fmt::format("the result could not be written to stdout: {}", std::strerror(errno)));
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

int run_tilefit(Args args) noexcept {
  try {
    try {
      const int exit_code = dispatch(args);
      flush_result();
      return exit_code;
    } catch (const Error& e) {
      return report(args, e.code(), e.what());
    } catch (const std::bad_alloc&) {
      return report(args, Code::kEnvironment, "out of memory. Try: a smaller batch size, or a machine with more memory");
    } catch (const std::exception& e) {
      return report(
          args, Code::kFailed,
          fmt::format("unexpected: {}. This is a mistake in tilefit: please report it with the command line", e.what()));
    } catch (...) {
      return report(args, Code::kFailed,
                    "unexpected failure. This is a mistake in tilefit: please report it with the command line");
    }
  } catch (...) {  // no memory even for the report
    std::fputs("tilefit: error: out of memory\n", stderr);
    return static_cast<int>(Code::kEnvironment);
  }
}

}  // namespace tilefit::cli
