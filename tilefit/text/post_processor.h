// The last step of encoding: sets texts and special tokens together by a template ("[CLS] A [SEP] B [SEP]"). All post-processors
// of tokenizer.json that tilefit knows reduce to such a template.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "tilefit/base/json_fwd.h"
#include "tilefit/text/tokenizer.h"

namespace tilefit {

/// Tokens of one text before special tokens join; offsets in code points.
struct TextTokens {
  std::vector<int32_t> ids, begin, end;
  size_t size() const noexcept { return ids.size(); }
};

/// Tokens [begin, end) of a text. whole_type: its tokens get the template's type id; the library gives the tokens of overflowing
/// windows 0 (first text) and 1 (second) instead, whatever the template says.
struct TokenRange {
  size_t begin, end;
  bool whole_type = true;
};

/// One element of a template.
struct TemplatePiece {
  enum class Kind { kFirst, kSecond, kSpecial } kind;
  int32_t type_id = 0;
  std::vector<int32_t> ids;  // of the special tokens
};

/// Immutable; thread-safe.
class PostProcessor {
 public:
  /// Without special tokens: A, or A then B with type ids 0 and 1.
  PostProcessor();
  PostProcessor(std::vector<TemplatePiece> single, std::vector<TemplatePiece> pair);

  /// Number of special tokens that join.
  int64_t num_added(bool pair) const noexcept;

  /// True when the pair template puts the second text first.
  bool second_first() const noexcept { return second_first_; }

  /// Puts the ranges of one text, or of two (second not null), together.
  Encoding assemble(const TextTokens& first, TokenRange first_range, const TextTokens* second, TokenRange second_range,
                    bool add_special_tokens) const;

 private:
  std::vector<TemplatePiece> single_, pair_;
  bool second_first_ = false;
};

/// BERT's "[CLS] A [SEP] B [SEP]", type ids 0 up to the first [SEP], then 1.
PostProcessor make_bert_post_processor(int32_t cls_id, int32_t sep_id);

/// Builds the post-processor of a tokenizer.json (null: the default). Knows TemplateProcessing and BertProcessing. num_ids:
/// vocabulary size, which special token ids must stay below. Throws Error: unknown type, malformed template.
PostProcessor make_post_processor(const Json& config, int64_t num_ids, std::string_view where);

}  // namespace tilefit
