// tilefit run_qa: fine-tunes, evaluates and predicts as transformers' run_qa.py does.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tilefit/base/json.h"
#include "tilefit/base/log.h"
#include "tilefit/cli/command.h"
#include "tilefit/train/run_qa.h"

namespace tilefit::cli {
namespace {

void write_to(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

/// The progress line is redrawn on a terminal that understands it and whose user has not refused it (no-color.org).
bool redraws(int descriptor) {
  const char* const refused = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  return isatty(descriptor) && !(refused && *refused) && terminal && std::string_view(terminal) != "dumb";
}

LogLevel level_of(const std::string& name) {
  if (name == "detail" || name == "debug") return LogLevel::kDebug;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  if (name == "critical") return LogLevel::kCritical;
  return LogLevel::kInfo;
}

}  // namespace

int cmd_run_qa(Args args) {
  const RunFlags flags = parse_run_flags(args);
  set_log_level(level_of(flags.train.log_level));
  RunOutput output;
  output.result = [](std::string_view text) { write_to(stdout, text); };
  if (redraws(STDERR_FILENO)) output.terminal = [](std::string_view text) { write_to(stderr, text); };
  const Json metrics = run_qa(flags, output);
  if (flags.tilefit.output == "json") write_to(stdout, dump_json(metrics, 2, true) + "\n");
  return 0;
}

void flags_run_qa(FlagSet& set) { declare_flags<RunFlags>(set); }

}  // namespace tilefit::cli
