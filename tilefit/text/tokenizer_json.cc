#include "tilefit/text/tokenizer_json.h"

#include <fmt/format.h>

#include <utility>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/base/log.h"
#include "tilefit/text/json_fields.h"
#include "tilefit/text/tokenizer_json_reader.h"
#include "tilefit/text/wordpiece.h"

namespace tilefit {
namespace {

const Json& member(const Json& document, const char* name) {
  static const Json null;
  const auto it = document.find(name);
  return it == document.end() ? null : *it;
}

std::unique_ptr<TokenModel> model_from(TokenizerJson& file, std::string_view where) {
  const Json& model = object_field(file.document, "model", where);
  // Old files name no type; the members tell WordPiece apart.
  const std::string type =
      string_field_or(model, "type", model.contains("max_input_chars_per_word") ? "WordPiece" : "(none)", where);
  if (type != "WordPiece") throw unsupported_component("model", type, "WordPiece", where);
  if (!file.has_vocabulary)
    throw Error(Code::kFailed, "'vocab' of the model must be an object of tokens and ids", std::string(where));
  WordPieceOptions options;
  options.unk_token = string_field_or(model, "unk_token", options.unk_token, where);
  options.continuing_subword_prefix =
      string_field_or(model, "continuing_subword_prefix", options.continuing_subword_prefix, where);
  options.max_input_chars_per_word = int_field(model, "max_input_chars_per_word", options.max_input_chars_per_word, where);
  return std::make_unique<WordPiece>(Vocabulary(std::move(file.vocabulary), where), options, where);
}

void read_added_tokens(const Json& list, const Vocabulary& vocabulary, AddedTokens& added, std::string_view where) {
  if (list.is_null()) return;
  if (!list.is_array())
    throw Error(Code::kFailed, fmt::format("'added_tokens' must be an array, not {}", list.type_name()), std::string(where));
  for (const Json& item : list) {
    AddedToken token;
    token.content = string_field(item, "content", where);
    token.single_word = bool_field(item, "single_word", false, where);
    token.lstrip = bool_field(item, "lstrip", false, where);
    token.rstrip = bool_field(item, "rstrip", false, where);
    token.special = bool_field(item, "special", false, where);
    token.normalized = bool_field(item, "normalized", !token.special, where);
    const int32_t declared = id_field(item, "id", where);
    const auto given = added.add(token, vocabulary);
    if (given && *given != declared)
      throw Error(Code::kFailed,
                  fmt::format("added token '{}' is declared with id {}, but {}", token.content, declared,
                              vocabulary.id(token.content) ? fmt::format("the vocabulary gives it {}", *given)
                                                           : fmt::format("the next free id is {}", *given)),
                  std::string(where));
  }
}

/// Options of tokenizer_config.json that transformers lets win over the BertNormalizer in tokenizer.json.
void apply_overrides(const TokenizerConfig& config, Json& normalizer, std::string_view where) {
  if (!config.is_bert_like() || !normalizer.is_object() || normalizer.value("type", Json()) != "BertNormalizer") return;
  const auto overrule = [&](const char* name, const char* option, std::optional<bool> value) {
    if (!value || bool_field(normalizer, name, !*value, where) == *value) return;
    if (normalizer.contains(name) && !normalizer[name].is_null())
      log_warning_once("text", fmt::format("{}: '{}' is {} there, but tokenizer_config.json says {} = {}; the latter counts",
                                           where, name, normalizer[name].dump(), option, *value));
    normalizer[name] = *value;
  };
  overrule("lowercase", "do_lower_case", config.do_lower_case);
  overrule("strip_accents", "strip_accents", config.strip_accents);
  overrule("handle_chinese_chars", "tokenize_chinese_chars", config.tokenize_chinese_chars);
}

}  // namespace

PipelineParts parts_from_tokenizer_json(std::string_view text, const TokenizerConfig& config, std::string_view where) {
  TokenizerJson file = read_tokenizer_json(text, where);
  const std::string version = string_field_or(file.document, "version", "1.0", where);
  if (version != "1.0")
    throw Error(Code::kFailed, fmt::format("file version '{}' is not supported (supported: 1.0)", version),
                std::string(where));
  PipelineParts parts;
  // The small components come first: an unsupported one is reported before the vocabulary is worked through.
  Json normalizer = member(file.document, "normalizer");
  apply_overrides(config, normalizer, where);
  parts.normalizer = make_normalizer(normalizer, where);
  parts.pre_tokenizer = make_pre_tokenizer(member(file.document, "pre_tokenizer"), where);
  parts.decoder = make_decoder(member(file.document, "decoder"), where);
  parts.model = model_from(file, where);
  const Vocabulary& vocabulary = parts.model->vocabulary();
  read_added_tokens(member(file.document, "added_tokens"), vocabulary, parts.added, where);
  parts.special_ids = add_configured_tokens(config, vocabulary, parts.added, where);
  parts.model_max_length = config.model_max_length;
  const int64_t num_ids = std::max(vocabulary.size(), parts.added.end_id());
  parts.post_processor = make_post_processor(member(file.document, "post_processor"), num_ids, where);
  return parts;
}

}  // namespace tilefit
