// Where models and data sets are on this machine: a folder, the Hugging Face cache, or the folders of TILEFIT_MODELS and TILEFIT_DATA.
// Nothing is downloaded here.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace tilefit {

/// The places to look at. An empty string: not set.
struct HubPaths {
  std::string
      hf_cache;  ///< HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
                 ///< ~/.cache/huggingface/hub
  std::string tilefit_models;  ///< TILEFIT_MODELS
  std::string tilefit_data;    ///< TILEFIT_DATA
  std::string hf_datasets{};   ///< HF_DATASETS_CACHE, else "datasets" beside hf_cache's "hub": HF_HOME/datasets and so on

  static HubPaths from_environment();
};

/// Files of a model folder; "" where a file is absent. Paths keep the folder's links (the cache's snapshots are links).
struct ModelFiles {
  std::string directory;
  std::string config;                  ///< config.json
  std::string weights;                 ///< model.safetensors, else model.safetensors.index.json
  std::string tokenizer_json;          ///< tokenizer.json
  std::string tokenizer_config;        ///< tokenizer_config.json
  std::string special_tokens_map;      ///< special_tokens_map.json
  std::string added_tokens;            ///< added_tokens.json
  std::string vocab_txt;               ///< vocab.txt (WordPiece)
  std::string vocab_json, merges_txt;  ///< vocab.json, merges.txt (BPE)
  std::string sentencepiece;           ///< spiece.model, sentencepiece.bpe.model, spm.model or tokenizer.model
};

/// The folder of a model. name: a directory (used as it is), else a hub name ("org/name", or an old bare name such as "bert-base-uncased",
/// which is also looked for under its present owner, and the reverse) in the Hugging Face cache at `revision`, else in TILEFIT_MODELS/NAME.
/// Throws Error(kEnvironment) that names the places and what to do; Error(kUsage) when name cannot be a hub name.
std::string resolve_model(const std::string& name, const HubPaths& paths = HubPaths::from_environment(),
                          const std::string& revision = "main");

/// The files of a model folder, of which none needs to be there.
ModelFiles find_model_files(const std::string& directory);

/// As find_model_files, but config and weights must be there. Throws Error(kEnvironment): no config.json; no weights (what was looked for);
/// weights only in a format that is not read (pytorch_model.bin and others: how to convert them).
ModelFiles require_model_files(const std::string& directory);

/// The two parts of a data set; "" for a part that is absent (never both).
struct DatasetFiles {
  std::string train, validation;
};

/// The local files of a data set of the hub. name: a directory, else a name looked for in TILEFIT_DATA (the owner part "rajpurkar/" may be
/// left out). In these folders: NAME/, NAME/CONFIG/ when config is given, and TILEFIT_DATA itself for SQuAD's published file names.
///   squad:    train-v1.1.json, dev-v1.1.json      squad_v2: train-v2.0.json, dev-v2.0.json
///   any name: train.EXT and validation.EXT or dev.EXT in its own folder; EXT = json, jsonl, csv, tsv, txt
/// each also with .gz. Throws Error(kEnvironment) that names what was looked for.
DatasetFiles resolve_dataset(const std::string& name, const std::string& config = "",
                             const HubPaths& paths = HubPaths::from_environment());

/// The names under which a hub model is looked for, the given one first: "bert-base-uncased" -> also "google-bert/bert-base-uncased";
/// "google-bert/bert-base-uncased" -> also "bert-base-uncased".
std::vector<std::string> model_name_variants(const std::string& name);

}  // namespace tilefit
