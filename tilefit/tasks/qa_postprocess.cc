#include "tilefit/tasks/qa_postprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "tilefit/base/check.h"
#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/tasks/numpy_softmax.h"
#include "tilefit/tasks/squad_metrics.h"
#include "tilefit/text/utf8.h"

namespace tilefit {
namespace {

constexpr int64_t kExamplesPerTask = 32;

/// A span of the context with its score. Offsets (0, 0): no answer.
struct Span {
  int32_t begin = 0, end = 0;
  float score = 0, start_logit = 0, end_logit = 0;
  int32_t order = 0;  // in which it was found: the earlier one wins a tie

  bool is_null() const noexcept { return begin == 0 && end == 0; }
};

/// Numbers in the order of numpy's sorts: NaN behind everything.
bool numpy_less(float a, float b) noexcept { return a < b || (std::isnan(b) && !std::isnan(a)); }

/// Sets `best` to the positions of the n largest values, the largest first.
void find_best(std::span<const float> values, size_t n, std::vector<int32_t>& best) {
  best.resize(values.size());
  for (size_t i = 0; i < best.size(); ++i) best[i] = static_cast<int32_t>(i);
  n = std::min(n, best.size());
  std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(n), best.end(), [&](int32_t a, int32_t b) {
    const float x = values[static_cast<size_t>(a)], y = values[static_cast<size_t>(b)];
    if (numpy_less(y, x)) return true;
    return !numpy_less(x, y) && a > b;
  });
  best.resize(n);
}

/// The work on one question; scratch memory is kept from question to question.
class Postprocessor {
 public:
  Postprocessor(std::span<const QaFeature> features, std::span<const QaLogits> logits, const QaPostprocessOptions& options)
      : features_(features), logits_(logits), options_(options), n_best_(static_cast<size_t>(options.n_best_size)) {}

  QaAnswer answer(const QaExample& example, std::span<const int64_t> feature_indices) {
    spans_.clear();
    null_.reset();
    for (const int64_t index : feature_indices) collect_spans(static_cast<size_t>(index));
    if (options_.version_2_with_negative && null_) add_span(*null_);
    keep_best();

    QaAnswer answer;
    const CodePointIndex context(example.context);
    for (const Span& span : spans_)
      answer.n_best.push_back({std::string(context.slice(span.begin, span.end)), span.start_logit, span.end_logit, 0, false,
                               span.begin, span.end});
    add_placeholder(answer.n_best);
    set_probabilities(answer.n_best);
    choose(answer);
    return answer;
  }

 private:
  void add_span(Span span) {
    span.order = static_cast<int32_t>(spans_.size());
    spans_.push_back(span);
  }

  void collect_spans(size_t index) {
    const QaFeature& feature = features_[index];
    const QaLogits& logits = logits_[index];
    TF_CHECK(logits.start.size() == logits.end.size() && logits.start.size() >= feature.offset_begin.size() &&
                 !logits.start.empty(),
             "feature {}: {} start and {} end logits for {} tokens", index, logits.start.size(), logits.end.size(),
             feature.offset_begin.size());
    const float null_score = logits.start[0] + logits.end[0];
    if (!null_ || null_->score > null_score) null_ = Span{0, 0, null_score, logits.start[0], logits.end[0]};

    find_best(logits.start, n_best_, starts_);
    find_best(logits.end, n_best_, ends_);
    const auto tokens = static_cast<int32_t>(feature.offset_begin.size());
    const auto is_context = [&](int32_t token) {
      return token < tokens && feature.offset_begin[static_cast<size_t>(token)] >= 0;
    };
    for (const int32_t start : starts_) {
      if (!is_context(start)) continue;
      for (const int32_t end : ends_) {
        if (!is_context(end) || end < start || end - start + 1 > options_.max_answer_length) continue;
        const auto s = static_cast<size_t>(start), e = static_cast<size_t>(end);
        add_span({feature.offset_begin[s], feature.offset_end[e], logits.start[s] + logits.end[e], logits.start[s],
                  logits.end[e]});
      }
    }
  }

  /// Sorts by score, keeps the n best, and puts "no answer" back where it fell out.
  void keep_best() {
    const size_t n = std::min(n_best_, spans_.size());
    std::partial_sort(spans_.begin(), spans_.begin() + static_cast<std::ptrdiff_t>(n), spans_.end(),
                      [](const Span& a, const Span& b) {
                        if (numpy_less(b.score, a.score)) return true;
                        return !numpy_less(a.score, b.score) && a.order < b.order;
                      });
    spans_.resize(n);
    const bool has_null = std::any_of(spans_.begin(), spans_.end(), [](const Span& s) { return s.is_null(); });
    if (options_.version_2_with_negative && null_ && !has_null) spans_.push_back(*null_);
  }

  /// "empty" stands in where there is no span, or where the one there is says "no answer".
  void add_placeholder(std::vector<QaCandidate>& n_best) const {
    const bool all_empty = std::all_of(n_best.begin(), n_best.end(), [](const QaCandidate& c) { return c.text.empty(); });
    if (all_empty && (n_best.size() <= 1 || options_.version_2_with_negative))
      n_best.insert(n_best.begin(), {"empty", 0, 0, 0, true});
  }

  void set_probabilities(std::vector<QaCandidate>& n_best) const {
    if (!n_best.front().is_placeholder) {
      std::vector<float> scores;
      for (const Span& span : spans_) scores.push_back(span.score);
      const std::vector<float> probabilities = numpy_softmax(scores);
      for (size_t i = 0; i < n_best.size(); ++i) n_best[i].probability = probabilities[i];
      return;
    }
    // Python's 0.0 of the placeholder makes this array one of doubles.
    double max = 0, sum = 0;
    for (const Span& span : spans_) max = std::max<double>(max, span.score);
    for (size_t i = 0; i < n_best.size(); ++i) {
      n_best[i].probability = std::exp((i == 0 ? 0.0 : spans_[i - 1].score) - max);
      sum += n_best[i].probability;
    }
    for (QaCandidate& candidate : n_best) candidate.probability /= sum;
  }

  void choose(QaAnswer& answer) const {
    if (!options_.version_2_with_negative) {
      answer.text = answer.n_best.front().text;
      return;
    }
    const auto best =
        std::find_if(answer.n_best.begin(), answer.n_best.end(), [](const QaCandidate& c) { return !c.text.empty(); });
    const float null_score = null_ ? null_->score : 0;
    const float odds = null_score - best->start_logit - best->end_logit;
    answer.null_odds = odds;
    // numpy compares with the threshold in float32.
    if (!(odds > static_cast<float>(options_.null_score_diff_threshold))) answer.text = best->text;
  }

  const std::span<const QaFeature> features_;
  const std::span<const QaLogits> logits_;
  const QaPostprocessOptions& options_;
  const size_t n_best_;
  std::vector<Span> spans_;
  std::optional<Span> null_;  // the smallest "no answer" score of the question's features
  std::vector<int32_t> starts_, ends_;
};

/// Features of each example: indices[begin[i] .. begin[i + 1]), in order.
struct FeaturesByExample {
  std::vector<int64_t> indices, begin;

  FeaturesByExample(std::span<const QaFeature> features, size_t num_examples)
      : indices(features.size()), begin(num_examples + 1) {
    for (const QaFeature& feature : features) {
      TF_CHECK(feature.example >= 0 && feature.example < static_cast<int64_t>(num_examples), "a feature of example {} of {}",
               feature.example, num_examples);
      ++begin[static_cast<size_t>(feature.example) + 1];
    }
    for (size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
    std::vector<int64_t> next(begin.begin(), begin.end() - 1);
    for (size_t i = 0; i < features.size(); ++i)
      indices[static_cast<size_t>(next[static_cast<size_t>(features[i].example)]++)] = static_cast<int64_t>(i);
  }

  std::span<const int64_t> of(size_t example) const {
    return std::span(indices).subspan(static_cast<size_t>(begin[example]),
                                      static_cast<size_t>(begin[example + 1] - begin[example]));
  }
};

std::string quoted(const std::string& text) { return dump_json(text, -1); }
std::string number(double value) { return dump_json(value, -1); }

/// {"id": value, ...} with an indent of 4; an id that comes twice keeps its place and gets the later value, as in a dictionary.
template <class Value>
std::string json_by_id(std::span<const QaExample> examples, std::span<const QaAnswer> answers, Value&& value_of) {
  TF_CHECK(examples.size() == answers.size(), "{} examples, {} answers", examples.size(), answers.size());
  ById<const QaAnswer*> by_id;
  for (size_t i = 0; i < examples.size(); ++i) by_id.set(examples[i].id, &answers[i]);
  if (by_id.size() == 0) return "{}\n";
  std::string out = "{";
  for (const auto& item : by_id) {
    out += out.size() > 1 ? ",\n    " : "\n    ";
    out += quoted(item.first) + ": " + value_of(*item.second);
  }
  return out + "\n}\n";
}

std::string candidate_json(const QaCandidate& c) {
  const std::string text = "            \"text\": " + quoted(c.text);
  const std::string logits = fmt::format("            \"start_logit\": {},\n            \"end_logit\": {}",
                                         number(double{c.start_logit}), number(double{c.end_logit}));
  return fmt::format("        {{\n{},\n{},\n            \"probability\": {}\n        }}", c.is_placeholder ? text : logits,
                     c.is_placeholder ? logits : text, number(c.probability));
}

}  // namespace

std::vector<QaAnswer> postprocess_qa(std::span<const QaExample> examples, std::span<const QaFeature> features,
                                     std::span<const QaLogits> logits, const QaPostprocessOptions& options,
                                     ThreadPool& pool) {
  TF_CHECK(features.size() == logits.size(), "{} features, {} logits", features.size(), logits.size());
  if (options.n_best_size < 1 || options.max_answer_length < 1)
    throw Error(Code::kUsage, fmt::format("--n_best_size {} and --max_answer_length {}: both must be at least 1",
                                          options.n_best_size, options.max_answer_length));
  const FeaturesByExample by_example(features, examples.size());
  std::vector<QaAnswer> answers(examples.size());
  const auto num_examples = static_cast<int64_t>(examples.size());
  pool.parallel_for((num_examples + kExamplesPerTask - 1) / kExamplesPerTask, [&](int64_t task, int) {
    Postprocessor postprocessor(features, logits, options);
    const int64_t end = std::min(num_examples, (task + 1) * kExamplesPerTask);
    for (auto i = static_cast<size_t>(task * kExamplesPerTask); i < static_cast<size_t>(end); ++i)
      answers[i] = postprocessor.answer(examples[i], by_example.of(i));
  });
  return answers;
}

std::string predictions_json(std::span<const QaExample> examples, std::span<const QaAnswer> answers) {
  return json_by_id(examples, answers, [](const QaAnswer& answer) { return quoted(answer.text); });
}

std::string nbest_predictions_json(std::span<const QaExample> examples, std::span<const QaAnswer> answers) {
  return json_by_id(examples, answers, [](const QaAnswer& answer) {
    std::string out = "[";
    for (const QaCandidate& candidate : answer.n_best) out += (out.size() > 1 ? ",\n" : "\n") + candidate_json(candidate);
    return out + "\n    ]";
  });
}

std::string null_odds_json(std::span<const QaExample> examples, std::span<const QaAnswer> answers) {
  return json_by_id(examples, answers, [](const QaAnswer& answer) { return number(answer.null_odds); });
}

}  // namespace tilefit
