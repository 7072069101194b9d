#include "tilefit/text/vocab_txt.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "tilefit/base/error.h"
#include "tilefit/text/json_fields.h"
#include "tilefit/text/utf8.h"
#include "tilefit/text/wordpiece.h"

namespace tilefit {
namespace {

/// Lines end in \n, \r\n or \r, as Python reads text; the last line end is optional.
std::vector<std::pair<std::string, int32_t>> read_lines(std::string_view text, std::string_view where) {
  std::vector<std::pair<std::string, int32_t>> entries;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    const int64_t number = static_cast<int64_t>(entries.size()) + 1;
    if (number > kMaxTokenId)
      throw Error(Code::kFailed, fmt::format("more than {} tokens", kMaxTokenId), std::string(where));
    if (!is_valid_utf8(line)) throw Error(Code::kFailed, "the line is not UTF-8", fmt::format("{}:{}", where, number));
    entries.emplace_back(std::string(line), static_cast<int32_t>(number - 1));
    text.remove_prefix(end);
    if (text.substr(0, 2) == "\r\n") text.remove_prefix(2);
    else if (!text.empty()) text.remove_prefix(1);
  }
  return entries;
}

AddedToken role_token(const TokenizerConfig& config, TokenizerConfig::Role role) {
  if (const auto& token = config.roles[static_cast<size_t>(role)]) return *token;
  AddedToken token;
  token.content = bert_role_token(role);
  token.special = true;
  token.normalized = false;
  return token;
}

}  // namespace

PipelineParts parts_from_vocab_txt(std::string_view text, const TokenizerConfig& config, std::string_view where) {
  if (!config.tokenizer_class.empty() && !config.is_bert_like())
    throw Error(Code::kFailed,
                fmt::format("tokenizer_config.json names {}, and vocab.txt alone only serves BERT-like tokenizers",
                            config.tokenizer_class),
                std::string(where),
                "save the tokenizer as tokenizer.json (AutoTokenizer.from_pretrained(...).save_pretrained(...))");
  PipelineParts parts;
  BertNormalizerOptions options;
  options.lowercase = config.do_lower_case.value_or(true);
  options.strip_accents = config.strip_accents.value_or(options.lowercase);
  options.handle_chinese_chars = config.tokenize_chinese_chars.value_or(true);
  parts.normalizer = make_bert_normalizer(options);
  parts.pre_tokenizer = make_bert_pre_tokenizer();
  parts.decoder = make_wordpiece_decoder("##", true);
  WordPieceOptions model;
  model.unk_token = role_token(config, TokenizerConfig::kUnk).content;
  parts.model = std::make_unique<WordPiece>(Vocabulary(read_lines(text, where), where), model, where);

  TokenizerConfig complete = config;
  for (int i = 0; i < TokenizerConfig::kNumRoles; ++i)
    complete.roles[static_cast<size_t>(i)] = role_token(config, static_cast<TokenizerConfig::Role>(i));
  parts.special_ids = add_configured_tokens(complete, parts.model->vocabulary(), parts.added, where);
  parts.post_processor = make_bert_post_processor(*parts.special_ids.cls, *parts.special_ids.sep);
  parts.model_max_length = config.model_max_length;
  return parts;
}

}  // namespace tilefit
