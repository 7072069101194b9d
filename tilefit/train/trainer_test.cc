// Properties of the training loop: the result does not depend on threads, a step does not allocate, logs and errors are as documented.
#include "tilefit/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/alloc_counter.h"
#include "tilefit/train/train_test_support.h"

namespace tilefit {
namespace {

using ::testing::HasSubstr;

Json tiny_config(double dropout) {
  return {{"model_type", "distilbert"},
          {"vocab_size", 97},
          {"dim", 24},
          {"n_heads", 3},
          {"hidden_dim", 40},
          {"n_layers", 2},
          {"dropout", dropout},
          {"attention_dropout", dropout},
          {"qa_dropout", dropout},
          {"max_position_embeddings", 64}};
}

QuestionAnsweringModel tiny_model(double dropout = 0.1) {
  return QuestionAnsweringModel::from_config(ModelConfig(tiny_config(dropout)), {});
}

/// Random features of 5 to 60 tokens with labels inside.
std::vector<QaFeature> tiny_features(int64_t count) {
  std::mt19937 engine(7);
  std::vector<QaFeature> features(static_cast<size_t>(count));
  for (size_t i = 0; i < features.size(); ++i) {
    const size_t length = 5 + engine() % 56;
    for (size_t t = 0; t < length; ++t) features[i].ids.push_back(static_cast<int32_t>(engine() % 97));
    features[i].type_ids.assign(length, 0);
    features[i].start_position = static_cast<int32_t>(engine() % length);
    features[i].end_position = static_cast<int32_t>(engine() % length);
    features[i].example = static_cast<int64_t>(i);
  }
  return features;
}

TrainOptions tiny_options(int64_t leaf_size, int64_t leaves, int64_t steps) {
  TrainOptions options;
  options.leaf_size = leaf_size;
  options.leaves = leaves;
  options.max_steps = steps;
  options.learning_rate = 1e-3;
  options.optimizer.weight_decay = 0.01;
  options.logging_steps = 1;
  return options;
}

std::string hash_after(const TrainOptions& options, int threads, int64_t num_features = 50) {
  ThreadPool pool(threads);
  QuestionAnsweringModel model = tiny_model();
  const auto features = tiny_features(num_features);
  Trainer(model, features, options, pool).train();
  return test::weights_hash(model);
}

TEST(Trainer, SameBytesForAnyNumberOfThreadsWithDropout) {
  for (const PaddingMode padding : {PaddingMode::kPacked, PaddingMode::kLongest, PaddingMode::kMaxLength}) {
    TrainOptions options = tiny_options(6, 3, 5);  // 50 features: the third step of an epoch is short
    options.layout.padding = padding;
    options.layout.max_seq_length = 64;
    options.balance_leaves = padding == PaddingMode::kPacked;
    const std::string one = hash_after(options, 1);
    for (const int threads : {2, 3, 5}) EXPECT_EQ(hash_after(options, threads), one) << threads << " threads";

    options.dtype = DType::kBF16;
    const std::string one_bf16 = hash_after(options, 1);
    EXPECT_NE(one_bf16, one);
    for (const int threads : {1, 2, 3, 5}) EXPECT_EQ(hash_after(options, threads), one_bf16) << threads << " threads, bf16";
  }
}

TEST(Trainer, RecomputingActivationsChangesNoByteAndSavesMemory) {
  TrainOptions options = tiny_options(6, 2, 3);
  const std::string kept = hash_after(options, 2);
  options.recompute = true;
  EXPECT_EQ(hash_after(options, 2), kept);

  ThreadPool pool(1);
  QuestionAnsweringModel model = tiny_model();
  const auto features = tiny_features(50);
  const int64_t lean = Trainer(model, features, options, pool).prepare_memory().activations;
  options.recompute = false;
  EXPECT_LT(lean, Trainer(model, features, options, pool).prepare_memory().activations);
}

TEST(Trainer, SeedChangesDropoutAndDataSeedTheOrderOnly) {
  TrainOptions options = tiny_options(6, 1, 4);
  const std::string base = hash_after(options, 2);
  EXPECT_EQ(hash_after(options, 2), base);
  options.seed = 43;
  EXPECT_NE(hash_after(options, 2), base);
  options.seed = 42;
  options.sampling.data_seed = 1;
  EXPECT_NE(hash_after(options, 2), base);
}

TEST(Trainer, AccumulationEqualsOneLargeLeafUpToRounding) {
  ThreadPool pool(2);
  const auto features = tiny_features(48);
  std::vector<QuestionAnsweringModel> models;
  for (const int64_t leaves : {1, 3, 4}) {
    models.push_back(tiny_model());
    TrainOptions options = tiny_options(12 / leaves, leaves, 4);
    options.optimizer.kind = OptimizerKind::kSgd;  // AdamW would blow up the noise of gradients that are zero
    options.learning_rate = 0.1;
    Trainer(models.back(), features, options, pool).train();
  }
  for (size_t m = 1; m < models.size(); ++m)
    for (int64_t i = 0; i < models[0].params().size(); ++i)
      ASSERT_NEAR(models[m].params().values<float>()[i], models[0].params().values<float>()[i], 1e-6) << "parameter " << i;
}

TEST(Trainer, StepsDoNotAllocate) {
  if (!test::allocations_are_counted()) GTEST_SKIP() << "a sanitizer owns operator new";
  struct Counter : TrainCallback {
    void on_step(const StepInfo& info) override {
      if (info.step == 6) before = test::allocation_count();
      if (info.step == 14) after = test::allocation_count();
    }
    int64_t before = 0, after = 0;
  } counter;
  ThreadPool pool(3);
  const auto features = tiny_features(200);
  TrainOptions options = tiny_options(4, 3, 16);
  options.logging = Interval::kNo;
  for (const bool with_profile : {false, true}) {
    options.dtype = with_profile ? DType::kBF16 : DType::kF32;  // the two have nothing to do with each other
    QuestionAnsweringModel model = tiny_model();
    Trainer trainer(model, features, options, pool);
    Profile profile(1000);  // full before the last step
    if (with_profile) trainer.set_profile(&profile);
    trainer.add_callback(counter);
    trainer.train();
    EXPECT_EQ(counter.after - counter.before, 0) << with_profile;
    EXPECT_EQ(profile.spans_dropped() > 0, with_profile);
  }
}

TEST(Trainer, CountsStepsAndEpochsAsTransformers) {
  ThreadPool pool(1);
  QuestionAnsweringModel model = tiny_model(0);
  const auto features = tiny_features(11);
  TrainOptions options = tiny_options(2, 4, -1);  // 6 leaves: 2 steps an epoch
  options.num_epochs = 1.5;
  Trainer trainer(model, features, options, pool);
  EXPECT_EQ(trainer.max_steps(), 3);
  EXPECT_EQ(trainer.num_epochs(), 2);
  const TrainResult result = trainer.train();
  EXPECT_EQ(result.global_step, 3);
  const Json& log = trainer.state().log_history;
  ASSERT_EQ(log.size(), 4u);
  EXPECT_DOUBLE_EQ(log[0]["epoch"], 4.0 / 6);
  EXPECT_DOUBLE_EQ(log[1]["epoch"], 1.0);
  EXPECT_DOUBLE_EQ(log[2]["epoch"], 1 + 4.0 / 6);
  EXPECT_EQ(log[2]["step"], 3);
  EXPECT_DOUBLE_EQ(log[0]["learning_rate"], 1e-3);
  for (const char* key : {"train_runtime", "train_samples_per_second", "train_steps_per_second", "total_flos", "train_loss"})
    EXPECT_TRUE(log[3].contains(key)) << key;
  double mean = 0;
  for (size_t i = 0; i < 3; ++i) mean += log[i]["loss"].get<double>() / 3;
  EXPECT_NEAR(result.metrics["train_loss"], mean, 1e-12);
}

TEST(Trainer, LogsAndEvaluatesWhenToldTo) {
  ThreadPool pool(1);
  QuestionAnsweringModel model = tiny_model(0);
  const auto features = tiny_features(20);
  TrainOptions options = tiny_options(2, 1, 10);
  options.logging_steps = 4;
  options.logging_first_step = true;
  options.evaluation = Interval::kSteps;
  options.eval_steps = 0.3;  // of 10
  options.eval_delay = 5;
  Trainer trainer(model, features, options, pool);
  std::vector<int64_t> evaluated_at;
  trainer.set_evaluate([&] {
    evaluated_at.push_back(trainer.state().global_step);
    return Json{{"eval_f1", 50.0}};
  });
  trainer.train();
  EXPECT_EQ(evaluated_at, (std::vector<int64_t>{6, 9}));
  std::vector<int64_t> logged_at;
  for (const Json& entry : trainer.state().log_history)
    if (entry.contains("loss")) logged_at.push_back(entry["step"]);
  EXPECT_EQ(logged_at, (std::vector<int64_t>{1, 4, 8}));
}

TEST(Trainer, NotFiniteStopsWithStepAndExamples) {
  ThreadPool pool(2);
  QuestionAnsweringModel model = tiny_model(0);
  model.params().values<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  model.params().values_changed();
  const auto features = tiny_features(20);
  TrainOptions options = tiny_options(2, 1, 3);
  options.sampling.strategy = SamplingStrategy::kSequential;
  Trainer trainer(model, features, options, pool);
  trainer.set_example_name([](int64_t feature) { return fmt::format("question-{}", feature); });
  const std::string message = test::error_message([&] { trainer.train(); });
  EXPECT_THAT(message, HasSubstr("loss nan and gradient norm nan at step 1 of 3; its examples: question-0, question-1"));
  EXPECT_THAT(message, HasSubstr("--on_nan skip"));
}

TEST(Trainer, NotFiniteStepsCanBeSkippedAndAreCounted) {
  ThreadPool pool(2);
  QuestionAnsweringModel model = tiny_model(0);
  model.params().values<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  model.params().values_changed();
  const float second = model.params().values<float>()[1];
  const auto features = tiny_features(20);
  TrainOptions options = tiny_options(2, 1, 3);
  options.skip_nonfinite = true;
  Trainer trainer(model, features, options, pool);
  const TrainResult result = trainer.train();
  EXPECT_EQ(result.global_step, 3);
  EXPECT_EQ(result.skipped_steps, 3);
  EXPECT_EQ(model.params().values<float>()[1], second);
}

TEST(Trainer, MemoryPlanNamesWhatToReduce) {
  ThreadPool pool(1);
  QuestionAnsweringModel model = tiny_model(0);
  const auto features = tiny_features(20);
  Trainer trainer(model, features, tiny_options(4, 4, 1), pool);
  const MemoryPlan plan = trainer.prepare_memory();
  const int64_t array_bytes = model.params().size() * 4;
  EXPECT_EQ(plan.weights, array_bytes);
  EXPECT_EQ(plan.gradients, 3 * array_bytes);
  EXPECT_EQ(plan.optimizer, 2 * array_bytes);
  EXPECT_GT(plan.activations, 0);
  EXPECT_EQ(check_memory(plan, 0), "");
  EXPECT_EQ(check_memory(plan, plan.total() * 2), "");
  EXPECT_THAT(check_memory(plan, plan.total() + 1), HasSubstr("this process may use"));
  const std::string message = test::error_message([&] { check_memory(plan, plan.total() - 1); });
  EXPECT_THAT(message, HasSubstr("[memory] training needs about"));
  EXPECT_THAT(message, HasSubstr("--per_device_train_batch_size"));
}

TEST(Trainer, NoFeaturesIsAnError) {
  ThreadPool pool(1);
  QuestionAnsweringModel model = tiny_model(0);
  EXPECT_EQ(test::error_message([&] { Trainer(model, {}, tiny_options(4, 1, 1), pool); }),
            "[training] there are no training features");
}

}  // namespace
}  // namespace tilefit
