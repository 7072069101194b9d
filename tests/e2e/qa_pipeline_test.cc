// From text to answer with complete Hugging Face folders: features, labels, logits, loss, predictions and n-best as PyTorch, tokenizers
// and utils_qa.py gave them. Every folder of the reference set whose architecture tilefit knows is checked.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "tests/support/golden.h"
#include "tilefit/base/json.h"
#include "tilefit/hub/safetensors.h"
#include "tilefit/models/model.h"
#include "tilefit/tasks/question_answering.h"
#include "tilefit/text/tokenizer.h"
#include "tilefit/train/qa_logits.h"

namespace tilefit {
namespace {

bool is_supported(const std::string& directory) {
  const std::string type = read_json_file(directory + "/config.json")["model_type"];
  for (const Architecture& architecture : architectures())
    if (type == architecture.model_type) return true;
  return false;
}

std::vector<QaExample> examples_of(const Json& expected) {
  std::vector<QaExample> examples;
  for (const Json& row : expected["examples"]) {
    QaExample example;
    example.id = row["id"];
    example.question = row["question"];
    example.context = row["context"];
    example.answer_texts = row["answers"]["text"].get<std::vector<std::string>>();
    example.answer_starts = row["answers"]["answer_start"].get<std::vector<int64_t>>();
    examples.push_back(std::move(example));
  }
  return examples;
}

template <class T>
std::vector<T> values_of(const SafetensorsFile& file, const char* name) {
  const TensorInfo* const tensor = file.find(name);
  EXPECT_NE(tensor, nullptr) << name;
  if (!tensor) return {};
  std::vector<T> values(static_cast<size_t>(tensor->num_elements()));
  EXPECT_EQ(tensor->bytes, static_cast<int64_t>(values.size() * sizeof(T)));
  std::memcpy(values.data(), tensor->data, values.size() * sizeof(T));
  return values;
}

void check_features(const std::vector<QaFeature>& features, const SafetensorsFile& expected, int64_t max_seq_length) {
  const auto ids = values_of<int32_t>(expected, "input_ids"), mask = values_of<int32_t>(expected, "attention_mask"),
             starts = values_of<int32_t>(expected, "start_positions"), ends = values_of<int32_t>(expected, "end_positions");
  ASSERT_EQ(features.size(), starts.size());
  for (size_t f = 0; f < features.size(); ++f) {
    EXPECT_EQ(features[f].start_position, starts[f]) << "feature " << f;
    EXPECT_EQ(features[f].end_position, ends[f]) << "feature " << f;
    for (size_t t = 0; t < static_cast<size_t>(max_seq_length); ++t) {
      const size_t at = f * static_cast<size_t>(max_seq_length) + t;
      ASSERT_EQ(t < features[f].ids.size(), mask[at] == 1) << "feature " << f << " token " << t;
      if (mask[at] == 0) break;
      ASSERT_EQ(features[f].ids[t], ids[at]) << "feature " << f << " token " << t;
    }
  }
}

void check_answers(std::span<const QaExample> examples, const std::vector<QaAnswer>& answers, const Json& expected) {
  for (size_t i = 0; i < examples.size(); ++i) {
    EXPECT_EQ(answers[i].text, expected["predictions"][examples[i].id]) << examples[i].id;
    const Json& n_best = expected["nbest"][examples[i].id];
    ASSERT_GE(answers[i].n_best.size(), n_best.size());
    for (size_t k = 0; k < n_best.size(); ++k) {
      const QaCandidate& candidate = answers[i].n_best[k];
      EXPECT_EQ(candidate.text, n_best[k]["text"]) << examples[i].id << " candidate " << k;
      EXPECT_NEAR(candidate.probability, n_best[k]["probability"].get<double>(), 1e-5)
          << examples[i].id << " candidate " << k;
      EXPECT_NEAR(candidate.start_logit, n_best[k]["start_logit"].get<double>(), 2e-5);
      EXPECT_NEAR(candidate.end_logit, n_best[k]["end_logit"].get<double>(), 2e-5);
    }
  }
}

void check_folder(const std::string& directory) {
  SCOPED_TRACE(directory);
  const Json expected = read_json_file(directory + "/expected.json");
  const SafetensorsFile tensors(directory + "/expected.safetensors");
  auto model = QuestionAnsweringModel::load(directory);
  const auto tokenizer = load_tokenizer(directory);
  const std::vector<QaExample> examples = examples_of(expected);
  ThreadPool pool(2);

  QaFeatureOptions options;
  options.max_seq_length = expected["max_seq_length"];
  options.doc_stride = expected["doc_stride"];
  options.pad_to_max_length = expected["pad_to_max_length"];
  const std::vector<QaFeature> features = build_qa_features(examples, *tokenizer, options, pool);
  check_features(features, tensors, options.max_seq_length);

  // Logits in the padded layout: the padding's own rows too.
  const BatchLayout padded{PaddingMode::kMaxLength, options.max_seq_length, model.pad_token_id()};
  const LogitStore logits = compute_logits(model, features, {.layout = padded}, pool);
  const auto starts = values_of<float>(tensors, "start_logits"), ends = values_of<float>(tensors, "end_logits");
  for (size_t f = 0; f < features.size(); ++f) {
    for (size_t t = 0; t < static_cast<size_t>(options.max_seq_length); ++t) {
      const size_t at = f * static_cast<size_t>(options.max_seq_length) + t;
      ASSERT_NEAR(logits.views()[f].start[t], starts[at], 2e-5) << "feature " << f << " token " << t;
      ASSERT_NEAR(logits.views()[f].end[t], ends[at], 2e-5) << "feature " << f << " token " << t;
    }
  }
  check_answers(examples, postprocess_qa(examples, features, logits.views(), {}, pool), expected);

  // Packed rows give the same logits on real tokens.
  const LogitStore packed = compute_logits(model, features, {.batch_size = 5}, pool);
  for (size_t f = 0; f < features.size(); ++f)
    for (size_t t = 0; t < features[f].ids.size(); ++t)
      ASSERT_NEAR(packed.views()[f].start[t], logits.views()[f].start[t], 1e-5) << "feature " << f << " token " << t;

  // The loss of all features as one padded batch (no dropout).
  FeatureBatch batch(features, padded);
  std::vector<int64_t> all(features.size());
  for (size_t f = 0; f < all.size(); ++f) all[f] = static_cast<int64_t>(f);
  batch.set(all);
  Arena arena;
  Ctx ctx{pool, arena};
  const double loss = model.train_step(ctx, batch.tokens, batch.starts, batch.ends);
  EXPECT_NEAR(loss, values_of<float>(tensors, "loss")[0], 1e-5);
}

TEST(QaPipeline, TextToAnswerAsTheReference) {
  const auto root = test::golden("e2e");
  if (!root) GTEST_SKIP() << "e2e is not in the reference set";
  int checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*root)) {
    if (!entry.is_directory() || !is_supported(entry.path().string())) continue;
    check_folder(entry.path().string());
    ++checked;
  }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace tilefit
