#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/cli/help.h"

namespace tilefit::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int exit_code;
  std::string out, err;
};

Outcome run(std::vector<std::string> args) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int exit_code = run_tilefit(args);
  std::fflush(stdout);
  return {exit_code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(Cli, VersionAndOverview) {
  EXPECT_EQ(run({"--version"}).out, "tilefit " TILEFIT_VERSION "\n");
  const Outcome help = run({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, StartsWith("Usage: tilefit VERB [flags]\n"));
  for (const Command& command : commands()) EXPECT_THAT(help.out, HasSubstr(command.summary));
  EXPECT_EQ(run({"-h"}).out, help.out);
  EXPECT_EQ(run({"help"}).out, help.out);
  const Outcome nothing = run({});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_EQ(nothing.out, "");
  EXPECT_EQ(nothing.err, help.out);
}

TEST(Cli, EveryVerbHasHelp) {
  std::set<std::string> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    const Outcome help = run({command.name, "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_THAT(help.out, StartsWith(std::string("Usage: tilefit ") + command.name + " "));
    EXPECT_EQ(run({"help", command.name}).out, help.out);
  }
}

TEST(Cli, ErrorsNameTheRemedyAndGoToStderr) {
  const Outcome verb = run({"hlep"});
  EXPECT_EQ(verb.exit_code, 2);
  EXPECT_EQ(verb.out, "");
  EXPECT_EQ(verb.err, "tilefit: error: unknown verb 'hlep'. Did you mean help?\nSee: tilefit help\n");
  const Outcome flag = run({"help", "--markdwon"});
  EXPECT_EQ(flag.exit_code, 2);
  EXPECT_EQ(flag.err, "tilefit: error: unknown flag --markdwon. Did you mean --markdown?\nSee: tilefit help --help\n");
  EXPECT_THAT(run({"--markdown"}).err, HasSubstr("the verb comes first, before --markdown"));
  EXPECT_THAT(run({"help", "nothing_like_it"}).err, HasSubstr("unknown verb 'nothing_like_it'\n"));
}

TEST(Cli, JsonErrors) {
  for (const std::vector<std::string>& form :
       {std::vector<std::string>{"--json"}, {"--output=json"}, {"--output", "json"}}) {
    std::vector<std::string> args = {"help", "hlep"};
    args.insert(args.end(), form.begin(), form.end());
    const Outcome outcome = run(args);
    EXPECT_EQ(outcome.exit_code, 2);
    const Json json = parse_json(outcome.out, "stdout");
    EXPECT_EQ(json["error"]["code"], "usage");
    EXPECT_EQ(json["error"]["exit_code"], 2);
    EXPECT_THAT(outcome.err, HasSubstr(json["error"]["message"].get<std::string>()));
  }
}

TEST(Cli, FlagsPageIsWhatHelpPrints) {
  const std::string page = read_file(TILEFIT_SOURCE_DIR "/docs/flags.md");
  EXPECT_TRUE(page == run({"help", "--markdown"}).out) << "docs/flags.md is out of date: run `make docs`";
}

}  // namespace
}  // namespace tilefit::cli
