#include "tilefit/base/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/golden.h"
#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/base/text_distance.h"

namespace tilefit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Sample {
  double learning_rate = 5e-5;
  int steps = 500;
  int64_t seed = 42;
  bool do_train = false;
  bool pin = true;
  bool no_cuda = false;
  std::string output_dir;
  std::string strategy = "no";
  std::string optim = "adamw";
  std::string save = "steps";
  std::optional<int> limit;
  std::optional<double> delay;
  std::optional<bool> greater;
  std::optional<std::string> name;
  std::vector<std::string> report_to;
  bool fp16 = false;
  std::string output = "text";

  template <class V>
  void visit(V& v) {
    v.group("Training");
    v("learning_rate", learning_rate, "Peak learning rate of the schedule.", Range{0, 1});
    v("steps", steps, "Steps between two log lines.", Range{1});
    v("seed", seed, "Random seed.", Range{0, 4294967295});
    v("do_train", do_train, "Train.");
    v("pin", pin, "Pin memory.", Note{"has no effect: there is no device to copy to."});
    v("no_cuda", no_cuda, "Use the CPU.", Note{"has no effect: there is only the CPU."});
    v("output_dir", output_dir, "Where results go.", Meta{"DIR"});
    v("eval_strategy", strategy, "When to evaluate.", OneOf{"no", "steps", "epoch"}, NotYet{"best"},
      Alias{"evaluation_strategy"});
    v("optim", optim, "Optimizer.");
    v("save", save, "When to save.", Note{"saves at the end only, for now.", "no"});
    v.group("Rest");
    v("limit", limit, "Most items.", Range{0, 1, true});
    v("delay", delay, "Delay.");
    v("greater", greater, "Greater is better.");
    v("name", name, "Name.");
    v("report_to", report_to, "Reporters.", OneOf{"none", "tensorboard", "wandb"});
    v("fp16", fp16, "Half precision.", Refused{"no CPU computes in half precision fast", "--bf16"});
    v("output", output, "Form of the result.", OneOf{"text", "json"}, Switch{"json", "json"});
  }
};

struct Parsed {
  Sample sample;
  FlagSet set;
};

std::unique_ptr<Parsed> parse(std::vector<std::string> args) {
  auto parsed = std::make_unique<Parsed>();
  parsed->sample.visit(parsed->set);
  parsed->set.parse(args);
  return parsed;
}

std::string failure(std::vector<std::string> args) {
  try {
    parse(std::move(args));
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::kUsage);
    return e.what();
  }
  return "";
}

TEST(Flags, DefaultsStayWithoutArguments) {
  const auto p = parse({});
  EXPECT_EQ(p->sample.learning_rate, 5e-5);
  EXPECT_FALSE(p->set.given("learning_rate"));
  EXPECT_THAT(p->set.notes(), IsEmpty());
}

TEST(Flags, ValuesOfEveryType) {
  const auto p =
      parse({"--learning_rate", "3e-5",  "--steps=7",   "--seed",      "4294967295", "--do_train", "--output_dir", "/tmp/x/",
             "--eval_strategy", "epoch", "--limit",     "0",           "--delay",    "1.5",        "--greater",    "no",
             "--name",          "run",   "--report_to", "tensorboard", "wandb"});
  const Sample& s = p->sample;
  EXPECT_EQ(s.learning_rate, 3e-5);
  EXPECT_EQ(s.steps, 7);
  EXPECT_EQ(s.seed, 4294967295);
  EXPECT_TRUE(s.do_train);
  EXPECT_EQ(s.output_dir, "/tmp/x/");
  EXPECT_EQ(s.strategy, "epoch");
  EXPECT_EQ(s.limit, 0);
  EXPECT_EQ(s.delay, 1.5);
  EXPECT_EQ(s.greater, false);
  EXPECT_EQ(s.name, "run");
  EXPECT_THAT(s.report_to, ElementsAre("tensorboard", "wandb"));
  EXPECT_TRUE(p->set.given("eval_strategy"));
  EXPECT_TRUE(p->set.given("evaluation_strategy"));
  EXPECT_FALSE(p->set.given("pin"));
}

TEST(Flags, BoolForms) {
  for (const char* yes : {"True", "true", "TRUE", "yes", "t", "y", "1"})
    EXPECT_TRUE(parse({"--do_train", yes})->sample.do_train) << yes;
  for (const char* no : {"False", "false", "no", "f", "n", "0"}) EXPECT_FALSE(parse({"--pin", no})->sample.pin) << no;
  EXPECT_TRUE(parse({"--do_train=True"})->sample.do_train);
  EXPECT_TRUE(parse({"--do_train", "--pin"})->sample.do_train);
  EXPECT_FALSE(parse({"--no_pin"})->sample.pin);
  EXPECT_FALSE(parse({"--no-pin"})->sample.pin);
  EXPECT_TRUE(parse({"--no_pin", "--pin"})->sample.pin);
  EXPECT_TRUE(parse({"--no_pin"})->set.given("pin"));
  EXPECT_EQ(failure({"--no_pin=true"}), "--no_pin takes no value");
  EXPECT_EQ(failure({"--do_train", "maybe"}), "--do_train: 'maybe' is not one of true/false, yes/no, t/f, y/n, 1/0");
  EXPECT_THAT(failure({"--no_do_train"}), HasSubstr("unknown flag --no_do_train. Did you mean --do_train?"));
}

TEST(Flags, NamesByPrefixDashAndAlias) {
  EXPECT_EQ(parse({"--learn", "0.5"})->sample.learning_rate, 0.5);
  EXPECT_EQ(parse({"--learning-rate", "0.5"})->sample.learning_rate, 0.5);
  EXPECT_TRUE(parse({"--no-cuda"})->sample.no_cuda);
  EXPECT_EQ(parse({"--evaluation_strategy", "steps"})->sample.strategy, "steps");
  EXPECT_EQ(parse({"--eval", "steps"})->sample.strategy, "steps");  // two spellings of one flag are not ambiguous
  EXPECT_EQ(parse({"--output", "json"})->sample.output, "json");    // exact beats longer names
  EXPECT_EQ(parse({"--json"})->sample.output, "json");
  EXPECT_EQ(failure({"--no_", "x"}), "ambiguous flag --no_: could be --no_pin, --no_cuda");
  EXPECT_EQ(failure({"--s", "x"}), "ambiguous flag --s: could be --steps, --seed, --save");
}

TEST(Flags, LastWins) {
  EXPECT_EQ(parse({"--steps", "1", "--steps", "2"})->sample.steps, 2);
  EXPECT_THAT(parse({"--report_to", "none", "--report_to", "wandb"})->sample.report_to, ElementsAre("wandb"));
}

TEST(Flags, NumbersAsPythonReadsThem) {
  EXPECT_EQ(parse({"--delay", "-1"})->sample.delay, -1);
  EXPECT_EQ(parse({"--delay", "-1e-3"})->sample.delay, -1e-3);
  EXPECT_EQ(parse({"--delay", "-.5"})->sample.delay, -.5);
  EXPECT_EQ(parse({"--delay", "+2."})->sample.delay, 2);
  EXPECT_EQ(parse({"--delay", " 1_000.5 "})->sample.delay, 1000.5);
  EXPECT_EQ(parse({"--delay=1e999"})->sample.delay, HUGE_VAL);
  EXPECT_EQ(parse({"--delay", "None"})->sample.delay, std::nullopt);
  EXPECT_EQ(parse({"--steps", "1_000"})->sample.steps, 1000);
  EXPECT_EQ(parse({"--name", "-7"})->sample.name, "-7");
  EXPECT_EQ(parse({"--name=--x"})->sample.name, "--x");
  EXPECT_EQ(parse({"--name", "-"})->sample.name, "-");
  EXPECT_EQ(parse({"--name=a b=c"})->sample.name, "a b=c");
  EXPECT_EQ(parse({"--name", "-a b"})->sample.name, "-a b");
}

TEST(Flags, ErrorsNameFlagValueAndRemedy) {
  EXPECT_EQ(failure({"--lerning_rate", "1"}), "unknown flag --lerning_rate. Did you mean --learning_rate?");
  EXPECT_EQ(failure({"--zzzzzzz"}), "unknown flag --zzzzzzz");
  EXPECT_EQ(failure({"-x"}), "unknown flag -x. Flags start with two dashes");
  EXPECT_EQ(failure({"--learning_rate", "abc"}), "--learning_rate: 'abc' is not a number");
  EXPECT_EQ(failure({"--learning_rate", "1x"}), "--learning_rate: '1x' is not a number");
  EXPECT_EQ(failure({"--learning_rate="}), "--learning_rate: '' is not a number");
  EXPECT_EQ(failure({"--steps", "1.5"}), "--steps: '1.5' is not a whole number");
  EXPECT_EQ(failure({"--steps", "1__0"}), "--steps: '1__0' is not a whole number");
  EXPECT_EQ(failure({"--learning_rate", "7"}), "--learning_rate 7: must be between 0 and 1");
  EXPECT_EQ(failure({"--learning_rate", "nan"}), "--learning_rate nan: must be between 0 and 1");
  EXPECT_EQ(failure({"--steps", "0"}), "--steps 0: must be at least 1");
  EXPECT_EQ(failure({"--limit", "1"}), "--limit 1: must be at least 0 and less than 1");
  EXPECT_EQ(failure({"--delay", "nan"}), "--delay nan: must be a number");
  EXPECT_EQ(failure({"--steps", "99999999999"}), "--steps 99999999999: must be between 1 and 2147483647");
  EXPECT_EQ(failure({"--eval_strategy", "step"}),
            "--eval_strategy: 'step' is not one of no, steps, epoch. Did you mean steps?");
  EXPECT_EQ(failure({"--eval_strategy", "best"}),
            "--eval_strategy: 'best' is not done yet; today there are no, steps, epoch");
  EXPECT_EQ(failure({"--report_to", "none", "x"}), "--report_to: 'x' is not one of none, tensorboard, wandb");
  EXPECT_EQ(failure({"--output_dir"}), "--output_dir: a value is missing");
  EXPECT_EQ(failure({"--output_dir", "--do_train"}), "--output_dir: a value is missing");
  EXPECT_EQ(failure({"--name", "-x"}), "--name: a value is missing ('-x' looks like a flag; as a value write --name=-x)");
  EXPECT_EQ(failure({"stray"}), "unexpected argument 'stray'");
  EXPECT_EQ(failure({"--do_train", "--", "--pin"}), "unexpected argument '--pin'");
  EXPECT_EQ(failure({"--fp16"}), "--fp16: no CPU computes in half precision fast. Try: --bf16");
  EXPECT_EQ(failure({"--fp16", "False"}), "");
}

TEST(Flags, AFailedValueLeavesTheField) {
  Sample sample;
  FlagSet set;
  sample.visit(set);
  EXPECT_THROW(set.parse(std::vector<std::string>{"--steps", "-3"}), Error);
  EXPECT_EQ(sample.steps, 500);
}

TEST(Flags, RequiredFlags) {
  struct {
    std::string a, b;
  } fields;
  FlagSet set;
  set("a", fields.a, "A.", Required{});
  set("b", fields.b, "B.", Required{});
  EXPECT_EQ(test::error_message([&] { set.parse(std::vector<std::string>{}); }), "missing flags --a, --b");
  EXPECT_EQ(test::error_message([&] { set.parse(std::vector<std::string>{"--b", "1"}); }), "missing flag --a");
  set.parse(std::vector<std::string>{"--a=1", "--b=2"});
  EXPECT_EQ(fields.b, "2");
}

TEST(Flags, NotesOnlyForWhatChangesNothing) {
  EXPECT_THAT(parse({"--no_cuda", "--save", "epoch", "--no_pin"})->set.notes(),
              ElementsAre("--pin has no effect: there is no device to copy to.",
                          "--no_cuda has no effect: there is only the CPU.", "--save saves at the end only, for now."));
  EXPECT_THAT(parse({"--no_cuda", "False", "--save", "no", "--pin"})->set.notes(), IsEmpty());
}

TEST(Flags, IgnoredFlagsAreCheckedAndNoted) {
  FlagSet set;
  set.ignored("use_ipex", false, "kernels are built in.");
  set.ignored("workers", 0, "nothing to load.", Range{0});
  set.ignored("backend", std::optional<std::string>(), "one process.", OneOf{"mpi", "ccl"});
  set.parse(std::vector<std::string>{"--use_ipex", "--backend", "ccl"});
  EXPECT_THAT(set.notes(),
              ElementsAre("--use_ipex has no effect: kernels are built in.", "--backend has no effect: one process."));
  EXPECT_EQ(test::error_message([&] {
              set.parse(std::vector<std::string>{"--workers", "-1"});
            }),
            "--workers -1: must be at least 0");
  EXPECT_EQ(test::error_message([&] {
              set.parse(std::vector<std::string>{"--backend", "cll"});
            }),
            "--backend: 'cll' is not one of mpi, ccl. Did you mean ccl?");
  EXPECT_THAT(set.markdown(), HasSubstr("| `--use_ipex` | BOOL | `False` | No effect: kernels are built in. |"));
}

TEST(Flags, Positionals) {
  std::vector<std::string> texts;
  bool lower = false, upper = true;
  const auto parse_texts = [&](std::vector<std::string> args) {
    texts.clear();
    FlagSet set;
    set.positional("TEXT", texts, "Texts.", 1, 2);
    set("lower", lower, "Lower case.");
    set("upper", upper, "Upper case.");
    set.parse(args);
  };
  parse_texts({"--lower", "a b", "--upper", "false", "--", "--x"});
  EXPECT_THAT(texts, ElementsAre("a b", "--x"));
  EXPECT_TRUE(lower);
  EXPECT_FALSE(upper);
  parse_texts({"x.json"});
  EXPECT_THAT(texts, ElementsAre("x.json"));
  EXPECT_EQ(test::error_message([&] { parse_texts({}); }), "missing argument TEXT");
  EXPECT_EQ(test::error_message([&] { parse_texts({"a", "b", "c"}); }), "unexpected argument 'c'");
}

TEST(FlagsJson, OneFileHoldsAllFlags) {
  const test::TempDir dir;
  const std::string path = dir / "args.json";
  write_file_atomic(
      path,
      R"({"learning_rate": 3e-05, "steps": 5.0, "seed": "7", "do_train": true, "evaluation_strategy": "epoch", "limit": null,
                             "delay": 2, "name": {"a": 1}, "report_to": ["none"], "no_cuda": true, "output_dir": "out", "greater": 1})");
  const auto p = parse({path});
  EXPECT_EQ(p->sample.learning_rate, 3e-5);
  EXPECT_EQ(p->sample.steps, 5);
  EXPECT_EQ(p->sample.seed, 7);
  EXPECT_TRUE(p->sample.do_train);
  EXPECT_EQ(p->sample.strategy, "epoch");
  EXPECT_EQ(p->sample.delay, 2);
  EXPECT_EQ(p->sample.name, "{\"a\": 1}");
  EXPECT_EQ(p->sample.greater, true);
  EXPECT_THAT(p->sample.report_to, ElementsAre("none"));
  EXPECT_FALSE(p->set.given("limit"));
  EXPECT_TRUE(p->set.given("name"));
  EXPECT_THAT(p->set.notes(), ElementsAre("--no_cuda has no effect: there is only the CPU."));
}

TEST(FlagsJson, Errors) {
  const test::TempDir dir;
  const std::string path = dir / "args.json";
  const auto failure_of = [&](const std::string& text) {
    write_file_atomic(path, text);
    return test::error_message([&] { parse({path}); });
  };
  EXPECT_EQ(failure_of(R"({"lerning_rate": 1})"),
            "[" + path + "] unknown flag \"lerning_rate\". Did you mean learning_rate?");
  EXPECT_EQ(failure_of(R"({"learning_rate": 7})"), "[" + path + "] --learning_rate 7: must be between 0 and 1");
  EXPECT_EQ(failure_of(R"({"steps": 1.5})"), "[" + path + "] --steps: '1.5' is not a whole number");
  EXPECT_EQ(failure_of(R"({"steps": [1]})"), "[" + path + "] --steps: its value cannot be JSON of type array");
  EXPECT_EQ(failure_of("[1]"), "[" + path + "] a file of flags must hold one JSON object");
  EXPECT_THAT(failure_of("{\"a\": "), HasSubstr("malformed JSON"));
  EXPECT_THAT(test::error_message([&] { parse({dir / "none.json"}); }), HasSubstr("none.json"));
  EXPECT_THAT(failure({"--do_train", "True", "args.json"}), HasSubstr("A JSON file of flags must be the only argument"));
}

TEST(FlagsHelp, HoldsEveryDeclaration) {
  Sample sample;
  FlagSet set;
  sample.visit(set);
  const std::string help = set.help(100);
  EXPECT_THAT(
      help,
      HasSubstr("\nTraining:\n  --learning_rate NUMBER          Peak learning rate of the schedule. Default: 5e-05.\n"));
  EXPECT_THAT(help, HasSubstr("  --output_dir DIR                Where results go.\n"));
  EXPECT_THAT(help, HasSubstr("--eval_strategy {no,steps,epoch}\n"));
  EXPECT_THAT(help,
              HasSubstr("                                  When to evaluate. Also: --evaluation_strategy. Default: no.\n"));
  EXPECT_THAT(help, HasSubstr("\nAccepted, without effect:\n  --pin                           Pin memory. No effect: there "
                              "is no device to copy to.\n"));
  for (size_t at = 0; at < help.size();) {
    const size_t end = help.find('\n', at);
    EXPECT_LE(end - at, 100u);
    at = end + 1;
  }
  const std::string markdown = set.markdown();
  EXPECT_THAT(markdown, HasSubstr("### Training\n\n| flag | value | default | meaning |\n|---|---|---|---|\n| "
                                  "`--learning_rate` | NUMBER | `5e-05` |"));
  EXPECT_THAT(markdown, HasSubstr("| `--report_to` | TEXT ... |  | Reporters. One of `none`, `tensorboard`, `wandb`. |"));
}

TEST(TextDistance, CountsEditsAndSwaps) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", "abc"), 0);
  EXPECT_EQ(edit_distance("abc", "acb"), 1);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
}

TEST(TextDistance, NearestNamesFirst) {
  const std::vector<std::string> names = {"run_qa", "predict", "evaluate", "per_device_batch_size"};
  EXPECT_THAT(nearest_names("run_aq", names), ElementsAre("run_qa"));
  EXPECT_THAT(nearest_names("batch_size", names), ElementsAre("per_device_batch_size"));
  EXPECT_THAT(nearest_names("qqqqqqqq", names), IsEmpty());
  EXPECT_EQ(did_you_mean("evalute", names, "--"), ". Did you mean --evaluate?");
  EXPECT_THAT(nearest_names(std::string(100000, 'x'), names), IsEmpty());
}

}  // namespace
}  // namespace tilefit
