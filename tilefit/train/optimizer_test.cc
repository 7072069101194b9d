#include "tilefit/train/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tests/support/golden.h"
#include "tilefit/hub/safetensors.h"

namespace tilefit {
namespace {

using test::error_message;
using ::testing::HasSubstr;

struct ReferenceCase {
  const char* name;  ///< in the reference file
  OptimizerOptions options;
  double learning_rate;
};

OptimizerOptions adamw(double weight_decay, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) {
  OptimizerOptions options;
  options.weight_decay = weight_decay;
  options.beta1 = beta1;
  options.beta2 = beta2;
  options.epsilon = epsilon;
  return options;
}

OptimizerOptions sgd(double momentum, double weight_decay, bool nesterov) {
  OptimizerOptions options;
  options.kind = OptimizerKind::kSgd;
  options.momentum = momentum;
  options.weight_decay = weight_decay;
  options.nesterov = nesterov;
  return options;
}

void copy_tensor(const SafetensorsFile& file, const std::string& name, float* out) {
  const TensorInfo* const tensor = file.find(name);
  ASSERT_NE(tensor, nullptr) << name;
  convert_to_f32(tensor->dtype, tensor->data, out, tensor->num_elements());
}

TEST(Optimizer, FollowsTorchOnFixedGradients) {
  const auto path = test::golden("training/optim.safetensors");
  if (!path) GTEST_SKIP() << "training/optim.safetensors is not in the compact reference set";
  const SafetensorsFile file(*path);
  const ReferenceCase cases[] = {{"adamw_wd", adamw(0.1), 1e-2},
                                 {"adamw_b2", adamw(0.01, 0.8, 0.98, 1e-6), 3e-3},
                                 {"sgd", sgd(0, 0, false), 1e-2},
                                 {"sgd_mom_wd", sgd(0.9, 0.01, false), 1e-2},
                                 {"sgd_nesterov", sgd(0.9, 0, true), 1e-2}};
  ThreadPool pool(2);
  for (const ReferenceCase& reference : cases) {
    ParamStore params;
    const Param* by_index[2] = {};
    for (int i = 0; i < 2; ++i) {
      const std::string name = "param." + std::to_string(i);
      const TensorInfo* const tensor = file.find(name);
      ASSERT_NE(tensor, nullptr);
      ParamPart part;
      part.name = name;
      part.shape = tensor->shape;
      part.rows = tensor->shape[0];
      by_index[i] = &params.add({part}, ParamKind::kWeight, ParamInit::kZeros);
    }
    params.finish();
    for (int i = 0; i < 2; ++i) copy_tensor(file, "param." + std::to_string(i), by_index[i]->value<float>());

    Optimizer optimizer(params, reference.options);
    int compared = 0;
    for (int step = 0; step < 12; ++step) {
      for (int i = 0; i < 2; ++i) copy_tensor(file, fmt::format("grad.{}.{}", step, i), by_index[i]->grad<float>());
      const uint64_t version = params.version();
      optimizer.step(pool, params.grads<float>(), reference.learning_rate, 1.0);
      EXPECT_NE(params.version(), version);
      for (int i = 0; i < 2; ++i) {
        const std::string name = fmt::format("{}.after{}.{}", reference.name, step + 1, i);
        const TensorInfo* const expected = file.find(name);
        if (!expected) continue;
        std::vector<float> values(static_cast<size_t>(expected->num_elements()));
        copy_tensor(file, name, values.data());
        for (size_t k = 0; k < values.size(); ++k)
          EXPECT_NEAR(by_index[i]->value<float>()[k], values[k], 1e-6 + 1e-6 * std::abs(values[k]))
              << name << " element " << k;
        ++compared;
      }
    }
    EXPECT_EQ(compared, 8) << reference.name;
  }
}

/// One parameter of one element per kind, all values 1, all gradients 0.5.
class SmallStore {
 public:
  SmallStore() {
    for (const auto kind : {ParamKind::kWeight, ParamKind::kBias, ParamKind::kNorm, ParamKind::kEmbedding})
      params.add({ParamPart{std::string("p") + std::to_string(static_cast<int>(kind)), {1}, 0, 1}}, kind, ParamInit::kZeros);
    params.finish();
    for (const Param& param : params.params()) {
      *param.value<float>() = 1;
      *param.grad<float>() = 0.5f;
    }
  }
  float value(ParamKind kind) const {
    for (const Param& param : params.params())
      if (param.kind == kind) return *param.value<float>();
    return std::nanf("");
  }
  ParamStore params;
};

TEST(Optimizer, BiasesAndLayerNormsDoNotDecay) {
  SmallStore store;
  ThreadPool pool(1);
  Optimizer optimizer(store.params, sgd(0, 0.1, false));
  optimizer.step(pool, store.params.grads<float>(), 1.0, 2.0);  // w - (2 * 0.5 + decay * w)
  EXPECT_FLOAT_EQ(store.value(ParamKind::kWeight), -0.1f);
  EXPECT_FLOAT_EQ(store.value(ParamKind::kEmbedding), -0.1f);
  EXPECT_FLOAT_EQ(store.value(ParamKind::kBias), 0.0f);
  EXPECT_FLOAT_EQ(store.value(ParamKind::kNorm), 0.0f);
}

TEST(Optimizer, HfAdamWDecaysAfterTheUpdateAndPlacesEpsilonFirst) {
  SmallStore store;
  ThreadPool pool(1);
  OptimizerOptions options = adamw(0.1, 0.9, 0.999, 1e-2);
  options.hf_adamw = true;
  Optimizer optimizer(store.params, options);
  optimizer.step(pool, store.params.grads<float>(), 0.1, 1.0);
  const double m = 0.05, v = 0.001 * 0.25;  // transformers 4.24: lr sqrt(1 - b2) / (1 - b1) * m / (sqrt(v) + eps)
  const double updated = 1 - 0.1 * std::sqrt(0.001) / 0.1 * m / (std::sqrt(v) + 1e-2);
  EXPECT_NEAR(store.value(ParamKind::kBias), updated, 1e-6);
  EXPECT_NEAR(store.value(ParamKind::kWeight), updated * (1 - 0.1 * 0.1), 1e-6);
}

TEST(Optimizer, FrozenParametersStay) {
  SmallStore store;
  ThreadPool pool(1);
  const_cast<Param&>(store.params.params()[1]).trainable = false;
  Optimizer optimizer(store.params, sgd(0, 0, false));
  optimizer.step(pool, store.params.grads<float>(), 1.0, 1.0);
  EXPECT_FLOAT_EQ(store.value(ParamKind::kBias), 1.0f);
  EXPECT_FLOAT_EQ(store.value(ParamKind::kNorm), 0.5f);
}

TEST(Optimizer, NamesAndSettings) {
  const auto options = make_optimizer_options("sgd", {{"momentum", 0.8}, {"nesterov", 1}}, adamw(0.02));
  EXPECT_EQ(options.kind, OptimizerKind::kSgd);
  EXPECT_DOUBLE_EQ(options.momentum, 0.8);
  EXPECT_DOUBLE_EQ(options.weight_decay, 0.02);
  EXPECT_TRUE(options.nesterov);
  EXPECT_TRUE(make_optimizer_options("adamw_hf", {}, {}).hf_adamw);
  EXPECT_FALSE(make_optimizer_options("adamw_torch_fused", {}, {}).hf_adamw);

  const auto message = [](const char* name, const std::vector<std::pair<std::string, double>>& arguments) {
    return error_message([&] { make_optimizer_options(name, arguments, {}); });
  };
  EXPECT_EQ(message("lion_32bit", {}),
            "[--optim] optimizer 'lion_32bit' is not supported yet. Try: adamw_torch, adamw_torch_fused, adamw_hf or sgd");
  EXPECT_THAT(message("sgd", {{"beta", 1}}), HasSubstr("optimizer 'sgd' has no argument 'beta'"));
  EXPECT_THAT(message("sgd", {{"nesterov", 1}}), HasSubstr("nesterov needs a momentum"));
}

}  // namespace
}  // namespace tilefit
