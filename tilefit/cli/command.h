// The table of verbs. A verb is one cmd_<name>.cc with two functions, cmd_<name> and flags_<name>, declared here, and one line in
// commands.cc. Results go to stdout, the log to stderr; errors are thrown as Error and printed by run_tilefit.
#pragma once
#include <span>
#include <string>

#include "tilefit/base/flags.h"

namespace tilefit::cli {

using Args = std::span<const std::string>;

struct Command {
  const char* name;
  const char* summary;          ///< one line for the list of verbs, no full stop
  const char* usage;            ///< what follows "tilefit NAME" in the usage line
  int (*run)(Args args);        ///< args: everything after the verb; returns the exit code or throws Error
  void (*flags)(FlagSet& set);  ///< declares the verb's flags, for help and docs
};

/// All verbs, in the order in which help lists them.
std::span<const Command> commands();

/// The whole program: args as main's without argv[0]. Prints results, help and errors; returns the exit code; throws nothing.
int run_tilefit(Args args) noexcept;

/// --output text|json with --json as its short form, for verbs that print a result: call visit() from the verb's own visit().
struct OutputFlags {
  std::string output = "text";
  bool json() const { return output == "json"; }
  template <class V>
  void visit(V& v) {
    v("output", output, "Form of the result on stdout.", OneOf{"text", "json"}, Switch{"json", "json"});
  }
};

int cmd_run_qa(Args args);
void flags_run_qa(FlagSet& set);
int cmd_predict(Args args);
void flags_predict(FlagSet& set);
int cmd_evaluate(Args args);
void flags_evaluate(FlagSet& set);
int cmd_tokenize(Args args);
void flags_tokenize(FlagSet& set);
int cmd_parity(Args args);
void flags_parity(FlagSet& set);
int cmd_bench(Args args);
void flags_bench(FlagSet& set);
int cmd_help(Args args);
void flags_help(FlagSet& set);

}  // namespace tilefit::cli
