#include "tilefit/hub/repo_dir.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstdlib>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "tilefit/base/error.h"
#include "tilefit/base/files.h"

namespace tilefit {
namespace {

constexpr const char* kWhere = "hub";

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value ? value : "";
  if (text == "~" || text.starts_with("~/"))
    if (const char* const home = std::getenv("HOME")) text = home + text.substr(1);
  return text;
}

/// Owners that the hub gave to models whose names had none; bare names begin with one of the prefixes.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kOwners = {{{"distilbert-", "distilbert"},
                                                                                    {"distilroberta-", "distilbert"},
                                                                                    {"distilgpt2", "distilbert"},
                                                                                    {"bert-", "google-bert"},
                                                                                    {"roberta-", "FacebookAI"},
                                                                                    {"xlm-", "FacebookAI"},
                                                                                    {"albert-", "albert"},
                                                                                    {"gpt2", "openai-community"},
                                                                                    {"openai-gpt", "openai-community"},
                                                                                    {"camembert-", "almanach"},
                                                                                    {"xlnet-", "xlnet"},
                                                                                    {"t5-", "google-t5"},
                                                                                    {"transfo-xl-", "transfo-xl"}}};

/// A name the hub could have: one or two parts of letters, digits, ".", "_" and "-". Keeps "../" out of the paths built from it.
bool is_hub_name(std::string_view name) {
  const size_t slash = name.find('/');
  if (slash != name.npos)
    return name.find('/', slash + 1) == name.npos && is_hub_name(name.substr(0, slash)) &&
           is_hub_name(name.substr(slash + 1));
  if (name.empty() || name.size() > 96 || name.front() == '.' || name.front() == '-' || name.find("..") != name.npos)
    return false;
  for (const char c : name)
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
      return false;
  return true;
}

std::string join(std::string_view folder, std::string_view name) { return fmt::format("{}/{}", folder, name); }

/// The path when it is a file, else "".
std::string file_or_empty(const std::string& path) { return file_exists(path) ? path : ""; }

std::string first_file(const std::string& folder, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (std::string path = file_or_empty(join(folder, name)); !path.empty()) return path;
  return "";
}

/// CACHE/models--org--name, the cache's folder of a model.
std::string cache_folder(const std::string& cache, std::string name) {
  if (const size_t slash = name.find('/'); slash != name.npos) name.replace(slash, 1, "--");
  return cache + "/models--" + name;
}

/// The snapshot folder of a revision: what refs/REVISION names, or a commit itself; "" when the cache has none.
std::string cached_snapshot(const std::string& folder, const std::string& revision) {
  if (revision.empty() || revision.front() == '/' || revision.find("..") != revision.npos) return "";
  std::string commit = revision;
  if (const std::string ref = folder + "/refs/" + revision; file_exists(ref)) {
    commit = read_file(ref, 4096);
    while (!commit.empty() && (commit.back() == '\n' || commit.back() == '\r' || commit.back() == ' ')) commit.pop_back();
  }
  if (!is_hub_name(commit) || commit.find('/') != commit.npos) return "";
  const std::string snapshot = folder + "/snapshots/" + commit;
  return directory_exists(snapshot) ? snapshot : "";
}

[[noreturn]] void model_not_found(const std::string& name, const HubPaths& paths, const std::string& revision) {
  std::vector<std::string> looked = {fmt::format("the folder '{}'", name)};
  looked.push_back(paths.hf_cache.empty()
                       ? "the Hugging Face cache (no home folder)"
                       : fmt::format("{} at revision '{}'", cache_folder(paths.hf_cache, name), revision));
  looked.push_back(paths.tilefit_models.empty() ? "TILEFIT_MODELS (not set)"
                                                : fmt::format("{} (TILEFIT_MODELS)", join(paths.tilefit_models, name)));
  throw Error(
      Code::kEnvironment, fmt::format("model '{}' is not on this machine; looked at {}", name, fmt::join(looked, ", ")),
      kWhere,
      fmt::format("'hf download {}' where there is a network, or give the model's folder as --model_name_or_path", name));
}

/// The split's file in a folder: fixed names first, then NAME.EXT for each stem; each also with .gz.
std::string split_file(const std::string& folder, std::initializer_list<std::string_view> names,
                       std::initializer_list<std::string_view> stems) {
  const auto plain_or_gz = [&](const std::string& path) {
    std::string found = file_or_empty(path);
    return found.empty() ? file_or_empty(path + ".gz") : found;
  };
  for (const std::string_view name : names)
    if (std::string found = plain_or_gz(join(folder, name)); !found.empty()) return found;
  for (const std::string_view stem : stems)
    for (const std::string_view extension : {"json", "jsonl", "csv", "tsv", "txt"})
      if (std::string found = plain_or_gz(fmt::format("{}/{}.{}", folder, stem, extension)); !found.empty()) return found;
  return "";
}

/// SQuAD's version in its published file names: "v1.1", "v2.0"; "" for other data sets.
std::string_view squad_version(std::string_view bare_name) {
  return bare_name == "squad" ? "v1.1" : bare_name == "squad_v2" ? "v2.0" : "";
}

}  // namespace

HubPaths HubPaths::from_environment() {
  HubPaths paths;
  paths.tilefit_models = environment("TILEFIT_MODELS");
  paths.tilefit_data = environment("TILEFIT_DATA");
  paths.hf_cache = environment("HF_HUB_CACHE");
  if (paths.hf_cache.empty()) paths.hf_cache = environment("HUGGINGFACE_HUB_CACHE");
  paths.hf_datasets = environment("HF_DATASETS_CACHE");
  std::string home = environment("HF_HOME");
  if (home.empty())
    if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty()) home = cache + "/huggingface";
  if (home.empty())
    if (const std::string user = environment("HOME"); !user.empty()) home = user + "/.cache/huggingface";
  if (home.empty()) return paths;
  if (paths.hf_cache.empty()) paths.hf_cache = home + "/hub";
  if (paths.hf_datasets.empty()) paths.hf_datasets = home + "/datasets";
  return paths;
}

std::vector<std::string> model_name_variants(const std::string& name) {
  std::vector<std::string> names = {name};
  const size_t slash = name.find('/');
  const std::string bare = slash == name.npos ? name : name.substr(slash + 1);
  for (const auto& [prefix, owner] : kOwners) {
    if (!bare.starts_with(prefix)) continue;
    if (slash == name.npos) names.push_back(join(owner, bare));
    else if (name.substr(0, slash) == owner) names.push_back(bare);
    break;
  }
  return names;
}

std::string resolve_model(const std::string& name, const HubPaths& paths, const std::string& revision) {
  if (directory_exists(name)) return name;
  if (file_exists(name))
    throw Error(Code::kUsage, fmt::format("'{}' is a file, expected a model's folder", name), kWhere,
                "the folder that holds the file");
  if (!is_hub_name(name))
    throw Error(Code::kUsage, fmt::format("'{}' is neither a folder nor a hub name (owner/name)", name), kWhere,
                "check the spelling of --model_name_or_path");
  const std::vector<std::string> variants = model_name_variants(name);
  if (!paths.hf_cache.empty())
    for (const std::string& variant : variants)
      if (std::string snapshot = cached_snapshot(cache_folder(paths.hf_cache, variant), revision); !snapshot.empty())
        return snapshot;
  if (!paths.tilefit_models.empty())
    for (const std::string& variant : variants)
      if (std::string folder = join(paths.tilefit_models, variant); directory_exists(folder)) return folder;
  model_not_found(name, paths, revision);
}

ModelFiles find_model_files(const std::string& directory) {
  ModelFiles files;
  files.directory = directory;
  files.config = first_file(directory, {"config.json"});
  files.weights = first_file(directory, {"model.safetensors", "model.safetensors.index.json"});
  files.tokenizer_json = first_file(directory, {"tokenizer.json"});
  files.tokenizer_config = first_file(directory, {"tokenizer_config.json"});
  files.special_tokens_map = first_file(directory, {"special_tokens_map.json"});
  files.added_tokens = first_file(directory, {"added_tokens.json"});
  files.vocab_txt = first_file(directory, {"vocab.txt"});
  files.vocab_json = first_file(directory, {"vocab.json"});
  files.merges_txt = first_file(directory, {"merges.txt"});
  files.sentencepiece = first_file(directory, {"spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model"});
  return files;
}

ModelFiles require_model_files(const std::string& directory) {
  if (!directory_exists(directory)) throw Error(Code::kEnvironment, fmt::format("'{}' is not a folder", directory), kWhere);
  ModelFiles files = find_model_files(directory);
  if (files.config.empty())
    throw Error(Code::kEnvironment, fmt::format("{} has no config.json", directory), kWhere,
                "the folder that save_pretrained or 'hf download' made");
  if (!files.weights.empty()) return files;
  const std::string other =
      first_file(directory, {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"});
  if (!other.empty())
    throw Error(
        Code::kEnvironment,
        fmt::format("{} has its weights in {} only, a format that is not read yet", directory,
                    std::string_view(other).substr(directory.size() + 1)),
        kWhere,
        fmt::format("python -c \"from transformers import AutoModel as M; M.from_pretrained('{0}').save_pretrained('{0}', "
                    "safe_serialization=True)\" once, with the class that has the head you need",
                    directory));
  throw Error(Code::kEnvironment,
              fmt::format("{} has no weights; looked for model.safetensors, model.safetensors.index.json", directory),
              kWhere, "copy the weights there, or 'hf download' the whole model");
}

DatasetFiles resolve_dataset(const std::string& name, const std::string& config, const HubPaths& paths) {
  const bool is_folder = directory_exists(name);
  const std::string bare = name.substr(name.find_last_of('/') + 1);
  const std::string_view version = squad_version(bare);
  const auto published = [&](std::string_view split) {
    return version.empty() ? fmt::format("{}.json", split) : fmt::format("{}-{}.json", split, version);
  };
  const std::string train_name = published("train"), dev_name = published(version.empty() ? "validation" : "dev");

  std::vector<std::string> folders;
  if (is_folder) folders = {name};
  else if (!is_hub_name(name))
    throw Error(Code::kUsage, fmt::format("'{}' is neither a folder nor the name of a data set", name), kWhere,
                "check the spelling of --dataset_name");
  else if (!paths.tilefit_data.empty()) folders = {join(paths.tilefit_data, name), join(paths.tilefit_data, bare)};
  if (!config.empty() && is_hub_name(config))
    for (size_t i = folders.size(); i-- > 0;) folders.insert(folders.begin(), join(folders[i], config));

  DatasetFiles files;
  for (const std::string& folder : folders) {
    files.train = split_file(folder, {train_name}, {"train"});
    files.validation = split_file(folder, {dev_name}, {"validation", "dev"});
    if (!files.train.empty() || !files.validation.empty()) return files;
  }
  if (!is_folder && !version.empty() && !paths.tilefit_data.empty()) {
    files.train = split_file(paths.tilefit_data, {train_name}, {});
    files.validation = split_file(paths.tilefit_data, {dev_name}, {});
    if (!files.train.empty() || !files.validation.empty()) return files;
    folders.push_back(paths.tilefit_data);
  }
  throw Error(
      Code::kEnvironment,
      fmt::format("data set '{}' is not on this machine; looked for {}, {} (and .gz) in {}", name, train_name, dev_name,
                  folders.empty() ? "TILEFIT_DATA (not set)" : fmt::format("{}", fmt::join(folders, ", "))),
      kWhere, "--train_file FILE --validation_file FILE, or set TILEFIT_DATA to the folder that holds the files");
}

}  // namespace tilefit
