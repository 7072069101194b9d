// The question-answering model: gradients of every registered architecture, batch layouts, threads, memory, and what it refuses.
#include "tilefit/models/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/alloc_counter.h"
#include "tests/support/golden.h"
#include "tilefit/models/test_models.h"
#include "tilefit/nn/gradient_check.h"

namespace tilefit {
namespace {

using test::error_message;
using test::tiny_config;
using test::TinyBatch;
using testing::HasSubstr;

std::vector<std::string> model_types() {
  std::vector<std::string> names;
  for (const Architecture& architecture : architectures()) names.emplace_back(architecture.model_type);
  return names;
}

class EveryArchitecture : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Models, EveryArchitecture, testing::ValuesIn(model_types()),
                         [](const auto& param) { return param.param; });

class ModelSubject final : public GradientSubject {
 public:
  ModelSubject(const std::string& model_type, int64_t length, DType dtype)
      : model_(QuestionAnsweringModel::from_config(tiny_config(model_type), options(dtype))), tiny_(length) {}

  ParamStore& params() override { return model_.params(); }
  Tensor input() override { return {}; }
  Tensor input_grad() override { return {}; }
  double run(Ctx& ctx, bool with_backward) override {
    unwanted_.resize(static_cast<size_t>(model_.params().size()));
    model_.params().set_grad_buffer(with_backward ? nullptr : unwanted_.data());  // double: large enough for either type
    const double loss = model_.train_step(ctx, tiny_.batch, tiny_.starts, tiny_.ends);
    model_.params().set_grad_buffer(nullptr);
    return loss;
  }

 private:
  static ModelOptions options(DType dtype) {
    ModelOptions o;
    o.dtype = dtype;
    return o;
  }
  QuestionAnsweringModel model_;
  TinyBatch tiny_;
  std::vector<double> unwanted_;
};

TEST_P(EveryArchitecture, BackwardIsTheDerivativeOfTheLoss) {
  ThreadPool pool(2);
  for (const int64_t length : {0, 11})
    for (const bool training : {false, true})
      for (const bool recompute : {false, true}) {
        GradientCheckOptions options;
        options.training = training;
        options.recompute = recompute;
        const GradientReport report = check_gradients(
            pool, [&](DType dtype) { return std::make_unique<ModelSubject>(GetParam(), length, dtype); }, options);
        const std::string where = fmt::format("length {} training {} recompute {}", length, training, recompute);
        EXPECT_LT(report.worst_derivative, 1e-6) << where << ": " << report.worst_name;
        EXPECT_GT(report.gradient_norm, 0.01) << where;
        EXPECT_LT(report.float_error, 2e-5) << where;
        EXPECT_LT(report.worst_float_error, 2e-4) << where;
      }
}

TEST_P(EveryArchitecture, RegistersEveryPartOnceAndDecaysAsHuggingFace) {
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(tiny_config(GetParam()));
  for (const ParamPartView& view : model.params().parts()) {
    const std::string& name = view.part->name;
    const bool undecayed = name.ends_with(".bias") || name.find("LayerNorm") != std::string::npos ||
                           name.find("layer_norm") != std::string::npos;
    EXPECT_EQ(view.param->decays(), !undecayed) << name;
    EXPECT_TRUE(name.starts_with(GetParam() + ".") || name.starts_with("qa_outputs.")) << name;
  }
}

/// Logits of the tokens (not of padding), one row after the other.
std::vector<float> token_logits(QuestionAnsweringModel& model, const TokenBatch& batch, int threads) {
  ThreadPool pool(threads);
  Arena arena;
  Ctx ctx{pool, arena};
  const Tensor logits = model.forward(ctx, batch);
  std::vector<float> values;
  for (const kernels::SequenceSpan& s : batch.layout.sequences)
    values.insert(values.end(), logits.as<float>() + 2 * s.row_begin, logits.as<float>() + 2 * (s.row_begin + s.num_keys));
  return values;
}

TEST_P(EveryArchitecture, LogitsOfTokensDoNotDependOnPaddingOrThreads) {
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(tiny_config(GetParam()));
  const std::vector<float> packed = token_logits(model, TinyBatch().batch, 1);
  EXPECT_EQ(packed.size(), 30u);
  EXPECT_EQ(packed, token_logits(model, TinyBatch(9).batch, 2));
  EXPECT_EQ(packed, token_logits(model, TinyBatch(13).batch, 3));
}

struct Step {
  double loss = 0;
  std::vector<float> grads;
  int64_t peak = 0;
};

Step train_step(QuestionAnsweringModel& model, const TinyBatch& tiny, bool training, bool recompute = false,
                int threads = 2) {
  ThreadPool pool(threads);
  Arena arena;
  Ctx ctx{pool, arena};
  ctx.training = training;
  ctx.recompute = recompute;
  Step step;
  step.grads.resize(static_cast<size_t>(model.params().size()));
  model.params().set_grad_buffer(step.grads.data());
  step.loss = model.train_step(ctx, tiny.batch, tiny.starts, tiny.ends);
  model.params().set_grad_buffer(nullptr);
  step.peak = arena.peak_bytes();
  EXPECT_EQ(arena.mark().used, 0);
  return step;
}

TEST_P(EveryArchitecture, GradientsDoNotDependOnThreadsOrRecomputation) {
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(tiny_config(GetParam()));
  for (const int64_t length : {0, 12}) {
    const TinyBatch tiny(length);
    const Step one = train_step(model, tiny, true, false, 1);
    for (const int threads : {2, 3, 5}) {
      const Step other = train_step(model, tiny, true, threads % 2 == 0, threads);
      EXPECT_EQ(one.loss, other.loss);
      EXPECT_EQ(one.grads, other.grads) << threads << " threads";
    }
  }
}

TEST_P(EveryArchitecture, DropoutActsInTrainingAloneAndCanBeOverridden) {
  const TinyBatch tiny;
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(tiny_config(GetParam()));
  EXPECT_NE(train_step(model, tiny, true).loss, train_step(model, tiny, false).loss);
  ModelOptions none;
  none.dropout = 0.0;
  QuestionAnsweringModel without = QuestionAnsweringModel::from_config(tiny_config(GetParam()), none);
  EXPECT_EQ(train_step(without, tiny, true).loss, train_step(model, tiny, false).loss);
}

TEST_P(EveryArchitecture, MeasuredMemoryIsWhatAStepTakes) {
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(tiny_config(GetParam()));
  const TinyBatch tiny;
  const int64_t full = model.activation_bytes(tiny.batch, DType::kF32, true),
                recompute = model.activation_bytes(tiny.batch, DType::kF32, true, true);
  EXPECT_EQ(full, train_step(model, tiny, true, false).peak);
  EXPECT_EQ(recompute, train_step(model, tiny, true, true).peak);
  EXPECT_LT(recompute, full);
  ThreadPool pool(1);
  Arena arena;
  Ctx ctx{pool, arena};
  model.forward(ctx, tiny.batch);
  EXPECT_EQ(model.activation_bytes(tiny.batch, DType::kF32, false), arena.peak_bytes());
  EXPECT_LT(arena.peak_bytes(), recompute);
}

TEST_P(EveryArchitecture, AnnouncesEveryGradientOnceInFlatOrder) {
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(tiny_config(GetParam()));
  const TinyBatch tiny;
  ThreadPool pool(1);
  Arena arena;
  Ctx ctx{pool, arena};
  int64_t ready = 0, calls = 0;
  ctx.grads_ready = [&](int64_t begin, int64_t end) {
    EXPECT_EQ(begin, ready);
    EXPECT_GT(end, begin);
    ready = end;
    ++calls;
  };
  model.train_step(ctx, tiny.batch, tiny.starts, tiny.ends);
  EXPECT_EQ(ready, model.params().size());
  EXPECT_EQ(calls, 4);  // head, two blocks, embeddings
}

TEST_P(EveryArchitecture, StepsDoNotAllocate) {
  if (!test::allocations_are_counted()) GTEST_SKIP() << "a sanitizer owns operator new";
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(tiny_config(GetParam()));
  const TinyBatch packed, padded(12);
  ThreadPool pool(2);
  Arena arena;
  Ctx ctx{pool, arena};
  ctx.training = true;
  const auto step = [&](const TinyBatch& tiny) {
    model.params().values_changed();
    model.train_step(ctx, tiny.batch, tiny.starts, tiny.ends);
  };
  for (int i = 0; i < 3; ++i) step(padded);
  const test::AllocationScope scope;
  for (int i = 0; i < 3; ++i) step(i == 1 ? packed : padded);
  EXPECT_EQ(scope.count(), 0);
}

TEST(QuestionAnsweringModel, RefusesBatchesItHasNoRowsFor) {
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(tiny_config("bert"));
  ThreadPool pool(1);
  Arena arena;
  Ctx ctx{pool, arena};
  const auto message = [&](const TokenBatch& batch) { return error_message([&] { model.forward(ctx, batch); }); };
  TinyBatch tiny;
  tiny.batch.id_M[3] = 37;
  EXPECT_EQ(
      message(tiny.batch),
      "[models/model] token id 37 is outside the model's vocabulary of 37. Try: a tokenizer that belongs to this model");
  tiny.batch.id_M[3] = -1;
  EXPECT_THAT(message(tiny.batch), HasSubstr("token id -1 is outside"));
  tiny = TinyBatch();
  tiny.batch.type_id_M[0] = 2;
  EXPECT_THAT(message(tiny.batch), HasSubstr("token type 2 is outside the model's token types of 2"));
  EXPECT_EQ(message(TinyBatch(14).batch),
            "[models/model] a sequence of 14 tokens is longer than the model's 13 positions. Try: --max_seq_length 13");
}

TEST(QuestionAnsweringModel, VocabularyMismatchNamesBothSizes) {
  check_vocabulary(37, 37, "dir");
  check_vocabulary(30, 37, "dir");
  EXPECT_EQ(
      error_message([] { check_vocabulary(40, 37, "dir"); }),
      "[dir] vocabulary mismatch: the tokenizer has 40 tokens, the model's embedding only 37 rows (vocab_size). Try: the "
      "tokenizer files that belong to this model");
}

std::string config_error(const std::string& model_type, const std::string& key, const Json& value,
                         ModelOptions options = {}) {
  ModelConfig config = tiny_config(model_type);
  if (value.is_discarded()) config.erase(key);
  else config.set(key, value);
  return error_message([&] { QuestionAnsweringModel::from_config(config, options); });
}

TEST(QuestionAnsweringModel, RefusesConfigurationsThatMakeNoSense) {
  EXPECT_EQ(config_error("bert", "model_type", "gpt2"),
            "[tiny/config.json] unknown architecture 'gpt2' (model_type); known: bert, distilbert.");
  EXPECT_THAT(config_error("bert", "model_type", "bart"), HasSubstr("Did you mean bert?"));
  const Json missing(Json::value_t::discarded);
  EXPECT_THAT(config_error("bert", "hidden_size", missing), HasSubstr("'hidden_size' is missing"));
  EXPECT_THAT(config_error("distilbert", "dim", missing), HasSubstr("'dim' is missing"));
  EXPECT_THAT(config_error("bert", "vocab_size", "many"), HasSubstr("vocab_size"));
  EXPECT_THAT(config_error("bert", "num_hidden_layers", 1000000), HasSubstr("num_hidden_layers"));
  EXPECT_EQ(config_error("bert", "num_attention_heads", 4),
            "[tiny/config.json] hidden_size 18 is not a multiple of num_attention_heads 4");
  EXPECT_EQ(config_error("distilbert", "n_heads", 5), "[tiny/config.json] dim 18 is not a multiple of n_heads 5");
  EXPECT_THAT(config_error("bert", "hidden_act", "swish"),
              HasSubstr("hidden_act 'swish' is not supported (supported: gelu)"));
  EXPECT_THAT(config_error("distilbert", "activation", "relu"),
              HasSubstr("activation 'relu' is not supported (supported: gelu)"));
  EXPECT_THAT(config_error("bert", "position_embedding_type", "relative_key"), HasSubstr("'relative_key' is not supported"));
  EXPECT_THAT(config_error("bert", "is_decoder", true), HasSubstr("only encoders are supported"));
  EXPECT_EQ(config_error("bert", "hidden_dropout_prob", 1.0), "[tiny/config.json] hidden_dropout_prob 1 is not in [0, 1)");
  EXPECT_THAT(config_error("bert", "pad_token_id", 37), HasSubstr("pad_token_id"));
  EXPECT_THAT(config_error("bert", "num_labels", 3),
              HasSubstr("question answering needs 2 labels (start, end), the configuration has 3"));
  ModelOptions options;
  options.dropout = 1.5;
  EXPECT_THAT(config_error("bert", "vocab_size", 37, options), HasSubstr("dropout 1.5 is not in [0, 1)"));
}

TEST(QuestionAnsweringModel, NullPaddingTokenHasAGradient) {
  ModelConfig config = tiny_config("bert");
  config.set("pad_token_id", nullptr);
  QuestionAnsweringModel model = QuestionAnsweringModel::from_config(config);
  EXPECT_EQ(model.params().find("bert.embeddings.word_embeddings.weight")->param->zero_row, -1);
  EXPECT_EQ(model.pad_token_id(), 0);
}

}  // namespace
}  // namespace tilefit
