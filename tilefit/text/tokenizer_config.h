// What tokenizer_config.json and special_tokens_map.json say: options of BERT-like tokenizers, names of special tokens, further
// added tokens, the model's maximal length. Shared by the loaders.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tilefit/text/added_tokens.h"
#include "tilefit/text/tokenizer.h"

namespace tilefit {

struct TokenizerConfig {
  std::string tokenizer_class;
  std::optional<bool> do_lower_case, tokenize_chinese_chars;
  std::optional<bool> strip_accents;  // nullopt also for null
  std::optional<int64_t> model_max_length;

  enum Role { kCls, kSep, kPad, kUnk, kMask, kNumRoles };
  std::array<std::optional<AddedToken>, kNumRoles> roles;
  std::vector<AddedToken> additional;                 // "additional_special_tokens" (5.x: "extra_special_tokens")
  std::vector<std::pair<int32_t, AddedToken>> by_id;  // "added_tokens_decoder", by ascending id

  /// True for the classes whose options do_lower_case, strip_accents and tokenize_chinese_chars overrule tokenizer.json.
  bool is_bert_like() const;
};

/// The JSON key of a role ("cls_token") and BERT's token for it ("[CLS]").
std::string_view role_key(TokenizerConfig::Role role);
std::string_view bert_role_token(TokenizerConfig::Role role);

/// Reads both files; either may be absent. special_tokens_map.json only fills in what tokenizer_config.json leaves out.
/// Throws Error naming file and member.
TokenizerConfig read_tokenizer_config(const TokenizerFiles& files);

/// Adds the tokens of the configuration that `added` does not have yet and looks up the ids of the roles. A role the
/// configuration does not name takes BERT's token when that exists. Throws Error when a declared id cannot be kept.
Tokenizer::SpecialIds add_configured_tokens(const TokenizerConfig& config, const Vocabulary& vocabulary, AddedTokens& added,
                                            std::string_view where);

/// "directory/name" for messages, the bare name when there is no directory.
std::string file_in(const TokenizerFiles& files, std::string_view name);

}  // namespace tilefit
