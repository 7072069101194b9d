// Start and end logits of a list of features: the inference loop of evaluation and prediction.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "tilefit/models/model.h"
#include "tilefit/tasks/qa_postprocess.h"
#include "tilefit/train/feature_batch.h"

namespace tilefit {

struct LogitOptions {
  BatchLayout layout = {};
  int64_t batch_size = 8;
  DType dtype = DType::kF32;  ///< of activations and weights: kF32 or kBF16
};

/// Logits of all features in one block of memory. Views stay valid as long as the object.
class LogitStore {
 public:
  /// Logits of feature i: one for each row that it had in its batch.
  const std::vector<QaLogits>& views() const noexcept { return views_; }

 private:
  friend LogitStore compute_logits(QuestionAnsweringModel&, std::span<const QaFeature>, const LogitOptions&, ThreadPool&,
                                   const std::function<void(int64_t)>&);
  std::vector<float> start_, end_;
  std::vector<QaLogits> views_;
};

/// Runs the model over all features in order, a batch at a time, without dropout. In a padded layout the padding rows' logits are kept too,
/// as transformers keeps them. progress (may be null): called with the number of features done.
LogitStore compute_logits(QuestionAnsweringModel& model, std::span<const QaFeature> features, const LogitOptions& options,
                          ThreadPool& pool, const std::function<void(int64_t)>& progress = nullptr);

}  // namespace tilefit
