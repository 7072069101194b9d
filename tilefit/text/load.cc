// Finds and reads a tokenizer's files, chooses the loader, and completes the set of files that save() writes.
#include <fmt/format.h>

#include <utility>

#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/text/tokenizer_json.h"
#include "tilefit/text/vocab_txt.h"

namespace tilefit {
namespace {

// The largest published tokenizer.json files are below 40 MB.
constexpr int64_t kMaxTokenizerJsonBytes = int64_t{256} << 20;
constexpr int64_t kMaxVocabBytes = int64_t{64} << 20;
constexpr int64_t kMaxConfigBytes = int64_t{16} << 20;

std::optional<std::string> read_if_there(const std::string& directory, const char* name, int64_t max_bytes) {
  const std::string path = directory + "/" + name;
  if (!file_exists(path)) return std::nullopt;
  return read_file(path, max_bytes);
}

std::string special_tokens_map_of(const TokenizerConfig& config, const PipelineParts& parts) {
  Json map = Json::object();
  const Tokenizer::SpecialIds& ids = parts.special_ids;
  const std::optional<int32_t> by_role[] = {ids.cls, ids.sep, ids.pad, ids.unk, ids.mask};
  for (int i = 0; i < TokenizerConfig::kNumRoles; ++i) {
    const auto role = static_cast<TokenizerConfig::Role>(i);
    if (!by_role[i]) continue;
    const auto& named = config.roles[static_cast<size_t>(i)];
    map[std::string(role_key(role))] = named ? named->content : std::string(bert_role_token(role));
  }
  return dump_json(map, 2) + "\n";
}

/// vocab.txt of a model's vocabulary; nullopt when a token holds a line break.
std::optional<std::string> vocab_txt_of(const Vocabulary& vocabulary) {
  std::string text;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    const std::string& token = vocabulary.token(id);
    if (token.find_first_of("\r\n") != std::string::npos) return std::nullopt;
    text += token;
    text += '\n';
  }
  return text;
}

std::string tokenizer_config_of(const TokenizerConfig& config) {
  Json object = Json::object();
  object["tokenizer_class"] = config.tokenizer_class.empty() ? "BertTokenizer" : config.tokenizer_class;
  if (config.do_lower_case) object["do_lower_case"] = *config.do_lower_case;
  return dump_json(object, 2) + "\n";
}

/// Originals first; what is missing is made where the parts say enough.
void complete_files(const TokenizerFiles& files, const TokenizerConfig& config, PipelineParts& parts) {
  const auto keep = [&](const char* name, std::optional<std::string> content) {
    if (content) parts.files.emplace_back(name, std::move(*content));
  };
  keep("tokenizer.json", files.tokenizer_json);
  keep("tokenizer_config.json", files.tokenizer_config ? *files.tokenizer_config : tokenizer_config_of(config));
  keep("vocab.txt", files.vocab_txt ? files.vocab_txt : vocab_txt_of(parts.model->vocabulary()));
  keep("special_tokens_map.json",
       files.special_tokens_map ? *files.special_tokens_map : special_tokens_map_of(config, parts));
}

}  // namespace

std::unique_ptr<Tokenizer> tokenizer_from_files(const TokenizerFiles& files) {
  const TokenizerConfig config = read_tokenizer_config(files);
  PipelineParts parts;
  if (files.tokenizer_json) {
    parts = parts_from_tokenizer_json(*files.tokenizer_json, config, file_in(files, "tokenizer.json"));
  } else if (files.vocab_txt) {
    parts = parts_from_vocab_txt(*files.vocab_txt, config, file_in(files, "vocab.txt"));
  } else {
    throw Error(Code::kFailed, "no tokenizer found: looked for tokenizer.json and vocab.txt",
                files.directory.empty() ? "text/tokenizer" : files.directory,
                "--tokenizer_name with a directory that has one of them");
  }
  complete_files(files, config, parts);
  return make_pipeline_tokenizer(std::move(parts));
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::string& directory) {
  TokenizerFiles files;
  files.directory = directory;
  files.tokenizer_json = read_if_there(directory, "tokenizer.json", kMaxTokenizerJsonBytes);
  files.tokenizer_config = read_if_there(directory, "tokenizer_config.json", kMaxConfigBytes);
  files.vocab_txt = read_if_there(directory, "vocab.txt", kMaxVocabBytes);
  files.special_tokens_map = read_if_there(directory, "special_tokens_map.json", kMaxConfigBytes);
  return tokenizer_from_files(files);
}

}  // namespace tilefit
