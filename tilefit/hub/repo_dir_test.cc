// Where models and data sets are found, and what is said when they are not.
#include "tilefit/hub/repo_dir.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "tests/support/golden.h"
#include "tilefit/base/error.h"
#include "tilefit/base/files.h"

namespace tilefit {
namespace {

namespace fs = std::filesystem;
using test::error_message;
using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void put(const std::string& path, const std::string& text = "x") {
  make_directories(fs::path(path).parent_path().string());
  write_file_atomic(path, text);
}

/// A model in the cache as huggingface_hub lays it out: refs/main names a snapshot of links into blobs.
std::string put_cached(const std::string& cache, const std::string& folder, const std::string& commit) {
  const std::string root = cache + "/" + folder;
  put(root + "/refs/main", commit);
  put(root + "/blobs/aaaa", "{}");
  const std::string snapshot = root + "/snapshots/" + commit;
  make_directories(snapshot);
  fs::create_symlink("../../blobs/aaaa", snapshot + "/config.json");
  fs::create_symlink("../../blobs/aaaa", snapshot + "/model.safetensors");
  return snapshot;
}

/// Sets environment variables for one test.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& values) {
    for (const char* const name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_DATASETS_CACHE", "HF_HOME", "XDG_CACHE_HOME",
                                   "HOME", "TILEFIT_MODELS", "TILEFIT_DATA"}) {
      if (const char* const old = std::getenv(name)) old_[name] = old;
      ::unsetenv(name);
      const auto it = values.find(name);
      if (it != values.end()) ::setenv(name, it->second.c_str(), 1);
    }
  }
  ~Environment() {
    for (const auto& [name, value] : old_) ::setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  std::map<std::string, std::string> old_;
};

TEST(HubPaths, TheCacheIsWhereHuggingFaceHasIt) {
  const auto cache = [](const std::map<std::string, std::string>& values) {
    const Environment environment(values);
    return HubPaths::from_environment().hf_cache;
  };
  EXPECT_EQ(cache({{"HF_HUB_CACHE", "/c"}, {"HUGGINGFACE_HUB_CACHE", "/d"}, {"HF_HOME", "/h"}, {"HOME", "/u"}}), "/c");
  EXPECT_EQ(cache({{"HUGGINGFACE_HUB_CACHE", "/d"}, {"HF_HOME", "/h"}, {"HOME", "/u"}}), "/d");
  EXPECT_EQ(cache({{"HF_HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}, {"HOME", "/u"}}), "/h/hub");
  EXPECT_EQ(cache({{"HF_HOME", "~/h"}, {"HOME", "/u"}}), "/u/h/hub");
  EXPECT_EQ(cache({{"XDG_CACHE_HOME", "/x"}, {"HOME", "/u"}}), "/x/huggingface/hub");
  EXPECT_EQ(cache({{"HOME", "/u"}}), "/u/.cache/huggingface/hub");
  EXPECT_EQ(cache({}), "");
}

TEST(HubPaths, DataSetsAreCachedWhereHuggingFaceDoes) {
  const auto cache = [](const std::map<std::string, std::string>& values) {
    const Environment environment(values);
    return HubPaths::from_environment().hf_datasets;
  };
  EXPECT_EQ(cache({{"HF_DATASETS_CACHE", "~/d"}, {"HF_HOME", "/h"}, {"HOME", "/u"}}), "/u/d");
  EXPECT_EQ(cache({{"HF_HUB_CACHE", "/c"}, {"HF_HOME", "/h"}}), "/h/datasets");
  EXPECT_EQ(cache({{"XDG_CACHE_HOME", "/x"}, {"HOME", "/u"}}), "/x/huggingface/datasets");
  EXPECT_EQ(cache({{"HOME", "/u"}}), "/u/.cache/huggingface/datasets");
  EXPECT_EQ(cache({}), "");
}

TEST(ResolveModel, FolderThenCacheThenTilefitModels) {
  const TempDir dir;
  const HubPaths paths{dir / "cache", dir / "models", ""};
  const std::string folder = dir / "org/name";
  make_directories(folder);
  EXPECT_EQ(resolve_model(folder, paths), folder);
  make_directories(dir / "models/org/name");
  EXPECT_EQ(resolve_model("org/name", paths), dir / "models/org/name");
  const std::string snapshot = put_cached(paths.hf_cache, "models--org--name", "abc123");
  EXPECT_EQ(resolve_model("org/name", paths), snapshot);
  EXPECT_EQ(resolve_model("org/name", paths, "abc123"), snapshot);
  const ModelFiles files = require_model_files(snapshot);
  EXPECT_EQ(files.config, snapshot + "/config.json");
  EXPECT_EQ(files.weights, snapshot + "/model.safetensors");
}

TEST(ResolveModel, OldBareNamesAndTheirOwners) {
  EXPECT_THAT(model_name_variants("distilbert-base-uncased"),
              ElementsAre("distilbert-base-uncased", "distilbert/distilbert-base-uncased"));
  EXPECT_THAT(model_name_variants("bert-base-uncased"), ElementsAre("bert-base-uncased", "google-bert/bert-base-uncased"));
  EXPECT_THAT(model_name_variants("xlm-roberta-base"), ElementsAre("xlm-roberta-base", "FacebookAI/xlm-roberta-base"));
  EXPECT_THAT(model_name_variants("google-bert/bert-base-uncased"),
              ElementsAre("google-bert/bert-base-uncased", "bert-base-uncased"));
  EXPECT_THAT(model_name_variants("someone/bert-base-uncased"), ElementsAre("someone/bert-base-uncased"));
  EXPECT_THAT(model_name_variants("mine"), ElementsAre("mine"));

  const TempDir dir;
  const HubPaths paths{dir / "cache", "", ""};
  const std::string owned = put_cached(paths.hf_cache, "models--distilbert--distilbert-base-uncased", "c1");
  EXPECT_EQ(resolve_model("distilbert-base-uncased", paths), owned);
  const std::string bare = put_cached(paths.hf_cache, "models--roberta-base", "c2");
  EXPECT_EQ(resolve_model("FacebookAI/roberta-base", paths), bare);
}

TEST(ResolveModel, SaysWhereItLookedAndWhatToDo) {
  const TempDir dir;
  const HubPaths paths{dir / "cache", dir / "models", ""};
  try {
    resolve_model("org/name", paths);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::kEnvironment);
    EXPECT_EQ(
        std::string(e.what()),
        fmt::format(
            "[hub] model 'org/name' is not on this machine; looked at the folder 'org/name', {0}/cache/models--org--name at "
            "revision 'main', {0}/models/org/name (TILEFIT_MODELS). Try: 'hf download org/name' where there is a network, "
            "or "
            "give the model's folder as --model_name_or_path",
            dir.path()));
  }
  EXPECT_THAT(error_message([] { resolve_model("name", HubPaths{}); }),
              HasSubstr("(no home folder), TILEFIT_MODELS (not set)"));
  EXPECT_THAT(error_message([&] { resolve_model("/no/such/folder", paths); }),
              HasSubstr("is neither a folder nor a hub name"));
  EXPECT_THAT(error_message([&] { resolve_model("../up", paths); }), HasSubstr("is neither a folder nor a hub name"));
  EXPECT_THAT(error_message([&] { resolve_model("", paths); }), HasSubstr("'' is neither"));
  put(dir / "file");
  EXPECT_THAT(error_message([&] { resolve_model(dir / "file", paths); }), HasSubstr("is a file, expected a model's folder"));
}

TEST(ResolveModel, DamagedRefsAreNotFollowed) {
  const TempDir dir;
  const HubPaths paths{dir / "cache", "", ""};
  put_cached(paths.hf_cache, "models--name", "abc");
  put(paths.hf_cache + "/models--name/refs/main", "../../..");
  EXPECT_THAT(error_message([&] { resolve_model("name", paths); }), HasSubstr("is not on this machine"));
  EXPECT_THAT(error_message([&] { resolve_model("name", paths, "../snapshots"); }), HasSubstr("is not on this machine"));
  put(paths.hf_cache + "/models--name/refs/main", "abc\n");
  EXPECT_EQ(resolve_model("name", paths), paths.hf_cache + "/models--name/snapshots/abc");
}

TEST(ModelFiles, WhatIsMissingIsNamed) {
  const TempDir dir;
  EXPECT_THAT(error_message([&] { require_model_files(dir / "none"); }), HasSubstr("none' is not a folder"));
  EXPECT_THAT(error_message([&] { require_model_files(dir.path()); }), HasSubstr(dir.path() + " has no config.json"));
  put(dir / "config.json", "{}");
  EXPECT_THAT(error_message([&] { require_model_files(dir.path()); }),
              HasSubstr("has no weights; looked for model.safetensors, model.safetensors.index.json"));
  put(dir / "pytorch_model.bin");
  EXPECT_THAT(error_message([&] { require_model_files(dir.path()); }),
              HasSubstr("has its weights in pytorch_model.bin only, a format that is not read yet. Try: python -c"));
  put(dir / "model.safetensors.index.json");
  EXPECT_EQ(require_model_files(dir.path()).weights, dir / "model.safetensors.index.json");
  put(dir / "model.safetensors");
  for (const char* const name : {"tokenizer.json", "tokenizer_config.json", "vocab.txt", "spm.model"}) put(dir / name);
  const ModelFiles files = require_model_files(dir.path());
  EXPECT_EQ(files.weights, dir / "model.safetensors");
  EXPECT_EQ(files.tokenizer_json, dir / "tokenizer.json");
  EXPECT_EQ(files.tokenizer_config, dir / "tokenizer_config.json");
  EXPECT_EQ(files.vocab_txt, dir / "vocab.txt");
  EXPECT_EQ(files.sentencepiece, dir / "spm.model");
  EXPECT_EQ(files.merges_txt, "");
}

TEST(ModelFiles, ReferenceFoldersAreComplete) {
  const auto e2e = test::golden("e2e/bert-cased");
  if (!e2e) GTEST_SKIP() << "no e2e models in the golden files";
  const ModelFiles files = require_model_files(resolve_model(*e2e, HubPaths{}));
  EXPECT_FALSE(files.tokenizer_json.empty());
}

TEST(ResolveDataset, SquadUnderItsPublishedNames) {
  const TempDir dir;
  const HubPaths paths{"", "", dir.path()};
  put(dir / "train-v1.1.json");
  put(dir / "dev-v1.1.json.gz");
  put(dir / "dev-v2.0.json");
  for (const char* const name : {"squad", "rajpurkar/squad"}) {
    const DatasetFiles files = resolve_dataset(name, "", paths);
    EXPECT_EQ(files.train, dir / "train-v1.1.json");
    EXPECT_EQ(files.validation, dir / "dev-v1.1.json.gz");
  }
  const DatasetFiles v2 = resolve_dataset("squad_v2", "", paths);
  EXPECT_EQ(v2.train, "");
  EXPECT_EQ(v2.validation, dir / "dev-v2.0.json");
  put(dir / "squad/train-v1.1.json");
  put(dir / "squad/validation.json");
  EXPECT_EQ(resolve_dataset("squad", "", paths).train, dir / "squad/train-v1.1.json");
  EXPECT_EQ(resolve_dataset("squad", "", paths).validation, dir / "squad/validation.json");
}

TEST(ResolveDataset, OtherNamesHaveTheirOwnFolder) {
  const TempDir dir;
  const HubPaths paths{"", "", dir.path()};
  put(dir / "glue/sst2/train.tsv");
  put(dir / "glue/sst2/dev.tsv.gz");
  put(dir / "mine/train.jsonl");
  put(dir / "train.json");
  EXPECT_EQ(resolve_dataset("glue", "sst2", paths).train, dir / "glue/sst2/train.tsv");
  EXPECT_EQ(resolve_dataset("nyu-mll/glue", "sst2", paths).validation, dir / "glue/sst2/dev.tsv.gz");
  EXPECT_EQ(resolve_dataset("mine", "", paths).train, dir / "mine/train.jsonl");
  EXPECT_EQ(resolve_dataset(dir / "mine", "", HubPaths{}).train, dir / "mine/train.jsonl");
  EXPECT_THAT(error_message([&] { resolve_dataset("other", "", paths); }),
              HasSubstr(fmt::format(
                  "data set 'other' is not on this machine; looked for train.json, validation.json (and .gz) in {0}/other",
                  dir.path())));
}

TEST(ResolveDataset, SaysWhatWasLookedFor) {
  const TempDir dir;
  EXPECT_EQ(error_message([] { resolve_dataset("squad", "", HubPaths{}); }),
            "[hub] data set 'squad' is not on this machine; looked for train-v1.1.json, dev-v1.1.json (and .gz) in "
            "TILEFIT_DATA (not set). Try: "
            "--train_file FILE --validation_file FILE, or set TILEFIT_DATA to the folder that holds the files");
  EXPECT_THAT(error_message([&] {
                resolve_dataset("squad_v2", "plain_text", HubPaths{"", "", dir.path()});
              }),
              HasSubstr(fmt::format("train-v2.0.json, dev-v2.0.json (and .gz) in {0}/squad_v2/plain_text", dir.path())));
  EXPECT_THAT(error_message([&] {
                resolve_dataset("../x", "", HubPaths{"", "", dir.path()});
              }),
              HasSubstr("is neither a folder nor"));
}

}  // namespace
}  // namespace tilefit
