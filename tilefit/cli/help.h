// The texts of help: overview, one verb, and the whole as markdown (docs/flags.md).
#pragma once
#include <string>

#include "tilefit/cli/command.h"

namespace tilefit::cli {

/// Usage line and the list of verbs.
std::string overview_help();

/// Usage line, summary and flags of one verb.
std::string command_help(const Command& command);

/// docs/flags.md: how flags are read, exit codes, then every verb with its flags.
std::string markdown_help();

/// The verb of that name ('-' counts as '_'); throws Error(kUsage) that suggests the nearest.
const Command& find_command(const std::string& name);

}  // namespace tilefit::cli
