#include "tilefit/train/predict_qa.h"

#include <fmt/format.h>

#include <algorithm>

#include "tilefit/base/json.h"
#include "tilefit/base/log.h"
#include "tilefit/hub/repo_dir.h"
#include "tilefit/train/qa_logits.h"

namespace tilefit {
namespace {

constexpr int kLeastSearched = 20;

/// The candidate that became the answer; null when none has its text (then there is no answer).
const QaCandidate* chosen(const QaAnswer& answer) {
  const auto it =
      std::find_if(answer.n_best.begin(), answer.n_best.end(), [&](const QaCandidate& c) { return c.text == answer.text; });
  return it == answer.n_best.end() ? nullptr : &*it;
}

}  // namespace

BatchLayout make_layout(int max_seq_length, PaddingMode padding, const Tokenizer& tokenizer,
                        const QuestionAnsweringModel& model) {
  BatchLayout layout;
  layout.padding = padding;
  layout.pad_id = tokenizer.special_ids().pad.value_or(model.pad_token_id());
  layout.max_seq_length = clip_max_seq_length(max_seq_length, tokenizer);
  if (layout.max_seq_length > model.max_positions()) {
    log_warning("run_qa", "The max_seq_length ({}) is larger than the {} positions of the model. Using max_seq_length={}.",
                layout.max_seq_length, model.max_positions(), model.max_positions());
    layout.max_seq_length = model.max_positions();
  }
  return layout;
}

QaPredictor::QaPredictor(const std::string& model)
    : directory_(resolve_model(model)),
      model_(QuestionAnsweringModel::load(directory_)),
      tokenizer_(load_tokenizer(directory_)) {
  check_vocabulary(tokenizer_->vocab_size(), model_.vocab_size(), directory_);
}

std::vector<QaAnswer> QaPredictor::answer(std::span<const QaExample> examples, const PredictOptions& options,
                                          ThreadPool& pool) {
  const BatchLayout layout = make_layout(options.max_seq_length, options.padding, *tokenizer_, model_);
  QaFeatureOptions building;
  building.max_seq_length = static_cast<int>(layout.max_seq_length);
  building.doc_stride = options.doc_stride.value_or(std::min(128, building.max_seq_length / 2));
  building.with_labels = false;
  const std::vector<QaFeature> features = build_qa_features(examples, *tokenizer_, building, pool);
  const LogitStore logits = compute_logits(model_, features, {layout, options.batch_size, options.dtype}, pool);
  // A short list must not mean a narrow search: it takes run_qa.py's 20 at least, and prediction_json cuts the list.
  QaPostprocessOptions search = options.postprocess;
  search.n_best_size = std::max(search.n_best_size, kLeastSearched);
  return postprocess_qa(examples, features, logits.views(), search, pool);
}

Json prediction_json(const QaExample& example, const QaAnswer& answer, int n_best_size) {
  const QaCandidate* const best = chosen(answer);
  Json object = {{"id", example.id},
                 {"question", example.question},
                 {"answer", answer.text},
                 {"score", best ? best->probability : 0.0},
                 {"start", best ? best->begin : 0},
                 {"end", best ? best->end : 0}};
  Json& n_best = object["nbest"] = Json::array();
  for (const QaCandidate& candidate : answer.n_best) {
    if (std::ssize(n_best) >= n_best_size) break;
    n_best.push_back(
        {{"text", candidate.text}, {"score", candidate.probability}, {"start", candidate.begin}, {"end", candidate.end}});
  }
  return object;
}

std::string prediction_text(const QaExample& example, const QaAnswer& answer) {
  const QaCandidate* const best = chosen(answer);
  return fmt::format("{}\n  {}  ({:.1f} %)\n", example.question, answer.text.empty() ? "(no answer)" : answer.text,
                     100 * (best ? best->probability : 0.0));
}

}  // namespace tilefit
