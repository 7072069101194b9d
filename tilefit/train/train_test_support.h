// What the tests of training share: the tiny reference model, its features, and comparison of weights.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/data/qa_examples.h"
#include "tilefit/models/model.h"
#include "tilefit/tasks/qa_features.h"
#include "tilefit/train/trainer.h"

namespace tilefit::test {

/// The training questions: the reference set's, else the sample in the repository (the same come first); "" when neither is there.
inline std::string training_questions() {
  if (const auto whole = squad_file("train-v1.1-subset.json.gz")) return *whole;
  const std::string sample = std::string(TILEFIT_SOURCE_DIR) + "/data/squad-sample/train-v1.1-sample.json.gz";
  return file_exists(sample) ? sample : "";
}

/// Features of the first questions.
inline std::vector<QaFeature> features_of(const std::string& questions, const std::string& tokenizer_directory,
                                          int64_t max_examples, int max_seq_length, int doc_stride,
                                          bool pad_to_max_length = false) {
  QaReadOptions reading;
  reading.max_examples = max_examples;
  const auto examples = read_qa_examples(questions, reading);
  QaFeatureOptions options;
  options.max_seq_length = max_seq_length;
  options.doc_stride = doc_stride;
  options.pad_to_max_length = pad_to_max_length;
  ThreadPool pool(2);
  return build_qa_features(examples, *load_tokenizer(tokenizer_directory), options, pool);
}

/// SHA-256 of all weights.
inline std::string weights_hash(QuestionAnsweringModel& model) {
  return sha256_hex(model.params().values<float>(), static_cast<size_t>(model.params().size()) * sizeof(float));
}

}  // namespace tilefit::test
