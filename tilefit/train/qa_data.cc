#include "tilefit/train/qa_data.h"

#include <chrono>
#include <utility>

#include "tilefit/base/files.h"
#include "tilefit/base/log.h"
#include "tilefit/tasks/question_answering.h"
#include "tilefit/train/console.h"

namespace tilefit {
namespace {

constexpr const char* kLog = "run_qa";

}  // namespace

QaData::QaData(std::string what, const std::string& path, const QaReadOptions& reading)
    : what_(std::move(what)), path_(path), reading_(reading), text_(read_file(path)) {
  if (!training()) parse();
}

void QaData::parse() {
  examples = parse_qa_examples(text_, path_, reading_, &stats_);
  for (const QaExample& example : examples) example_ids.push_back(example.id);
}

void QaData::build(const Tokenizer& tokenizer, QaFeatureOptions options, const QaFeatureCache& cache, bool overwrite_cache,
                   ThreadPool& pool) {
  if (path_.empty()) return;
  const auto start = std::chrono::steady_clock::now();
  options.with_labels = training();
  options.with_offsets = !training();
  const std::string key = qa_feature_key(text_, reading_, options, tokenizer);
  std::optional<QaFeatureSet> cached = overwrite_cache ? std::nullopt : cache.load(key);
  if (cached && !training() && cached->example_ids != example_ids) cached.reset();  // no file of this program's
  if (cached) {
    log_info(kLog, "Loading cached processed dataset at {}", cache.path(key));
    stats_ = cached->stats;
    example_ids = std::move(cached->example_ids);
    features = std::move(cached->features);
  } else {
    if (training()) parse();
    features = build_qa_features(examples, tokenizer, options, pool);
    QaFeatureSet set{std::move(example_ids), std::move(features), stats_};
    cache.store(key, set);
    example_ids = std::move(set.example_ids);
    features = std::move(set.features);
  }
  if (training()) examples = {};
  text_ = {};
  warn_of_oddities(stats_, reading_.answers, path_);

  int64_t tokens = 0;
  for (const QaFeature& feature : features) tokens += feature.size();
  log_info(kLog, "{} {} dataset: {} examples, {} features, {} tokens in {:.2f} s",
           cached ? "Loaded" : "Running tokenizer on", what_, with_thousands(std::ssize(example_ids)),
           with_thousands(std::ssize(features)), with_thousands(tokens),
           std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

}  // namespace tilefit
