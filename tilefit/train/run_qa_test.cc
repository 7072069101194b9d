// run_qa and predict as a user meets them: files, keys, console, errors. On the tiny reference model with real questions.
#include "tilefit/train/run_qa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tilefit/base/log.h"
#include "tilefit/train/predict_qa.h"
#include "tilefit/train/train_test_support.h"

namespace tilefit {
namespace {

using test::error_message;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RunQa : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto init = test::golden("training/init");
    questions_ = test::training_questions();
    if (!init || questions_.empty()) GTEST_SKIP() << "training/init or the training questions are not here";
    init_ = *init;
    out_ = directory_ / "out";
    ::setenv("HF_DATASETS_CACHE", (directory_ / "cache").c_str(), 1);
    set_log_level(LogLevel::kError);
  }
  void TearDown() override { set_log_level(LogLevel::kInfo); }

  /// Runs with the tiny model and short windows; more: further arguments.
  Json run(const std::vector<std::string>& more) {
    std::vector<std::string> args = {"--model_name_or_path", init_, "--output_dir", out_,
                                     "--max_seq_length",     "128", "--doc_stride", "32"};
    args.insert(args.end(), more.begin(), more.end());
    RunOutput output;
    output.result = [&](std::string_view text) { shown_ += text; };
    return run_qa(parse_run_flags(args), output);
  }
  std::string write(const std::string& name, const std::string& text) {
    write_file_atomic(directory_ / name, text);
    return directory_ / name;
  }

  test::TempDir directory_;
  std::string init_, questions_, out_, shown_;
};

TEST_F(RunQa, TrainsEvaluatesAndPredictsWithAllFiles) {
  const Json metrics = run({"--train_file",
                            questions_,
                            "--validation_file",
                            questions_,
                            "--test_file",
                            questions_,
                            "--do_train",
                            "--do_eval",
                            "--do_predict",
                            "--max_train_samples",
                            "60",
                            "--max_eval_samples",
                            "12",
                            "--max_predict_samples",
                            "9",
                            "--num_train_epochs",
                            "2",
                            "--logging_steps",
                            "4",
                            "--learning_rate",
                            "1e-3"});
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
                           "trainer_state.json", "training_args.json", "README.md", "train_results.json",
                           "eval_results.json", "predict_results.json", "all_results.json", "eval_predictions.json",
                           "eval_nbest_predictions.json", "predict_predictions.json", "predict_nbest_predictions.json"})
    EXPECT_TRUE(file_exists(out_ + "/" + name)) << name;
  EXPECT_FALSE(file_exists(out_ + "/eval_null_odds.json"));

  const Json train = read_json_file(out_ + "/train_results.json");
  for (const char* key : {"epoch", "total_flos", "train_loss", "train_runtime", "train_samples", "train_samples_per_second",
                          "train_steps_per_second"})
    EXPECT_TRUE(train.contains(key)) << key;
  EXPECT_EQ(train["train_samples"], 60);
  const Json eval = read_json_file(out_ + "/eval_results.json");
  for (const char* key : {"epoch", "eval_exact_match", "eval_f1", "eval_samples", "eval_runtime", "eval_samples_per_second"})
    EXPECT_TRUE(eval.contains(key)) << key;
  EXPECT_EQ(read_json_file(out_ + "/eval_predictions.json").size(), 12u);
  EXPECT_EQ(read_json_file(out_ + "/predict_predictions.json").size(), 9u);
  EXPECT_TRUE(metrics.contains("train_loss") && metrics.contains("eval_f1") && metrics.contains("predict_samples"));

  const Json state = read_json_file(out_ + "/trainer_state.json");
  EXPECT_EQ(state["global_step"], 16);
  EXPECT_EQ(state["max_steps"], 16);
  EXPECT_EQ(state["num_train_epochs"], 2);
  EXPECT_EQ(state["log_history"].size(), 5u);
  const Json& first = state["log_history"][0];
  for (const char* key : {"epoch", "grad_norm", "learning_rate", "loss", "step"}) EXPECT_TRUE(first.contains(key)) << key;
  EXPECT_EQ(first["step"], 4);
  EXPECT_THAT(shown_, StartsWith("***** train metrics *****\n  epoch "));
  EXPECT_THAT(shown_, HasSubstr("***** eval metrics *****\n"));
  EXPECT_THAT(shown_, HasSubstr("***** predict metrics *****\n"));

  QuestionAnsweringModel again =
      QuestionAnsweringModel::load(out_);  // what was written loads again, and into the same model
  EXPECT_EQ(again.class_name(), "DistilBertForQuestionAnswering");
}

TEST_F(RunQa, ProfileWritesATraceOfWholeStepsWithoutChangingTheResult) {
  const std::vector<std::string> arguments = {
      "--train_file",           questions_,           "--do_train", "--max_train_samples", "24",
      "--overwrite_output_dir", "--num_train_epochs", "1",          "--num_threads",       "2"};
  const Json plain = run(arguments);
  EXPECT_FALSE(file_exists(out_ + "/trace.json"));
  std::vector<std::string> with_profile = arguments;
  with_profile.push_back("--profile");
  EXPECT_EQ(run(with_profile)["train_loss"], plain["train_loss"]);

  const Json trace = read_json_file(out_ + "/trace.json");
  std::vector<double> ends;  // of the spans that are open where the next one begins
  double step_time = 0, phase_time = 0;
  int64_t steps = 0;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    const double begin = event["ts"], duration = event["dur"];
    while (!ends.empty() && ends.back() <= begin + 1e-3) ends.pop_back();
    EXPECT_TRUE(ends.empty() || begin + duration <= ends.back() + 1e-3) << event;
    if (event["name"] == "step") {
      EXPECT_TRUE(ends.empty()) << event;
      step_time += duration;
      ++steps;
    } else {
      ASSERT_FALSE(ends.empty()) << event;
      if (ends.size() == 1) phase_time += duration;
    }
    ends.push_back(begin + duration);
  }
  EXPECT_EQ(steps, 3);
  EXPECT_LE(phase_time, step_time);
  EXPECT_GE(phase_time, 0.5 * step_time) << "most of a step is in named phases";
}

TEST_F(RunQa, Version2WritesNullOdds) {
  run({"--validation_file", questions_, "--do_eval", "--max_eval_samples", "5", "--version_2_with_negative"});
  EXPECT_TRUE(file_exists(out_ + "/eval_null_odds.json"));
  const Json eval = read_json_file(out_ + "/eval_results.json");
  for (const char* key : {"eval_exact", "eval_f1", "eval_total", "eval_HasAns_exact", "eval_best_f1"})
    EXPECT_TRUE(eval.contains(key)) << key;
  EXPECT_FALSE(eval.contains("epoch"));
  EXPECT_FALSE(file_exists(out_ + "/model.safetensors"));
}

TEST_F(RunQa, EvaluatesDuringTrainingWithoutChangingIt) {
  const std::vector<std::string> base = {"--train_file",       questions_,  "--validation_file",   questions_,
                                         "--do_train",         "--do_eval", "--max_train_samples", "40",
                                         "--max_eval_samples", "4",         "--max_steps",         "5",
                                         "--logging_steps",    "1"};
  run(base);
  const std::string plain = read_file(out_ + "/model.safetensors");
  auto more = base;
  more.insert(more.end(), {"--eval_strategy", "steps", "--eval_steps", "2", "--overwrite_output_dir"});
  run(more);
  EXPECT_EQ(read_file(out_ + "/model.safetensors"), plain);
  int evaluations = 0;
  const Json state = read_json_file(out_ + "/trainer_state.json");
  for (const Json& entry : state["log_history"]) evaluations += entry.contains("eval_f1") ? 1 : 0;
  EXPECT_EQ(evaluations, 2);
}

TEST_F(RunQa, PaddingDoesNotChangeAnswers) {
  std::vector<Json> predictions;
  for (const char* padding : {"packed", "longest"}) {
    run({"--validation_file", questions_, "--do_eval", "--max_eval_samples", "20", "--padding", padding});
    predictions.push_back(read_json_file(out_ + "/eval_predictions.json"));
  }
  EXPECT_EQ(predictions[0], predictions[1]);
}

TEST_F(RunQa, CachedFeaturesGiveTheSameResults) {
  const std::string data = write("data.json.gz", read_file(questions_));
  std::vector<std::string> args = {"--train_file",
                                   data,
                                   "--validation_file",
                                   data,
                                   "--do_train",
                                   "--do_eval",
                                   "--padding",
                                   "packed",
                                   "--max_train_samples",
                                   "40",
                                   "--max_steps",
                                   "3",
                                   "--logging_steps",
                                   "1",
                                   "--max_eval_samples",
                                   "4",
                                   "--overwrite_output_dir"};
  const auto files = [&] {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "cache/tilefit"))
      paths.push_back(entry.path());
    return paths;
  };
  const auto results = [&] {
    run(args);
    return read_file(out_ + "/model.safetensors") + read_file(out_ + "/eval_nbest_predictions.json");
  };
  const std::string built = results();
  ASSERT_EQ(files().size(), 2u);  // training, validation
  EXPECT_EQ(results(), built);
  EXPECT_EQ(files().size(), 2u);

  for (const std::string& path : files()) write_file_atomic(path, "damaged");
  EXPECT_EQ(results(), built);
  for (const std::string& path : files()) EXPECT_NE(read_file(path), "damaged") << path;

  const std::string a_file = write("no-folder", "");
  ::setenv("HF_DATASETS_CACHE", a_file.c_str(), 1);
  EXPECT_EQ(results(), built);
  args.push_back("--overwrite_cache");
  args.insert(args.end(), {"--cache_dir", directory_ / "elsewhere"});
  EXPECT_EQ(results(), built);
  EXPECT_TRUE(directory_exists(directory_ / "elsewhere/tilefit"));
}

TEST_F(RunQa, OddDataAreNamedWithCachedFeaturesToo) {
  const std::string row =
      R"({"id": "a", "question": "q", "context": "c d", "answers": {"text": ["d"], "answer_start": [0]}})";
  const std::string data = write("odd.json", "[" + row + "," + row + "]");
  set_log_level(LogLevel::kWarning);
  for (int i = 0; i < 2; ++i) {
    testing::internal::CaptureStderr();
    run({"--train_file", data, "--do_train", "--max_steps", "1", "--overwrite_output_dir"});
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, HasSubstr("2 of 2 answers are not in the context at their answer_start"));
    EXPECT_THAT(log, HasSubstr("1 of 2 examples have an id that an earlier one has"));
  }
}

TEST_F(RunQa, OutputDirectoryIsNotOverwrittenUnasked) {
  std::filesystem::create_directories(out_);
  write("out/precious.txt", "x");
  EXPECT_THAT(error_message([&] {
                run({"--train_file", questions_, "--do_train"});
              }),
              HasSubstr("Output directory (" + out_ + ") already exists and is not empty. Try: --overwrite_output_dir"));
  const std::string file = write("file", "x");
  EXPECT_THAT(error_message([&] { check_output_dir(file, false); }), HasSubstr("--output_dir " + file + " is a file"));
}

TEST_F(RunQa, DataErrorsNameTheFile) {
  EXPECT_THAT(error_message([&] {
                run({"--train_file", directory_ / "absent.json", "--do_train"});
              }),
              HasSubstr("absent.json"));
  const std::string empty = write("empty.json", "{\"data\": []}");
  EXPECT_THAT(error_message([&] { run({"--train_file", empty, "--do_train"}); }), HasSubstr("empty.json"));
  EXPECT_THAT(error_message([&] {
                run({"--train_file", questions_, "--do_eval"});
              }),
              HasSubstr("--do_eval requires a validation dataset"));
}

TEST_F(RunQa, TokenizerLargerThanTheModelIsRefused) {
  const auto other = test::golden("e2e/bert-cased");
  if (!other) GTEST_SKIP() << "e2e/bert-cased is not in the compact reference set";
  std::vector<std::string> args = {"--model_name_or_path", *other,     "--tokenizer_name", init_, "--output_dir", out_,
                                   "--validation_file",    questions_, "--do_eval"};
  EXPECT_THAT(error_message([&] { run_qa(parse_run_flags(args), {}); }),
              HasSubstr("vocabulary mismatch: the tokenizer has 30522 tokens"));
}

TEST_F(RunQa, PredictsFromAFolder) {
  QaExample example;
  example.id = "q1";
  example.question = "Who wrote it?";
  example.context = "Caf\u00e9 society: the book was written by Harper Lee in 1960 and won a prize.";
  ThreadPool pool(2);
  PredictOptions options;
  options.max_seq_length = 128;
  QaPredictor predictor(init_);
  const std::vector<QaAnswer> answers = predictor.answer(std::span(&example, 1), options, pool);
  const Json json = prediction_json(example, answers[0], 3);
  EXPECT_EQ(json["id"], "q1");
  EXPECT_EQ(json["question"], "Who wrote it?");
  EXPECT_EQ(json["nbest"].size(), 3u);
  EXPECT_EQ(json["answer"], json["nbest"][0]["text"]);
  EXPECT_EQ(json["score"], json["nbest"][0]["score"]);
  // Offsets are code points: the context has one two-byte character in front.
  const auto begin = json["start"].get<size_t>(), end = json["end"].get<size_t>();
  EXPECT_LT(begin, end);
  const size_t shift = begin > 3 ? 1 : 0;
  EXPECT_EQ(example.context.substr(begin + shift, end - begin + (end > 3 ? 1 : 0) - shift),
            json["answer"].get<std::string>());
  EXPECT_THAT(prediction_text(example, answers[0]), StartsWith("Who wrote it?\n  " + answers[0].text));
}

}  // namespace
}  // namespace tilefit
