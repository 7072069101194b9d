// The program's entry: everything else is in commands.cc, where tests reach it.
#include <string>
#include <vector>

#include "tilefit/cli/command.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + (argc > 0), argv + argc);
  return tilefit::cli::run_tilefit(args);
}
