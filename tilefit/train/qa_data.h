// One part (train, validation, test) of a run's data: read from its file, cut into features, or taken from the cache of features.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tilefit/data/qa_examples.h"
#include "tilefit/tasks/qa_feature_cache.h"
#include "tilefit/tasks/qa_features.h"

namespace tilefit {

class QaData {
 public:
  /// Nothing: the part was not asked for.
  QaData() = default;

  /// Reads the file. what: "train", for the log. Examples for training are parsed later, and only where their features are not cached.
  /// Throws Error as read_qa_examples.
  QaData(std::string what, const std::string& path, const QaReadOptions& reading);

  /// Sets features and example_ids, from the cache unless `overwrite_cache`. options.with_labels is set for training, with_offsets otherwise.
  /// Oddities of the data are in the log either way. Throws Error as read_qa_examples and build_qa_features.
  void build(const Tokenizer& tokenizer, QaFeatureOptions options, const QaFeatureCache& cache, bool overwrite_cache,
             ThreadPool& pool);

  std::vector<QaExample> examples;       ///< empty for training, which needs no texts
  std::vector<std::string> example_ids;  ///< of QaFeature::example
  std::vector<QaFeature> features;

 private:
  bool training() const noexcept { return reading_.answers == QaAnswers::kRequired; }
  void parse();

  std::string what_, path_;
  QaReadOptions reading_;
  QaReadStats stats_;
  std::string text_;  ///< the whole file, until build() is over
};

}  // namespace tilefit
