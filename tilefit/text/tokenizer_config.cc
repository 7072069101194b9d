#include "tilefit/text/tokenizer_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/text/json_fields.h"

namespace tilefit {
namespace {

using Role = TokenizerConfig::Role;

// "model_max_length" values above this stand for "none" (transformers writes int(1e30)).
constexpr double kNoMaxLength = 1e9;

/// A token given as a string or as an AddedToken object.
AddedToken token_from(const Json& value, bool special, std::string_view name, std::string_view where) {
  AddedToken token;
  token.special = special;
  token.normalized = !special;
  if (value.is_string()) {
    token.content = value.get<std::string>();
    return token;
  }
  if (!value.is_object())
    throw Error(Code::kFailed,
                fmt::format("'{}' must be a string or an object with 'content', not {}", name, value.type_name()),
                std::string(where));
  token.content = string_field(value, "content", where);
  token.single_word = bool_field(value, "single_word", false, where);
  token.lstrip = bool_field(value, "lstrip", false, where);
  token.rstrip = bool_field(value, "rstrip", false, where);
  token.special = special || bool_field(value, "special", false, where);
  token.normalized = bool_field(value, "normalized", !token.special, where);
  return token;
}

std::optional<bool> optional_bool(const Json& object, std::string_view name, std::string_view where) {
  const auto it = object.find(std::string(name));
  if (it == object.end() || it->is_null()) return std::nullopt;
  return bool_field(object, name, false, where);
}

void read_added_tokens_decoder(const Json& object, TokenizerConfig& config, std::string_view where) {
  if (!object.is_object())
    throw Error(Code::kFailed, fmt::format("'added_tokens_decoder' must be an object, not {}", object.type_name()),
                std::string(where));
  for (auto it = object.begin(); it != object.end(); ++it) {
    const std::string& key = it.key();
    int32_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0 || id > kMaxTokenId)
      throw Error(Code::kFailed, fmt::format("'added_tokens_decoder' has key '{}', expected a token id", key),
                  std::string(where));
    config.by_id.emplace_back(id, token_from(it.value(), false, key, where));
  }
  std::stable_sort(config.by_id.begin(), config.by_id.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

/// The members that both files may have.
void read_roles(const Json& object, TokenizerConfig& config, std::string_view where) {
  for (int i = 0; i < TokenizerConfig::kNumRoles; ++i) {
    const std::string key(role_key(static_cast<Role>(i)));
    const auto it = object.find(key);
    if (config.roles[static_cast<size_t>(i)] || it == object.end() || it->is_null()) continue;
    AddedToken token = token_from(*it, true, key, where);
    if (!token.content.empty()) config.roles[static_cast<size_t>(i)] = std::move(token);
  }
  if (!config.additional.empty()) return;
  for (const char* const key : {"additional_special_tokens", "extra_special_tokens"}) {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_array()) continue;
    for (const Json& value : *it) config.additional.push_back(token_from(value, true, key, where));
  }
}

void need_object(const Json& value, const std::string& where) {
  if (!value.is_object())
    throw Error(Code::kFailed, fmt::format("expected a JSON object, found {}", value.type_name()), where);
}

void read_main(const Json& object, TokenizerConfig& config, const std::string& where) {
  config.tokenizer_class = string_field_or(object, "tokenizer_class", "", where);
  config.do_lower_case = optional_bool(object, "do_lower_case", where);
  config.tokenize_chinese_chars = optional_bool(object, "tokenize_chinese_chars", where);
  config.strip_accents = optional_bool(object, "strip_accents", where);
  if (const auto it = object.find("model_max_length"); it != object.end() && !it->is_null()) {
    if (!it->is_number() || it->get<double>() < 1)
      throw Error(Code::kFailed, fmt::format("'model_max_length' must be a positive number, not {}", it->dump()), where);
    if (it->get<double>() < kNoMaxLength) config.model_max_length = static_cast<int64_t>(it->get<double>());
  }
  if (const auto it = object.find("added_tokens_decoder"); it != object.end() && !it->is_null())
    read_added_tokens_decoder(*it, config, where);
  read_roles(object, config, where);
}

}  // namespace

bool TokenizerConfig::is_bert_like() const {
  for (const char* const family : {"Bert", "Electra", "MPNet"}) {
    if (tokenizer_class.find(family) != std::string::npos) return true;
  }
  return false;
}

std::string_view role_key(TokenizerConfig::Role role) {
  constexpr std::string_view kKeys[] = {"cls_token", "sep_token", "pad_token", "unk_token", "mask_token"};
  return kKeys[role];
}

std::string_view bert_role_token(TokenizerConfig::Role role) {
  constexpr std::string_view kTokens[] = {"[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"};
  return kTokens[role];
}

TokenizerConfig read_tokenizer_config(const TokenizerFiles& files) {
  TokenizerConfig config;
  if (files.tokenizer_config) {
    const std::string where = file_in(files, "tokenizer_config.json");
    const Json object = parse_json(*files.tokenizer_config, where);
    need_object(object, where);
    read_main(object, config, where);
  }
  if (files.special_tokens_map) {
    const std::string where = file_in(files, "special_tokens_map.json");
    const Json object = parse_json(*files.special_tokens_map, where);
    need_object(object, where);
    read_roles(object, config, where);
  }
  return config;
}

Tokenizer::SpecialIds add_configured_tokens(const TokenizerConfig& config, const Vocabulary& vocabulary, AddedTokens& added,
                                            std::string_view where) {
  for (const auto& [id, token] : config.by_id) {
    if (token.content.empty()) continue;
    const auto known = added.id(token.content);
    const int32_t given = known ? *known : *added.add(token, vocabulary);
    if (given != id)
      throw Error(
          Code::kFailed,
          fmt::format("added token '{}' is declared with id {}, but has id {} in the vocabulary", token.content, id, given),
          std::string(where));
  }
  std::array<std::optional<int32_t>, TokenizerConfig::kNumRoles> ids;
  for (int i = 0; i < TokenizerConfig::kNumRoles; ++i) {
    const auto at = static_cast<size_t>(i);
    if (const auto& token = config.roles[at]) {
      const auto known = added.id(token->content);
      ids[at] = known ? known : added.add(*token, vocabulary);
    } else {
      const std::string_view usual = bert_role_token(static_cast<Role>(i));
      ids[at] = added.id(usual);
      if (!ids[at]) ids[at] = vocabulary.id(usual);
    }
  }
  for (const AddedToken& token : config.additional) {
    if (!added.id(token.content)) added.add(token, vocabulary);
  }
  return {ids[Role::kCls], ids[Role::kSep], ids[Role::kPad], ids[Role::kUnk], ids[Role::kMask]};
}

std::string file_in(const TokenizerFiles& files, std::string_view name) {
  return files.directory.empty() ? std::string(name) : files.directory + "/" + std::string(name);
}

}  // namespace tilefit
