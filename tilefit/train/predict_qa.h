// Answers to questions with a trained model: what `tilefit predict` and run_qa's prediction share beyond the logits.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tilefit/base/json_fwd.h"
#include "tilefit/models/model.h"
#include "tilefit/tasks/qa_postprocess.h"
#include "tilefit/text/tokenizer.h"
#include "tilefit/train/feature_batch.h"

namespace tilefit {

struct PredictOptions {
  int max_seq_length = 384;       ///< clipped to what tokenizer and model take
  std::optional<int> doc_stride;  ///< empty: 128, or half the sequence length where that is less
  int64_t batch_size = 32;
  PaddingMode padding = PaddingMode::kPacked;
  DType dtype = DType::kF32;  ///< of activations and weights: kF32 or kBF16
  QaPostprocessOptions postprocess;
};

/// The rows and sequence length that a tokenizer and a model allow, with run_qa.py's warnings in the log where the flag asks for more.
BatchLayout make_layout(int max_seq_length, PaddingMode padding, const Tokenizer& tokenizer,
                        const QuestionAnsweringModel& model);

/// A model and its tokenizer, ready to answer. One thread at a time.
class QaPredictor {
 public:
  /// model: directory or hub name. Throws Error: not found, damaged, vocabulary mismatch.
  explicit QaPredictor(const std::string& model);

  /// One answer per example, with at least 20 candidates searched. Long contexts are read in overlapping windows. Throws Error as build_qa_features does.
  std::vector<QaAnswer> answer(std::span<const QaExample> examples, const PredictOptions& options, ThreadPool& pool);

 private:
  std::string directory_;
  QuestionAnsweringModel model_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

/// {id, question, answer, score, start, end, nbest: [{text, score, start, end}, ...]}: score is the probability among the n best, start and end
/// are code points of the context (0, 0 for no answer). nbest has at most n_best_size entries.
Json prediction_json(const QaExample& example, const QaAnswer& answer, int n_best_size);

/// The same for people: question, answer, score.
std::string prediction_text(const QaExample& example, const QaAnswer& answer);

}  // namespace tilefit
