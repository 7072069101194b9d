#include "tilefit/text/normalizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/text/json_fields.h"
#include "tilefit/text/unicode.h"

namespace tilefit {
namespace {

/// Canonical decomposition of a stream of characters. Marks wait until the next character of class 0 (or flush), are sorted by
/// class and then get their sources as `tokenizers` gives them: the first character of each decomposition takes the next
/// source in reading order, the others the source of the character before them.
template <class Sink>
class Decomposer {
 public:
  explicit Decomposer(Sink sink) : sink_(std::move(sink)) {}

  void push(char32_t c, int32_t source) {
    char32_t parts[4];
    const int count = decompose(c, parts);
    for (int i = 0; i < count; ++i) {
      const int order = combining_class(parts[i]);
      if (order == 0) {
        flush();
        emit(parts[i], source);
      } else {
        marks_.push_back({parts[i], order, i == 0});
        if (i == 0) sources_.push_back(source);
      }
    }
  }

  void flush() {
    if (marks_.empty()) return;
    std::stable_sort(marks_.begin(), marks_.end(), [](const Mark& a, const Mark& b) { return a.order < b.order; });
    size_t next = 0;
    for (const Mark& mark : marks_) emit(mark.character, mark.leads ? sources_[next++] : last_source_);
    marks_.clear();
    sources_.clear();
  }

 private:
  struct Mark {
    char32_t character;
    int order;
    bool leads;  // first of its decomposition
  };

  void emit(char32_t c, int32_t source) {
    last_source_ = source;
    sink_(c, source);
  }

  Sink sink_;
  std::vector<Mark> marks_;
  std::vector<int32_t> sources_;
  int32_t last_source_ = 0;
};

void push_lower(char32_t c, int32_t source, NormalizedText& out) {
  char32_t lower[2];
  const int count = lower_case(c, lower);
  for (int i = 0; i < count; ++i) out.push(lower[i], source);
}

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertNormalizerOptions& options) : options_(options) {
    for (char32_t c = 0; c < 128; ++c) {
      char32_t to = c;
      if (options.clean_text && (char_flags(c) & kCharDropped)) to = kDrop;
      else if (options.clean_text && (char_flags(c) & kCharSpace)) to = ' ';
      else if (options.lowercase && c >= 'A' && c <= 'Z') to = c + 32;
      ascii_[c] = to;
    }
  }

  void apply(const NormalizerInput& in, NormalizedText& out) const override {
    out.chars.reserve(in.chars.size() + in.chars.size() / 8);
    out.source.reserve(in.chars.size() + in.chars.size() / 8);
    const auto finish = [&](char32_t c, int32_t source) {
      if (options_.strip_accents && (char_flags(c) & kCharMark)) return;
      if (options_.lowercase) push_lower(c, source, out);
      else out.push(c, source);
    };
    Decomposer decomposer(finish);
    for (size_t i = 0; i < in.chars.size(); ++i) {
      const char32_t c = in.chars[i];
      const int32_t source = in.source_of(i);
      if (c < 128) {  // no step but the table's applies to ASCII, except that pending marks end here
        if (ascii_[c] == kDrop) continue;
        decomposer.flush();
        out.push(ascii_[c], source);
        continue;
      }
      const uint8_t flags = char_flags(c);
      if (options_.clean_text && (flags & kCharDropped)) continue;
      const char32_t cleaned = options_.clean_text && (flags & kCharSpace) ? U' ' : c;
      const bool apart = options_.handle_chinese_chars && is_cjk_ideograph(c);
      const auto pass = [&](char32_t x) {
        if (options_.strip_accents) decomposer.push(x, source);
        else finish(x, source);
      };
      if (apart) pass(U' ');
      pass(cleaned);
      if (apart) pass(U' ');
    }
    decomposer.flush();
  }

 private:
  static constexpr char32_t kDrop = ~char32_t{0};
  BertNormalizerOptions options_;
  char32_t ascii_[128];
};

class Lowercase final : public Normalizer {
 public:
  void apply(const NormalizerInput& in, NormalizedText& out) const override {
    for (size_t i = 0; i < in.chars.size(); ++i) push_lower(in.chars[i], in.source_of(i), out);
  }
};

class Nfd final : public Normalizer {
 public:
  void apply(const NormalizerInput& in, NormalizedText& out) const override {
    Decomposer decomposer([&](char32_t c, int32_t source) { out.push(c, source); });
    for (size_t i = 0; i < in.chars.size(); ++i) decomposer.push(in.chars[i], in.source_of(i));
    decomposer.flush();
  }
};

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> parts) : parts_(std::move(parts)) {}

  void apply(const NormalizerInput& in, NormalizedText& out) const override {
    NormalizedText now;
    for (size_t i = 0; i < in.chars.size(); ++i) now.push(in.chars[i], in.source_of(i));
    for (const auto& part : parts_) {
      out.clear();
      part->apply({now.chars, now.source.data(), 0}, out);
      std::swap(now, out);
    }
    std::swap(now, out);
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

std::unique_ptr<Normalizer> bert_normalizer_from(const Json& config, std::string_view where) {
  BertNormalizerOptions options;
  options.clean_text = bool_field(config, "clean_text", true, where);
  options.handle_chinese_chars = bool_field(config, "handle_chinese_chars", true, where);
  options.lowercase = bool_field(config, "lowercase", true, where);
  options.strip_accents = bool_field(config, "strip_accents", options.lowercase, where);  // null follows lowercase
  return make_bert_normalizer(options);
}

}  // namespace

std::unique_ptr<Normalizer> make_bert_normalizer(const BertNormalizerOptions& options) {
  return std::make_unique<BertNormalizer>(options);
}

std::unique_ptr<Normalizer> make_normalizer(const Json& config, std::string_view where) {
  if (config.is_null()) return nullptr;
  const std::string type = string_field(config, "type", where);
  if (type == "BertNormalizer") return bert_normalizer_from(config, where);
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "NFD") return std::make_unique<Nfd>();
  if (type == "Sequence") {
    std::vector<std::unique_ptr<Normalizer>> parts;
    for (const Json& part : array_field(config, "normalizers", where)) {
      if (auto made = make_normalizer(part, where)) parts.push_back(std::move(made));
    }
    return std::make_unique<NormalizerSequence>(std::move(parts));
  }
  throw unsupported_component("normalizer", type, "BertNormalizer, Lowercase, NFD, Sequence", where);
}

}  // namespace tilefit
