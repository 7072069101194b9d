// Reference models: hidden states, logits, loss and every gradient; and what the comparison refuses.
#include "tilefit/models/parity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/hub/safetensors.h"

namespace tilefit {
namespace {

namespace fs = std::filesystem;
using test::golden;
using testing::HasSubstr;

class ReferenceModel : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    directory_ = golden(std::string("models/") + GetParam());
    if (!directory_) GTEST_SKIP() << GetParam() << " is not in the reference data";
  }
  std::optional<std::string> directory_;
};
INSTANTIATE_TEST_SUITE_P(Models, ReferenceModel, testing::Values("bert-qa", "distilbert-qa"), [](const auto& param) {
  std::string name = param.param;
  name.erase(name.find('-'), 1);
  return name;
});

TEST_P(ReferenceModel, OutputsAndGradientsAgree) {
  for (const int threads : {1, 2}) {
    for (const bool recompute : {false, true}) {
      ThreadPool pool(threads);
      ParityOptions options;
      options.directory = *directory_;
      options.recompute = recompute;
      const ParityReport report = run_parity(pool, options);
      EXPECT_TRUE(report.pass) << parity_text(report);
      EXPECT_LE(report.logits_max_abs, 2e-5);
      EXPECT_LE(report.hidden_max_rel_l2, 2e-5);
      EXPECT_LE(report.grads_max_rel_l2, 2e-5);
      EXPECT_LE(report.loss_abs_err, 2e-6);
      EXPECT_EQ(report.num_grads, report.num_parameters);
      EXPECT_EQ(static_cast<int64_t>(report.tensors.size()),
                report.num_parameters + 6);  // 3 hidden states, 2 logits, the loss
    }
  }
}

TEST_P(ReferenceModel, OutputsAndGradientsAgreeInBf16) {
  ThreadPool pool(2);
  ParityOptions options;
  options.directory = *directory_;
  options.dtype = DType::kBF16;
  EXPECT_FALSE(run_parity(pool, options).pass) << "rounding to bf16 cannot meet the tolerances of float32";
  options.tolerances = ParityTolerances::bf16();
  const ParityReport report = run_parity(pool, options);
  EXPECT_TRUE(report.pass) << parity_text(report);
  EXPECT_LE(report.logits_rel_l2, 5e-2);
  EXPECT_LE(report.all_grads_rel_l2, 5e-2);
}

/// A copy of the reference folder whose files a test may change.
class ChangedReference : public ReferenceModel {
 protected:
  void SetUp() override {
    ReferenceModel::SetUp();
    if (IsSkipped()) return;
    for (const char* name :
         {"config.json", "model.safetensors", "inputs.safetensors", "outputs.safetensors", "grads.safetensors"})
      fs::copy_file(*directory_ + "/" + name, copy_ / name);
  }

  ParityReport run() {
    ThreadPool pool(1);
    ParityOptions options;
    options.directory = copy_.path();
    return run_parity(pool, options);
  }
  std::string error() {
    return test::error_message([this] { run(); });
  }

  /// Replaces float tensor `name` by change(values).
  void change(const std::string& file, const std::string& tensor, const std::function<void(std::vector<float>&)>& change) {
    std::vector<TensorToWrite> tensors;
    std::vector<float> values;
    {
      const SafetensorsFile in(copy_ / file);
      for (const TensorInfo& t : in.tensors()) {
        TensorToWrite out = {t.name, t.dtype, t.shape, t.data};
        if (t.name == tensor) {
          values.resize(static_cast<size_t>(t.num_elements()));
          convert_to_f32(t.dtype, t.data, values.data(), t.num_elements());
          change(values);
          out.data = values.data();
        }
        tensors.push_back(out);
      }
      write_safetensors(copy_ / "changed", tensors);
    }
    fs::rename(copy_ / "changed", copy_ / file);
  }

  test::TempDir copy_;
};
INSTANTIATE_TEST_SUITE_P(Models, ChangedReference, testing::Values("bert-qa"), [](const auto&) { return "bert"; });

TEST_P(ChangedReference, ASmallDifferenceFails) {
  change("outputs.safetensors", "start_logits", [](std::vector<float>& v) { v[1] += 1e-3f; });
  ParityReport report = run();
  EXPECT_FALSE(report.pass);
  EXPECT_NEAR(report.logits_max_abs, 1e-3, 1e-4);
  const Json json = parity_json(report);
  EXPECT_FALSE(json["pass"]);
  EXPECT_THAT(parity_text(report), HasSubstr("FAIL\n"));
}

TEST_P(ChangedReference, ADifferentGradientFails) {
  change("grads.safetensors", "bert.encoder.layer.0.attention.self.value.weight",
         [](std::vector<float>& v) { v[5] *= 1.01f; });
  const ParityReport report = run();
  EXPECT_FALSE(report.pass);
  EXPECT_GT(report.grads_max_rel_l2, 2e-5);
}

TEST_P(ChangedReference, NotANumberFails) {
  change("model.safetensors", "qa_outputs.bias", [](std::vector<float>& v) { v[0] = std::nanf(""); });
  const ParityReport report = run();
  EXPECT_FALSE(report.pass);
  EXPECT_TRUE(parity_json(report)["logits_max_abs"].is_null());
}

TEST_P(ChangedReference, ExplainsBrokenFolders) {
  change("outputs.safetensors", "loss", [](std::vector<float>&) {});
  EXPECT_EQ(error(), "");
  fs::rename(copy_ / "grads.safetensors", copy_ / "other.safetensors");
  EXPECT_THAT(error(), HasSubstr("neither grads.safetensors nor grads_small.safetensors is there"));
  fs::remove(copy_ / "inputs.safetensors");
  EXPECT_THAT(error(), HasSubstr("inputs.safetensors"));
}

TEST_P(ChangedReference, ExplainsInputsThatDoNotFit) {
  const auto inputs = [&](std::vector<int32_t> mask) {
    const std::vector<int32_t> ids(6, 9), targets = {0, 1};
    write_safetensors(copy_ / "inputs.safetensors", {{"input_ids", DType::kI32, {2, 3}, ids.data()},
                                                     {"attention_mask", DType::kI32, {2, 3}, mask.data()},
                                                     {"start_positions", DType::kI32, {2}, targets.data()},
                                                     {"end_positions", DType::kI32, {2}, targets.data()}});
    return error();
  };
  EXPECT_THAT(inputs({1, 1, 1, 1, 0, 1}), HasSubstr("row 1 of attention_mask is not a run of ones from the left"));
  EXPECT_THAT(inputs({0, 0, 0, 1, 1, 1}), HasSubstr("row 0 of attention_mask"));
  EXPECT_THAT(inputs({1, 1, 1, 1, 1, 1}), HasSubstr("expected [2, 3"));
}

// The real MiniLM weights, where they are: their folder is TILEFIT_DEMO_MODEL or the demo's cache.
TEST(Parity, RealWeightsAgree) {
  const auto directory = golden("minilm_parity"), head = golden("finetune_minilm/qa_head_init.safetensors");
  const char* const named = std::getenv("TILEFIT_DEMO_MODEL");
  const std::string model = named ? named : std::string(TILEFIT_SOURCE_DIR) + "/.cache/models/all-MiniLM-L6-v2";
  if (!directory || !head) GTEST_SKIP() << "minilm_parity is not in the reference data";
  if (!file_exists(model + "/model.safetensors")) GTEST_SKIP() << "no MiniLM weights in " << model;
  ThreadPool pool(2);
  ParityOptions options;
  options.directory = *directory;
  options.model = model;
  options.head_weights = *head;
  const ParityReport report = run_parity(pool, options);
  EXPECT_TRUE(report.pass) << parity_text(report);
  EXPECT_EQ(report.num_grads, 66);

  options.dtype = DType::kBF16;
  options.tolerances = ParityTolerances::bf16();
  const ParityReport bf16 = run_parity(pool, options);
  EXPECT_TRUE(bf16.pass) << parity_text(bf16);
}

}  // namespace
}  // namespace tilefit
