#include "tilefit/bench/bench_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/base/rng.h"
#include "tilefit/data/squad_lengths.h"
#include "tilefit/tasks/qa_features.h"

namespace tilefit {
namespace {

constexpr uint64_t kSeed = 42;
constexpr int64_t kWords = 16'000;

/// Word number i of a made-up language: one to four syllables.
std::string made_up_word(int64_t i) {
  static constexpr const char* kSyllables[] = {"ta", "ri",  "no", "ka",  "lem", "su", "per", "vo", "in",  "da",
                                               "mo", "che", "an", "tor", "li",  "ge", "bu",  "st", "ora", "ne"};
  std::string word;
  for (int64_t rest = i + 1; rest > 0; rest /= 20) word += kSyllables[rest % 20];
  return word;
}

/// A lower-case WordPiece vocabulary: special tokens, letters, whole words, and endings.
std::unique_ptr<Tokenizer> made_up_tokenizer() {
  std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\n,\n?\n";
  for (char c = 'a'; c <= 'z'; ++c) vocabulary += fmt::format("{}\n##{}\n", c, c);
  vocabulary += "##ing\n##ed\n";
  std::vector<std::string> words;
  for (int64_t i = 0; i < kWords; ++i)
    if (const std::string word = made_up_word(i); word.size() > 1) words.push_back(word);
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const std::string& word : words) vocabulary += word + "\n";
  TokenizerFiles files;
  files.vocab_txt = std::move(vocabulary);
  return tokenizer_from_files(files);
}

/// num_words words, frequent ones first as in a language; one in six has an ending, one in twelve is followed by a comma.
std::string made_up_text(uint64_t key, int64_t num_words) {
  std::string text;
  for (int64_t i = 0; i < num_words; ++i) {
    const uint64_t bits = mix_key(key, static_cast<uint64_t>(i));
    const double unit = static_cast<double>(bits >> 11) * 0x1p-53;
    if (!text.empty()) text += ' ';
    text += made_up_word(static_cast<int64_t>(unit * unit * unit * kWords));
    if (bits % 6 == 0) text += bits % 12 == 0 ? "ing" : "ed";
    if (bits % 13 == 0) text += ',';
  }
  return text + '.';
}

std::vector<QaExample> made_up_examples() {
  constexpr int64_t kExamples = 2000, kQuestionWords = 10;
  constexpr double kTokensPerWord = 1.4;
  const std::vector<int32_t> lengths = draw_squad_lengths(kExamples, kSeed);
  std::vector<QaExample> examples(kExamples);
  for (int64_t i = 0; i < kExamples; ++i) {
    QaExample& e = examples[static_cast<size_t>(i)];
    const uint64_t key = mix_key(kSeed, static_cast<uint64_t>(i));
    e.id = std::to_string(i);
    e.question = made_up_text(key, kQuestionWords);
    const auto words = static_cast<int64_t>(static_cast<double>(lengths[static_cast<size_t>(i)]) / kTokensPerWord);
    e.context = made_up_text(key + 1, std::max<int64_t>(8, words - kQuestionWords));
    e.answer_texts = {e.context.substr(0, e.context.find(' '))};
    e.answer_starts = {0};
  }
  return examples;
}

/// Median features per second of passes that take about `seconds` together.
double features_per_second(ThreadPool& pool, std::span<const QaExample> examples, const Tokenizer& tokenizer,
                           const QaFeatureOptions& how, double seconds, BenchDataResult& r) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> rates;
  for (double spent = 0; rates.empty() || spent < seconds;) {
    const auto start = Clock::now();
    const std::vector<QaFeature> features = build_qa_features(examples, tokenizer, how, pool);
    const double passed = std::chrono::duration<double>(Clock::now() - start).count();
    spent += passed;
    rates.push_back(static_cast<double>(features.size()) / passed);
    r.features = std::ssize(features);
    r.tokens = 0;
    for (const QaFeature& f : features) r.tokens += f.size();
  }
  std::nth_element(rates.begin(), rates.begin() + std::ssize(rates) / 2, rates.end());
  return rates[rates.size() / 2];
}

}  // namespace

BenchDataResult bench_data(ThreadPool& pool, const BenchDataOptions& options) {
  BenchDataResult r;
  r.made_up = options.data.empty();
  if (!r.made_up && options.tokenizer.empty())
    throw Error(Code::kUsage, "--data needs a tokenizer", "bench data",
                "--tokenizer_name DIR (a directory with tokenizer.json)");
  const std::unique_ptr<Tokenizer> tokenizer =
      options.tokenizer.empty() ? made_up_tokenizer() : load_tokenizer(options.tokenizer);
  const std::vector<QaExample> examples = r.made_up ? made_up_examples() : read_qa_examples(options.data);
  QaFeatureOptions how;
  how.max_seq_length = clip_max_seq_length(static_cast<int>(options.max_seq_length), *tokenizer);
  how.doc_stride = static_cast<int>(options.doc_stride);
  how.with_offsets = false;
  ThreadPool one(1);
  r.examples = std::ssize(examples);
  r.num_threads = pool.num_threads();
  r.features_per_s_per_core = features_per_second(one, examples, *tokenizer, how, options.seconds, r);
  r.features_per_s = features_per_second(pool, examples, *tokenizer, how, options.seconds, r);
  r.tokens_per_s = r.features_per_s * static_cast<double>(r.tokens) / static_cast<double>(std::max<int64_t>(1, r.features));
  return r;
}

Json bench_data_json(const BenchDataResult& r) {
  return {{"features_per_s", r.features_per_s},
          {"features_per_s_per_core", r.features_per_s_per_core},
          {"tokens_per_s", r.tokens_per_s},
          {"num_threads", r.num_threads},
          {"examples", r.examples},
          {"features", r.features},
          {"tokens", r.tokens},
          {"made_up", r.made_up}};
}

std::string bench_data_text(const BenchDataResult& r) {
  return fmt::format(
      "data            {} examples{}, {} features, {} tokens\n"
      "features/s      {:.0f} ({} threads)\n"
      "tokens/s        {:.0f}\n"
      "features/s      {:.0f} (one thread)\n",
      r.examples, r.made_up ? " of made-up text" : "", r.features, r.tokens, r.features_per_s, r.num_threads, r.tokens_per_s,
      r.features_per_s_per_core);
}

}  // namespace tilefit
