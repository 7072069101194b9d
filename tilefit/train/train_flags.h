// The flags of the run_* verbs: Hugging Face's ModelArguments, DataTrainingArguments (run_qa.py) and TrainingArguments of
// transformers 4.24 and 5.x under their own names and defaults (4.24's where the two differ, but for --optim: the arithmetic of a
// step is 5.x'), plus tilefit's own.
// Here: the fields that the program reads. Flags that are only accepted stand in ignored_flags.cc.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tilefit/base/flags.h"
#include "tilefit/base/json_fwd.h"
#include "tilefit/data/sampler.h"

namespace tilefit {

struct ModelFlags {
  std::string model_name_or_path;
  std::optional<std::string> config_name, tokenizer_name, cache_dir, token;
  std::string model_revision = "main";

  void visit(FlagSet& v);
};

struct DataFlags {
  std::optional<std::string> dataset_name, dataset_config_name, train_file, validation_file, test_file;
  bool overwrite_cache = false;
  std::optional<int> preprocessing_num_workers;
  int max_seq_length = 384;
  bool pad_to_max_length = true;  ///< read RunFlags::padding instead
  std::optional<int64_t> max_train_samples, max_eval_samples, max_predict_samples;
  bool version_2_with_negative = false;
  double null_score_diff_threshold = 0;
  int doc_stride = 128;
  int n_best_size = 20;
  int max_answer_length = 30;

  void visit(FlagSet& v);
};

struct TrainFlags {
  std::string output_dir;
  bool overwrite_output_dir = false;
  bool do_train = false, do_eval = false, do_predict = false;

  int per_device_train_batch_size = 8, per_device_eval_batch_size = 8;
  int gradient_accumulation_steps = 1;  ///< read RunFlags::leaves instead
  double num_train_epochs = 3;
  int64_t max_steps = -1;  ///< above 0: replaces num_train_epochs
  bool dataloader_drop_last = false;
  std::string train_sampling_strategy = "random";  ///< read RunFlags::sampling instead
  bool group_by_length = false;
  int64_t seed = 42;
  std::optional<int64_t> data_seed;

  double learning_rate = 5e-5;
  std::string lr_scheduler_type = "linear";
  std::optional<std::string> lr_scheduler_kwargs;  ///< JSON text; read RunFlags::lr_scheduler_kwargs instead
  double warmup_steps = 0;                         ///< a count, or a fraction below 1
  double warmup_ratio = 0;
  std::string optim = "adamw_torch_fused";
  std::optional<std::string> optim_args;  ///< read RunFlags::optim_args instead
  double weight_decay = 0;
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  double max_grad_norm = 1;  ///< 0: no clipping

  bool bf16 = false, bf16_full_eval = false;

  std::string log_level = "passive";
  std::string logging_strategy = "steps";
  double logging_steps = 500;  ///< a count, or a fraction of all steps below 1 (step_interval); so are the two below
  bool logging_first_step = false;
  std::optional<bool> disable_tqdm;

  std::string eval_strategy = "no";
  std::optional<double> eval_steps;
  double eval_delay = 0;
  bool eval_on_start = false;

  std::string save_strategy = "steps";
  double save_steps = 500;
  std::optional<int> save_total_limit;
  bool save_only_model = false;
  bool load_best_model_at_end = false;
  std::optional<std::string> metric_for_best_model;
  std::optional<bool> greater_is_better;
  std::optional<std::string> resume_from_checkpoint;
  bool ignore_data_skip = false;
  bool gradient_checkpointing = false;

  void visit(FlagSet& v);
};

struct TilefitFlags {
  std::string padding = "packed";                 ///< read RunFlags::padding instead
  std::string data_order = "hf5";                 ///< read RunFlags::data_order instead
  std::optional<int64_t> total_train_batch_size;  ///< read RunFlags::leaves instead
  std::optional<bool> balance_leaves;             ///< empty: on with several leaves or ranks
  std::string on_nan = "stop";
  std::optional<int> num_threads;  ///< empty: OMP_NUM_THREADS, else one per core
  std::optional<double> dropout;   ///< replaces every dropout probability of config.json
  std::optional<std::string> head_weights;
  bool profile = false;  ///< time the phases of a step
  std::string output = "text";

  void visit(FlagSet& v);
};

/// How the rows of a batch are laid out: real tokens only, padded to the longest, padded to --max_seq_length.
enum class PaddingMode { kPacked, kLongest, kMaxLength };

/// All flags of run_qa, parsed, checked against each other and resolved.
struct RunFlags {
  ModelFlags model;
  DataFlags data;
  TrainFlags train;
  TilefitFlags tilefit;

  PaddingMode padding = PaddingMode::kPacked;
  SamplingStrategy sampling = SamplingStrategy::kRandom;
  DataOrder data_order = DataOrder::kHf5;
  int64_t leaves = 1;  ///< micro-batches of per_device_train_batch_size in one optimizer step
  std::vector<std::pair<std::string, double>> optim_args;  ///< in the order given; True is 1, False 0
  std::vector<std::pair<std::string, std::string>>
      given;                       ///< flags on the command line with their values, in declaration order
  std::vector<std::string> notes;  ///< sentences to say once (log_warning_once)

  /// Declares all flags.
  void visit(FlagSet& v);

  /// --lr_scheduler_kwargs as JSON; null when it was not given. Throws Error(kUsage) when it is no JSON object.
  Json lr_scheduler_kwargs() const;

  /// True when the command line or the JSON file set the flag; name: as declared, not an alias.
  bool is_given(std::string_view name) const;
};

/// Parses and checks the arguments of run_qa. Throws Error(kUsage) as FlagSet::parse does, for flags that contradict each other or
/// miss a partner, and when a launcher started several processes (they would train separate models).
RunFlags parse_run_flags(std::span<const std::string> args);

/// Steps between two events of a flag such as --logging_steps: the count itself, or a fraction below 1 of all steps, rounded up.
/// total_steps: optimizer steps of the run.
int64_t step_interval(double flag, int64_t total_steps);

/// Declares the flags that are accepted and checked but have no effect here, with the reason.
void ignored_flags(FlagSet& v);

}  // namespace tilefit
