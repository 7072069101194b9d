// Training against PyTorch: every step's loss, learning rate and gradient norm, and the final weights, for all reference runs.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "tilefit/hub/safetensors.h"
#include "tilefit/train/train_test_support.h"

namespace tilefit {
namespace {

/// Gradients that are zero by algebra hold rounding noise, which AdamW blows up to whole steps: nothing to compare there.
bool is_noise(const std::string& name, const std::string& last_norm) {
  return name.ends_with("k_lin.bias") || name.ends_with("key.bias") || name == "qa_outputs.bias" ||
         name == last_norm + ".bias";
}

TrainOptions options_of(const Json& run, const QuestionAnsweringModel& model) {
  TrainOptions options;
  options.layout = {PaddingMode::kLongest, run["max_seq_length"].get<int64_t>(), model.pad_token_id()};
  options.leaf_size = run["batch"];
  options.leaves = run["accumulation"];
  options.sampling.strategy = SamplingStrategy::kSequential;
  options.max_steps = run["steps"];
  std::vector<std::pair<std::string, double>> arguments;
  if (run["opt_kw"].is_object())
    for (const auto& item : run["opt_kw"].items())
      arguments.emplace_back(
          item.key(), item.value().is_boolean() ? (item.value().get<bool>() ? 1.0 : 0.0) : item.value().get<double>());
  OptimizerOptions defaults;
  defaults.weight_decay = run["weight_decay"];
  options.optimizer = make_optimizer_options(run["optimizer"] == "sgd" ? "sgd" : "adamw_torch", arguments, defaults);
  options.learning_rate = run["lr"];
  options.schedule = run["scheduler"];
  options.schedule_settings = run["sched_kw"];
  options.warmup_steps = run["warmup_steps"];
  options.max_grad_norm = run["max_grad_norm"];
  options.logging_steps = 1;
  return options;
}

void compare_log(const Json& expected, const Json& log, const std::string& tag) {
  ASSERT_EQ(log.size(), expected.size() + 1) << tag;  // the last entry is the summary
  for (size_t step = 0; step < expected.size(); ++step) {
    const double loss = expected[step]["loss"], rate = expected[step]["lr"], norm = expected[step]["grad_norm"];
    EXPECT_NEAR(log[step]["loss"].get<double>(), loss, 5e-5) << tag << " step " << step;
    EXPECT_NEAR(log[step]["learning_rate"].get<double>(), rate, 1e-12 * rate) << tag << " step " << step;
    EXPECT_NEAR(log[step]["grad_norm"].get<double>(), norm, 1e-4 * norm) << tag << " step " << step;
  }
}

/// Largest difference of final weights; rows of the word table that were seen, and some that were not, stand in for the table.
double weight_difference(QuestionAnsweringModel& model, const SafetensorsFile& expected) {
  const std::string last_norm =
      fmt::format("distilbert.transformer.layer.{}.output_layer_norm", model.config().get_int("n_layers") - 1);
  double worst = 0;
  for (const TensorInfo& tensor : expected.tensors()) {
    if (!is_floating(tensor.dtype) || is_noise(tensor.name, last_norm)) continue;
    std::vector<float> values(static_cast<size_t>(tensor.num_elements()));
    convert_to_f32(tensor.dtype, tensor.data, values.data(), tensor.num_elements());
    const bool rows = tensor.name.starts_with("word_embeddings.rows_");
    const ParamPartView* const view =
        model.params().find(rows ? "distilbert.embeddings.word_embeddings.weight" : tensor.name);
    EXPECT_NE(view, nullptr) << tensor.name;
    if (!view) continue;
    const float* const ours = model.params().values<float>() + view->offset;
    std::vector<int32_t> ids;
    if (rows) {
      const TensorInfo* const list =
          expected.find(tensor.name.ends_with("seen") ? "word_embeddings.row_ids" : "word_embeddings.unseen_row_ids");
      ids.resize(static_cast<size_t>(list->num_elements()));
      std::memcpy(ids.data(), list->data, static_cast<size_t>(list->bytes));
    }
    const auto width = static_cast<size_t>(tensor.shape.size() > 1 ? tensor.shape[1] : 1);
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t at = rows ? static_cast<size_t>(ids[i / width]) * width + i % width : i;
      worst = std::max(worst, double{std::abs(ours[at] - values[i])});
    }
  }
  return worst;
}

TEST(TrainerGolden, EveryReferenceRun) {
  const auto directory = test::golden("training/runs");
  const auto init = test::golden("training/init");
  const std::string questions = test::training_questions();
  if (!directory || !init || questions.empty()) GTEST_SKIP() << "training/runs, training/init or the questions are not here";
  ThreadPool pool(2);
  int runs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*directory)) {
    if (entry.path().extension() != ".json") continue;
    const Json run = read_json_file(entry.path().string());
    if (run["bf16_autocast"] || run["optimizer"] == "adafactor") continue;  // the first: see below
    const std::string tag = run["tag"];
    auto model = QuestionAnsweringModel::load(*init);
    const auto features = test::features_of(questions, *init, 700, run["max_seq_length"], run["doc_stride"]);
    Trainer trainer(model, features, options_of(run, model), pool);
    trainer.train();
    compare_log(run["log"], trainer.state().log_history, tag);
    const SafetensorsFile expected((*directory + "/" + tag + ".final.safetensors"));
    const double difference = weight_difference(model, expected);
    // AdamW moves an element whose gradient is nearly zero by a noisy share of the learning rate, 1e-3 in most runs.
    EXPECT_LE(difference, 5e-5) << tag;
    RecordProperty(tag, fmt::format("{}", difference));
    std::printf("[          ] %s: final weights differ by at most %.2e\n", tag.c_str(), difference);
    ++runs;
  }
  EXPECT_GT(runs, 0);
}

/// In bf16 the loss curve stays beside the reference's own bf16 curve, and beside its float32 curve.
TEST(TrainerGolden, LossInBf16StaysWithinAHundredth) {
  const auto bf16 = test::golden("training/runs/adamw_lr1e-3_b4_bf16.json"),
             fp32 = test::golden("training/runs/adamw_lr1e-3_b4.json");
  const auto init = test::golden("training/init");
  const std::string questions = test::training_questions();
  if (!bf16 || !fp32 || !init || questions.empty())
    GTEST_SKIP() << "the bf16 run, training/init or the questions are not here";
  ThreadPool pool(2);
  const Json run = read_json_file(*bf16), plain = read_json_file(*fp32);
  auto model = QuestionAnsweringModel::load(*init);
  const auto features = test::features_of(questions, *init, 700, run["max_seq_length"], run["doc_stride"]);
  TrainOptions options = options_of(run, model);
  options.dtype = DType::kBF16;
  Trainer trainer(model, features, options, pool);
  trainer.train();
  const Json& log = trainer.state().log_history;
  ASSERT_EQ(log.size(), run["log"].size() + 1);
  double worst = 0;
  for (size_t step = 0; step < run["log"].size(); ++step) {
    const double loss = log[step]["loss"];
    worst = std::max(worst, std::abs(loss - plain["log"][step]["loss"].get<double>()));
    EXPECT_NEAR(loss, run["log"][step]["loss"].get<double>(), 1e-2) << "step " << step;
    EXPECT_NEAR(loss, plain["log"][step]["loss"].get<double>(), 1e-2) << "float32, step " << step;
  }
  std::printf("[          ] losses in bf16 and float32 differ by at most %.2e\n", worst);
}

}  // namespace
}  // namespace tilefit
