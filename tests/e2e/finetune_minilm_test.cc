// A real fine-tuning run against PyTorch: all-MiniLM-L6-v2 on the first SQuAD features; every loss, and the scores on 500 questions.
// Minutes long, and needs the real model: TILEFIT_DEMO_MODEL, or where the demo keeps it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/cpu/topology.h"
#include "tilefit/tasks/question_answering.h"
#include "tilefit/train/qa_logits.h"
#include "tilefit/train/trainer.h"

namespace tilefit {
namespace {

std::string demo_model() {
  if (const char* const named = std::getenv("TILEFIT_DEMO_MODEL")) return named;
  return std::string(TILEFIT_SOURCE_DIR) + "/.cache/models/all-MiniLM-L6-v2";
}

std::vector<QaExample> read_questions(const std::string& path, int64_t every, int64_t most) {
  QaReadOptions options;
  options.answers = QaAnswers::kTextsOnly;
  const std::vector<QaExample> all = read_qa_examples(path, options);
  std::vector<QaExample> chosen;
  for (int64_t i = 0; i < std::ssize(all) && std::ssize(chosen) < most; i += every)
    chosen.push_back(all[static_cast<size_t>(i)]);
  return chosen;
}

TrainOptions recipe(const Json& run, int32_t pad_id) {
  TrainOptions options;
  options.layout = {PaddingMode::kLongest, 384, pad_id};
  options.leaf_size = 16;
  options.sampling.strategy = SamplingStrategy::kSequential;
  options.max_steps = run["steps"];
  options.learning_rate = run["lr0"];
  options.logging_steps = 1;
  return options;
}

TEST(FinetuneMiniLm, LossesAndScoresOfTheReference) {
  const auto golden = test::golden("finetune_minilm");
  const auto train = test::squad_file("train-v1.1-subset.json.gz"), dev = test::squad_file("dev-v1.1.json.gz");
  if (!golden || !train || !dev) GTEST_SKIP() << "finetune_minilm or the whole SQuAD files are not in the reference set";
  if (!file_exists(demo_model() + "/model.safetensors"))
    GTEST_SKIP() << "the model is not at " << demo_model() << " (tools/fetch_demo_model.sh fetches it)";
  const Json run = read_json_file(*golden + "/finetune.json");

  ModelOptions loading;
  loading.head_weights = *golden + "/qa_head_init.safetensors";
  loading.dropout = 0;
  auto model = QuestionAnsweringModel::load(demo_model(), loading);
  const auto tokenizer = load_tokenizer(demo_model());
  const ThreadPlan threads = plan_threads(read_topology(), std::getenv("OMP_NUM_THREADS"));
  ThreadPool pool(threads.num_threads, threads.cpus);
  QaFeatureOptions features_options;
  features_options.max_features = run["n_features"];
  const auto features = build_qa_features(read_qa_examples(*train), *tokenizer, features_options, pool);

  Trainer trainer(model, features, recipe(run, model.pad_token_id()), pool);
  trainer.train();
  double difference = 0;
  for (size_t step = 0; step < run["log"].size(); ++step) {
    const double loss = trainer.state().log_history[step]["loss"];
    difference += std::abs(loss - run["log"][step][0].get<double>()) / static_cast<double>(run["log"].size());
    EXPECT_NEAR(trainer.state().log_history[step]["grad_norm"].get<double>(), run["log"][step][2].get<double>(),
                0.05 * (1 + run["log"][step][2].get<double>()))
        << step;
  }
  EXPECT_LE(difference, 1e-3) << "mean difference of the losses";

  const struct {
    const char* name;
    int64_t every;
  } sets[] = {{"first500", 1}, {"every21", 21}};
  for (const auto& set : sets) {
    const auto examples = read_questions(*dev, set.every, 500);
    features_options = {};
    features_options.with_labels = false;
    const auto windows = build_qa_features(examples, *tokenizer, features_options, pool);
    const LogitStore logits = compute_logits(model, windows, {.batch_size = 16}, pool);
    const MetricList metrics = evaluate_qa(examples, windows, logits.views(), {}, pool).metrics;
    const Json& expected = run["metrics"][set.name];
    EXPECT_NEAR(metrics[0].second, expected["exact_match"].get<double>(), 1.0) << set.name;
    EXPECT_NEAR(metrics[1].second, expected["f1"].get<double>(), 1.0) << set.name;
    std::printf("[          ] %s: exact match %.2f (reference %.2f), F1 %.2f (%.2f)\n", set.name, metrics[0].second,
                expected["exact_match"].get<double>(), metrics[1].second, expected["f1"].get<double>());
  }
  std::printf("[          ] mean difference of 120 losses %.2e\n", difference);
}

}  // namespace
}  // namespace tilefit
