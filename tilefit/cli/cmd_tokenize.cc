// tilefit tokenize: ids and source offsets of texts, one JSON line out for one in. For scripts and for comparing tokenizers.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/base/log.h"
#include "tilefit/cli/command.h"
#include "tilefit/text/tokenize_lines.h"

namespace tilefit::cli {
namespace {

struct TokenizeFlags {
  std::string model, input;
  bool special = true;

  template <class V>
  void visit(V& v) {
    v("model", model, "Directory with tokenizer.json, or with vocab.txt and tokenizer_config.json.", Required{}, Meta{"DIR"},
      Alias{"model_name_or_path"});
    v("input", input, "JSON lines {\"text\": ..., \"pair\": ... (optional)}; '-' reads standard input.", Required{},
      Meta{"FILE"});
    v("special", special, "Add the special tokens of the model's template ([CLS], [SEP]).");
  }
};

std::string read_input(const std::string& path) {
  if (path != "-") return read_file(path);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

}  // namespace

int cmd_tokenize(Args args) {
  TokenizeFlags flags;
  FlagSet set;
  flags.visit(set);
  set.parse(args);
  for (const std::string& note : set.notes()) log_warning("tokenize", "{}", note);
  const auto tokenizer = load_tokenizer(flags.model);
  const std::string lines = read_input(flags.input);
  tokenize_lines(*tokenizer, lines, flags.input == "-" ? "standard input" : flags.input, flags.special,
                 [](const std::string& line) {
                   std::fwrite(line.data(), 1, line.size(), stdout);
                   std::fputc('\n', stdout);
                 });
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw Error(Code::kEnvironment, "the results could not be written", "standard output");
  return 0;
}

void flags_tokenize(FlagSet& set) { declare_flags<TokenizeFlags>(set); }

}  // namespace tilefit::cli
