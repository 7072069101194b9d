#include "tilefit/text/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "tilefit/base/check.h"
#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/text/truncation.h"
#include "tilefit/text/utf8.h"

namespace tilefit {
namespace {

/// Buffers of one encode call, kept from one stretch of text to the next.
struct Scratch {
  std::u32string text;
  NormalizedText normal;
  std::vector<AddedTokens::Span> spans, normal_spans;
  std::vector<WordSpan> words;
  std::vector<Piece> pieces;
};

class PipelineTokenizer final : public Tokenizer {
 public:
  explicit PipelineTokenizer(PipelineParts parts) : parts_(std::move(parts)) {
    TF_CHECK(parts_.model && parts_.decoder, "a tokenizer needs a model and a decoder");
    parts_.added.build(parts_.normalizer.get());
  }

  Encoding encode(std::string_view text, std::optional<std::string_view> pair, bool add_special_tokens) const override {
    Scratch scratch;
    const TextTokens first = tokenize(text, scratch);
    if (!pair) return parts_.post_processor.assemble(first, {0, first.size()}, nullptr, {0, 0}, add_special_tokens);
    const TextTokens second = tokenize(*pair, scratch);
    return parts_.post_processor.assemble(first, {0, first.size()}, &second, {0, second.size()}, add_special_tokens);
  }

  std::vector<Encoding> encode_windows(std::string_view text, std::optional<std::string_view> pair,
                                       const Truncation& truncation) const override {
    Scratch scratch;
    const TextTokens first = tokenize(text, scratch);
    TextTokens second;
    if (pair) second = tokenize(*pair, scratch);
    WindowInput input;
    input.num_first = first.size();
    if (pair) input.num_second = second.size();
    input.num_added_single = parts_.post_processor.num_added(false);
    input.num_added = parts_.post_processor.num_added(pair.has_value());
    input.second_first = parts_.post_processor.second_first();
    std::vector<Encoding> windows;
    for (const Window& window : make_windows(input, truncation))
      windows.push_back(parts_.post_processor.assemble(first, window.first, pair ? &second : nullptr, window.second, true));
    return windows;
  }

  std::string decode(const std::vector<int32_t>& ids, bool skip_special) const override {
    std::vector<std::string> tokens;
    tokens.reserve(ids.size());
    for (const int32_t id : ids) {
      auto token = id_to_token(id);
      if (!token || (skip_special && parts_.added.is_special(*token))) continue;
      tokens.push_back(std::move(*token));
    }
    return parts_.decoder->decode(tokens);
  }

  int64_t vocab_size() const override { return std::max(parts_.model->vocabulary().size(), parts_.added.end_id()); }

  std::optional<int32_t> token_to_id(std::string_view token) const override {
    if (const auto id = parts_.added.id(token)) return id;
    return parts_.model->vocabulary().id(token);
  }

  std::optional<std::string> id_to_token(int32_t id) const override {
    if (const std::string* added = parts_.added.shown(id)) return *added;
    if (!parts_.model->vocabulary().has(id)) return std::nullopt;
    return parts_.model->vocabulary().token(id);
  }

  const SpecialIds& special_ids() const override { return parts_.special_ids; }
  std::optional<int64_t> model_max_length() const override { return parts_.model_max_length; }

  const std::vector<std::pair<std::string, std::string>>& files() const override { return parts_.files; }

  void save(const std::string& directory) const override {
    make_directories(directory);
    for (const auto& file : parts_.files)
      write_file_atomic((std::filesystem::path(directory) / file.first).string(), file.second);
  }

 private:
  /// Added tokens in the raw text first; what lies between goes through the other steps stretch by stretch.
  TextTokens tokenize(std::string_view text, Scratch& scratch) const {
    if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
      throw Error(Code::kFailed, fmt::format("a text has {} bytes, more than offsets can count", text.size()),
                  "text/tokenizer");
    decode_utf8(text, scratch.text);
    TextTokens out;
    const size_t guess = scratch.text.size() / 4 + 8;
    out.ids.reserve(guess);
    out.begin.reserve(guess);
    out.end.reserve(guess);
    scratch.spans.clear();
    if (parts_.added.has_any(false)) parts_.added.split(scratch.text, false, scratch.spans);
    else if (!scratch.text.empty()) scratch.spans.push_back({-1, 0, scratch.text.size()});
    for (const AddedTokens::Span& span : scratch.spans) {
      if (span.id < 0) {
        tokenize_plain(span.begin, span.end, scratch, out);
        continue;
      }
      out.ids.push_back(span.id);
      out.begin.push_back(static_cast<int32_t>(span.begin));
      out.end.push_back(static_cast<int32_t>(span.end));
    }
    return out;
  }

  /// A stretch [begin, end) of the raw text without raw added tokens.
  void tokenize_plain(size_t begin, size_t end, Scratch& scratch, TextTokens& out) const {
    const auto raw = std::u32string_view(scratch.text).substr(begin, end - begin);
    NormalizedText& normal = scratch.normal;
    if (parts_.normalizer) {
      parts_.normalizer->run(raw, static_cast<int32_t>(begin), normal);
    } else {
      normal.clear();
      for (size_t i = 0; i < raw.size(); ++i) normal.push(raw[i], static_cast<int32_t>(begin + i));
    }
    scratch.normal_spans.clear();
    if (parts_.added.has_any(true)) parts_.added.split(normal.chars, true, scratch.normal_spans);
    else if (normal.size() > 0) scratch.normal_spans.push_back({-1, 0, normal.size()});
    for (const AddedTokens::Span& span : scratch.normal_spans) {
      if (span.id < 0) tokenize_words(span.begin, span.end, scratch, out);
      else push(span.id, span.begin, span.end, normal, out);
    }
  }

  void tokenize_words(size_t begin, size_t end, Scratch& scratch, TextTokens& out) const {
    const NormalizedText& normal = scratch.normal;
    scratch.words.clear();
    if (parts_.pre_tokenizer) parts_.pre_tokenizer->split(normal.chars, begin, end, scratch.words);
    else scratch.words.push_back({begin, end});
    for (const WordSpan& word : scratch.words) {
      scratch.pieces.clear();
      parts_.model->tokenize(std::u32string_view(normal.chars).substr(word.begin, word.end - word.begin), scratch.pieces);
      for (const Piece& piece : scratch.pieces)
        push(piece.id, word.begin + piece.begin, word.begin + piece.end, normal, out);
    }
  }

  /// A token over normal.chars[begin, end), not empty.
  static void push(int32_t id, size_t begin, size_t end, const NormalizedText& normal, TextTokens& out) {
    out.ids.push_back(id);
    out.begin.push_back(normal.source[begin]);
    out.end.push_back(normal.source[end - 1] + 1);
  }

  PipelineParts parts_;
};

}  // namespace

void pad(Encoding& encoding, int64_t length, int32_t pad_id, int32_t pad_type_id) {
  if (encoding.size() >= length) return;
  const auto size = static_cast<size_t>(length);
  encoding.ids.resize(size, pad_id);
  encoding.type_ids.resize(size, pad_type_id);
  encoding.offset_begin.resize(size, 0);
  encoding.offset_end.resize(size, 0);
  encoding.sequence_ids.resize(size, -1);
  encoding.special.resize(size, 1);
  encoding.attention_mask.resize(size, 0);
}

std::unique_ptr<Tokenizer> make_pipeline_tokenizer(PipelineParts parts) {
  return std::make_unique<PipelineTokenizer>(std::move(parts));
}

}  // namespace tilefit
