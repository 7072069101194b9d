#include "tilefit/train/train_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/golden.h"
#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/train/schedule.h"

namespace tilefit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

struct Known {
  const char* name;
  const char* default_text;
};

// TrainingArguments of transformers 4.24.0, with their defaults (--optim: 5.x').
constexpr Known kTraining424[] = {{"output_dir", ""},
                                  {"overwrite_output_dir", "False"},
                                  {"do_train", "False"},
                                  {"do_eval", "False"},
                                  {"do_predict", "False"},
                                  {"evaluation_strategy", "no"},
                                  {"prediction_loss_only", "False"},
                                  {"per_device_train_batch_size", "8"},
                                  {"per_device_eval_batch_size", "8"},
                                  {"per_gpu_train_batch_size", ""},
                                  {"per_gpu_eval_batch_size", ""},
                                  {"gradient_accumulation_steps", "1"},
                                  {"eval_accumulation_steps", ""},
                                  {"eval_delay", "0"},
                                  {"learning_rate", "5e-05"},
                                  {"weight_decay", "0.0"},
                                  {"adam_beta1", "0.9"},
                                  {"adam_beta2", "0.999"},
                                  {"adam_epsilon", "1e-08"},
                                  {"max_grad_norm", "1.0"},
                                  {"num_train_epochs", "3.0"},
                                  {"max_steps", "-1"},
                                  {"lr_scheduler_type", "linear"},
                                  {"warmup_ratio", "0.0"},
                                  {"warmup_steps", "0"},
                                  {"log_level", "passive"},
                                  {"log_level_replica", "passive"},
                                  {"log_on_each_node", "True"},
                                  {"logging_dir", ""},
                                  {"logging_strategy", "steps"},
                                  {"logging_first_step", "False"},
                                  {"logging_steps", "500"},
                                  {"logging_nan_inf_filter", "True"},
                                  {"save_strategy", "steps"},
                                  {"save_steps", "500"},
                                  {"save_total_limit", ""},
                                  {"save_on_each_node", "False"},
                                  {"no_cuda", "False"},
                                  {"use_mps_device", "False"},
                                  {"seed", "42"},
                                  {"data_seed", ""},
                                  {"jit_mode_eval", "False"},
                                  {"use_ipex", "False"},
                                  {"bf16", "False"},
                                  {"fp16", "False"},
                                  {"fp16_opt_level", "O1"},
                                  {"half_precision_backend", "auto"},
                                  {"bf16_full_eval", "False"},
                                  {"fp16_full_eval", "False"},
                                  {"tf32", ""},
                                  {"local_rank", "-1"},
                                  {"xpu_backend", ""},
                                  {"tpu_num_cores", ""},
                                  {"tpu_metrics_debug", "False"},
                                  {"debug", ""},
                                  {"dataloader_drop_last", "False"},
                                  {"eval_steps", ""},
                                  {"dataloader_num_workers", "0"},
                                  {"past_index", "-1"},
                                  {"run_name", ""},
                                  {"disable_tqdm", ""},
                                  {"remove_unused_columns", "True"},
                                  {"label_names", ""},
                                  {"load_best_model_at_end", "False"},
                                  {"metric_for_best_model", ""},
                                  {"greater_is_better", ""},
                                  {"ignore_data_skip", "False"},
                                  {"sharded_ddp", ""},
                                  {"fsdp", ""},
                                  {"fsdp_min_num_params", "0"},
                                  {"fsdp_transformer_layer_cls_to_wrap", ""},
                                  {"deepspeed", ""},
                                  {"label_smoothing_factor", "0.0"},
                                  {"optim", "adamw_torch_fused"},
                                  {"adafactor", "False"},
                                  {"group_by_length", "False"},
                                  {"length_column_name", "length"},
                                  {"report_to", ""},
                                  {"ddp_find_unused_parameters", ""},
                                  {"ddp_bucket_cap_mb", ""},
                                  {"dataloader_pin_memory", "True"},
                                  {"skip_memory_metrics", "True"},
                                  {"use_legacy_prediction_loop", "False"},
                                  {"push_to_hub", "False"},
                                  {"resume_from_checkpoint", ""},
                                  {"hub_model_id", ""},
                                  {"hub_strategy", "every_save"},
                                  {"hub_token", ""},
                                  {"hub_private_repo", "False"},
                                  {"gradient_checkpointing", "False"},
                                  {"include_inputs_for_metrics", "False"},
                                  {"fp16_backend", "auto"},
                                  {"push_to_hub_model_id", ""},
                                  {"push_to_hub_organization", ""},
                                  {"push_to_hub_token", ""},
                                  {"_n_gpu", "-1"},
                                  {"mp_parameters", ""},
                                  {"auto_find_batch_size", "False"},
                                  {"full_determinism", "False"},
                                  {"torchdynamo", ""},
                                  {"ray_scope", "last"},
                                  {"ddp_timeout", "1800"}};

// Those that 5.x added.
constexpr Known kTraining5[] = {{"lr_scheduler_kwargs", ""},
                                {"optim_args", ""},
                                {"optim_target_modules", ""},
                                {"average_tokens_across_devices", "True"},
                                {"activation_checkpointing", ""},
                                {"activation_checkpointing_kwargs", ""},
                                {"gradient_checkpointing_kwargs", ""},
                                {"torch_compile", "False"},
                                {"torch_compile_backend", ""},
                                {"torch_compile_mode", ""},
                                {"use_liger_kernel", "False"},
                                {"liger_kernel_config", ""},
                                {"use_cache", "False"},
                                {"neftune_noise_alpha", ""},
                                {"torch_empty_cache_steps", ""},
                                {"include_num_input_tokens_seen", "no"},
                                {"project", "huggingface"},
                                {"trackio_space_id", ""},
                                {"trackio_bucket_id", ""},
                                {"trackio_static_space_id", ""},
                                {"eval_strategy", "no"},
                                {"eval_on_start", "False"},
                                {"eval_do_concat_batches", "True"},
                                {"eval_use_gather_object", "False"},
                                {"include_for_metrics", ""},
                                {"batch_eval_metrics", "False"},
                                {"save_only_model", "False"},
                                {"enable_jit_checkpoint", "False"},
                                {"hub_always_push", "False"},
                                {"hub_revision", ""},
                                {"restore_callback_states_from_checkpoint", "False"},
                                {"use_cpu", "False"},
                                {"accelerator_config", ""},
                                {"parallelism_config", ""},
                                {"dataloader_persistent_workers", "False"},
                                {"dataloader_prefetch_factor", ""},
                                {"dataloader_multiprocessing_context", ""},
                                {"dataloader_in_order", "True"},
                                {"train_sampling_strategy", "random"},
                                {"ddp_broadcast_buffers", ""},
                                {"ddp_static_graph", ""},
                                {"ddp_backend", ""},
                                {"fsdp_config", ""}};

// ModelArguments and DataTrainingArguments of run_qa.py, 4.24.0 and 5.x.
constexpr Known kRunQa[] = {{"model_name_or_path", ""},
                            {"config_name", ""},
                            {"tokenizer_name", ""},
                            {"cache_dir", ""},
                            {"model_revision", "main"},
                            {"use_auth_token", "False"},
                            {"token", ""},
                            {"trust_remote_code", "False"},
                            {"dataset_name", ""},
                            {"dataset_config_name", ""},
                            {"train_file", ""},
                            {"validation_file", ""},
                            {"test_file", ""},
                            {"overwrite_cache", "False"},
                            {"preprocessing_num_workers", ""},
                            {"max_seq_length", "384"},
                            {"pad_to_max_length", "True"},
                            {"max_train_samples", ""},
                            {"max_eval_samples", ""},
                            {"max_predict_samples", ""},
                            {"version_2_with_negative", "False"},
                            {"null_score_diff_threshold", "0.0"},
                            {"doc_stride", "128"},
                            {"n_best_size", "20"},
                            {"max_answer_length", "30"}};

/// A complete command line and more flags.
std::vector<std::string> with(std::vector<std::string> more) {
  std::vector<std::string> args = {"--model_name_or_path", "m",     "--output_dir", "o",
                                   "--dataset_name",       "squad", "--do_train"};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

RunFlags parse(std::vector<std::string> more) { return parse_run_flags(with(std::move(more))); }

std::string failure_of(const std::vector<std::string>& args) {
  try {
    parse_run_flags(args);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::kUsage);
    return e.what();
  }
  return "";
}

std::string failure(std::vector<std::string> more) { return failure_of(with(std::move(more))); }

const FlagSpec* spec_of(const FlagSet& set, const std::string& name) {
  for (const FlagSpec& spec : set.flags())
    if (spec.name == name || std::find(spec.aliases.begin(), spec.aliases.end(), name) != spec.aliases.end()) return &spec;
  return nullptr;
}

bool same_value(const std::string& a, const std::string& b) {
  if (a == b) return true;
  char *end_a = nullptr, *end_b = nullptr;
  const double x = std::strtod(a.c_str(), &end_a), y = std::strtod(b.c_str(), &end_b);
  return !a.empty() && !b.empty() && *end_a == 0 && *end_b == 0 && x == y;
}

TEST(TrainFlags, EveryHuggingFaceFlagIsKnownWithItsDefault) {
  RunFlags flags;
  FlagSet set;
  flags.visit(set);
  const auto check = [&](std::span<const Known> all) {
    for (const Known& known : all) {
      const FlagSpec* const spec = spec_of(set, known.name);
      ASSERT_NE(spec, nullptr) << known.name;
      // Deprecated spellings of the batch sizes stand for the flags that replaced them.
      if (std::string(known.name).starts_with("per_gpu_")) continue;
      EXPECT_TRUE(same_value(spec->default_text, known.default_text)) << known.name << ": " << spec->default_text;
    }
  };
  EXPECT_EQ(std::size(kTraining424), 102u);
  check(kTraining424);
  check(kTraining5);
  check(kRunQa);
}

TEST(TrainFlags, NamesAreUnique) {
  RunFlags flags;
  FlagSet set;
  flags.visit(set);
  std::vector<std::string> names;
  for (const FlagSpec& spec : set.flags()) {
    names.push_back(spec.name);
    names.insert(names.end(), spec.aliases.begin(), spec.aliases.end());
    for (const auto& item : spec.switches) names.push_back(item.first);
    EXPECT_FALSE(spec.help.empty() && spec.note.empty()) << spec.name;
    EXPECT_FALSE(spec.group.empty()) << spec.name;
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  EXPECT_EQ(twice, names.end()) << *twice;
}

TEST(TrainFlags, DefaultsAreAcceptedAsValues) {
  RunFlags flags;
  FlagSet set;
  flags.visit(set);
  for (const FlagSpec& spec : set.flags()) {
    if (spec.default_text.empty()) continue;
    EXPECT_EQ(failure({"--do_eval", "--" + spec.name + "=" + spec.default_text}), "") << spec.name;
  }
}

TEST(TrainFlags, TheRecipeVerbatim) {
  const RunFlags f = parse_run_flags(std::vector<std::string>{
      "--model_name_or_path", "distilbert-base-uncased", "--dataset_name", "squad", "--do_train", "--do_eval",
      "--per_device_train_batch_size", "32", "--num_train_epochs", "1", "--output_dir", "/tmp/debug_squad/",
      "--overwrite_output_dir", "--use_ipex", "--bf16", "--no_cuda", "--xpu_backend", "ccl"});
  EXPECT_EQ(f.model.model_name_or_path, "distilbert-base-uncased");
  EXPECT_EQ(f.data.dataset_name, "squad");
  EXPECT_TRUE(f.train.do_train && f.train.do_eval && f.train.overwrite_output_dir && f.train.bf16);
  EXPECT_FALSE(f.train.do_predict);
  EXPECT_EQ(f.train.per_device_train_batch_size, 32);
  EXPECT_EQ(f.train.num_train_epochs, 1);
  EXPECT_EQ(f.train.output_dir, "/tmp/debug_squad/");
  EXPECT_EQ(f.padding, PaddingMode::kPacked);
  EXPECT_EQ(f.leaves, 1);
  EXPECT_THAT(f.notes, ElementsAre("--use_ipex has no effect: tilefit's kernels are built in.",
                                   "--no_cuda has no effect: tilefit computes on the CPU only.",
                                   "--xpu_backend has no effect: training runs as one process for now."));
}

TEST(TrainFlags, TheRecipeOfTheExampleScript) {
  const RunFlags f = parse({"--do_eval", "--max_seq_length", "384", "--doc_stride", "128", "--learning_rate", "3e-5"});
  EXPECT_EQ(f.data.max_seq_length, 384);
  EXPECT_EQ(f.data.doc_stride, 128);
  EXPECT_EQ(f.train.learning_rate, 3e-5);
  EXPECT_THAT(f.notes, IsEmpty());
  EXPECT_THAT(f.given, Contains(Pair("learning_rate", "3e-05")));
  EXPECT_TRUE(f.is_given("doc_stride"));
  EXPECT_FALSE(f.is_given("seed"));
}

TEST(TrainFlags, OldAndNewNamesAreOneFlag) {
  EXPECT_EQ(parse({"--evaluation_strategy", "epoch"}).train.eval_strategy, "epoch");
  EXPECT_EQ(parse({"--eval_strategy", "epoch"}).train.eval_strategy, "epoch");
  EXPECT_EQ(parse({"--per_gpu_train_batch_size", "4"}).train.per_device_train_batch_size, 4);
  EXPECT_THAT(parse({"--use_cpu"}).notes, ElementsAre("--no_cuda has no effect: tilefit computes on the CPU only."));
  EXPECT_THAT(parse({"--ddp_backend", "gloo"}).notes,
              ElementsAre("--xpu_backend has no effect: training runs as one process for now."));
  EXPECT_THAT(parse({"--no_dataloader_pin_memory"}).notes, ElementsAre(HasSubstr("--dataloader_pin_memory has no effect")));
}

TEST(TrainFlags, PaddingOfBothNames) {
  EXPECT_EQ(parse({}).padding, PaddingMode::kPacked);
  EXPECT_EQ(parse({"--pad_to_max_length"}).padding, PaddingMode::kMaxLength);
  EXPECT_EQ(parse({"--pad_to_max_length", "True"}).padding, PaddingMode::kMaxLength);
  EXPECT_EQ(parse({"--pad_to_max_length", "false"}).padding, PaddingMode::kLongest);
  EXPECT_EQ(parse({"--no_pad_to_max_length"}).padding, PaddingMode::kLongest);
  EXPECT_EQ(parse({"--padding", "longest"}).padding, PaddingMode::kLongest);
  EXPECT_EQ(parse({"--padding", "max_length"}).padding, PaddingMode::kMaxLength);
  EXPECT_EQ(parse({"--padding", "packed", "--pad_to_max_length", "false"}).padding, PaddingMode::kPacked);
  EXPECT_EQ(failure({"--padding", "packed", "--pad_to_max_length", "true"}),
            "--pad_to_max_length true and --padding packed contradict each other. Try: only one of them");
  EXPECT_THAT(failure({"--padding", "max_length", "--no_pad_to_max_length"}), HasSubstr("contradict each other"));
  EXPECT_EQ(failure({"--padding", "packd"}),
            "--padding: 'packd' is not one of packed, longest, max_length. Did you mean packed?");
}

TEST(TrainFlags, SamplingAndBatches) {
  EXPECT_EQ(parse({}).sampling, SamplingStrategy::kRandom);
  EXPECT_EQ(parse({"--group_by_length"}).sampling, SamplingStrategy::kGroupByLength);
  EXPECT_EQ(parse({"--train_sampling_strategy", "group_by_length"}).sampling, SamplingStrategy::kGroupByLength);
  EXPECT_EQ(parse({"--train_sampling_strategy", "sequential"}).sampling, SamplingStrategy::kSequential);
  EXPECT_THAT(failure({"--group_by_length", "--train_sampling_strategy", "sequential"}), HasSubstr("contradict each other"));
  EXPECT_EQ(parse({"--data_order", "hf4.24"}).data_order, DataOrder::kHf4);
  EXPECT_EQ(parse({}).data_order, DataOrder::kHf5);
  EXPECT_EQ(parse({"--gradient_accumulation_steps", "3"}).leaves, 3);
  EXPECT_EQ(parse({"--total_train_batch_size", "32"}).leaves, 4);
  EXPECT_EQ(parse({"--total_train_batch_size", "32", "--gradient_accumulation_steps", "4"}).leaves, 4);
  EXPECT_EQ(failure({"--total_train_batch_size", "12"}),
            "--total_train_batch_size 12 is not a multiple of --per_device_train_batch_size 8");
  EXPECT_THAT(
      failure({"--total_train_batch_size", "32", "--gradient_accumulation_steps", "2"}),
      HasSubstr(
          "--total_train_batch_size 32 contradicts --per_device_train_batch_size 8 times --gradient_accumulation_steps 2"));
}

TEST(TrainFlags, OptimizersAndTheirSettings) {
  for (const char* name : {"adamw_hf", "adamw_torch", "adamw_torch_fused", "sgd"})
    EXPECT_EQ(parse({"--optim", name}).train.optim, name);
  EXPECT_EQ(failure({"--optim", "lion_8bit"}),
            "--optim: 'lion_8bit' is not done yet; today there are adamw_hf, adamw_torch, adamw_torch_fused, sgd");
  EXPECT_EQ(failure({"--optim", "adamw_trch"}),
            "--optim: 'adamw_trch' is not one of adamw_hf, adamw_torch, adamw_torch_fused, sgd. Did you mean adamw_torch?");
  EXPECT_THAT(parse({"--optim", "sgd", "--optim_args", "momentum=0.9, nesterov=True"}).optim_args,
              ElementsAre(Pair("momentum", 0.9), Pair("nesterov", 1)));
  EXPECT_THAT(parse({}).optim_args, IsEmpty());
  EXPECT_EQ(failure({"--optim", "sgd", "--optim_args", "momentum"}),
            "--optim_args: 'momentum' is not of the form name=value");
  EXPECT_EQ(failure({"--optim", "sgd", "--optim_args", "momentum=0.9,"}), "--optim_args: '' is not of the form name=value");
  EXPECT_EQ(failure({"--optim", "sgd", "--optim_args", "momentum=x"}), "--optim_args: 'x' is not a value for momentum");
  EXPECT_THAT(failure({"--optim", "sgd", "--optim_args", "beta=1"}), HasSubstr("optimizer 'sgd' has no argument 'beta'"));
  EXPECT_THAT(failure({"--optim_args", "momentum=0.9"}),
              HasSubstr("optimizer 'adamw_torch_fused' has no argument 'momentum'"));
  EXPECT_THAT(failure({"--optim", "sgd", "--optim_args", "nesterov=True"}), HasSubstr("nesterov needs a momentum above 0"));
  EXPECT_EQ(failure({"--adafactor"}), "--adafactor: Adafactor is not done yet. Try: --optim adamw_hf");
}

TEST(TrainFlags, Schedules) {
  for (const std::string& name : schedule_names())
    EXPECT_EQ(parse({"--lr_scheduler_type", name}).train.lr_scheduler_type, name);
  EXPECT_THAT(failure({"--lr_scheduler_type", "greedy"}), HasSubstr("'greedy' is not done yet; today there are linear"));
  EXPECT_EQ(parse({"--lr_scheduler_kwargs", "{\"num_cycles\": 2}"}).lr_scheduler_kwargs()["num_cycles"], 2);
  EXPECT_TRUE(parse({}).lr_scheduler_kwargs().is_null());
  EXPECT_THAT(failure({"--lr_scheduler_kwargs", "{"}), HasSubstr("--lr_scheduler_kwargs:1:"));
  EXPECT_EQ(failure({"--lr_scheduler_kwargs", "[1]"}), "--lr_scheduler_kwargs: '[1]' is not a JSON object");
  EXPECT_EQ(parse({"--warmup_steps", "0.1"}).train.warmup_steps, 0.1);
  EXPECT_THAT(failure({"--warmup_steps", "1.5"}), HasSubstr("--warmup_steps 1.5: must be a whole number, or a fraction"));
  EXPECT_THAT(failure({"--warmup_ratio", "2"}), HasSubstr("--warmup_ratio 2: must be between 0 and 1"));
  EXPECT_THAT(failure({"--logging_steps", "2.5"}), HasSubstr("--logging_steps 2.5: must be a whole number"));
  EXPECT_THAT(failure({"--logging_steps", "0"}), HasSubstr("--logging_steps 0: must be above 0"));
  EXPECT_EQ(step_interval(500, 1000), 500);
  EXPECT_EQ(step_interval(0.1, 95), 10);
  EXPECT_EQ(step_interval(1, 95), 1);
  EXPECT_EQ(step_interval(0.5, 0), 1);
}

TEST(TrainFlags, RefusedBecauseTheResultWouldDiffer) {
  EXPECT_EQ(failure({"--fp16"}), "--fp16: half precision needs loss scaling and gains nothing on a CPU. Try: --bf16");
  EXPECT_EQ(failure({"--fp16", "False"}), "");
  EXPECT_THAT(failure({"--resume_from_checkpoint", "c"}), HasSubstr("not done yet. Try: --model_name_or_path"));
  EXPECT_THAT(failure({"--neftune_noise_alpha", "5"}), HasSubstr("NEFTune is not done yet"));
  EXPECT_THAT(parse({"--save_strategy", "epoch"}).notes,
              ElementsAre(HasSubstr("--save_strategy acts at the end of training only")));
  EXPECT_THAT(parse({"--save_strategy", "no"}).notes, IsEmpty());
  EXPECT_THAT(failure({"--load_best_model_at_end"}), HasSubstr("requires the save and eval strategy to match"));
}

TEST(TrainFlags, FlagsThatMissAPartner) {
  EXPECT_EQ(failure_of({}), "missing flags --model_name_or_path, --output_dir");
  EXPECT_EQ(failure_of({"--model_name_or_path", "m"}), "missing flag --output_dir");
  const std::vector<std::string> base = {"--model_name_or_path=m", "--output_dir=o"};
  const auto also = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return failure_of(more);
  };
  EXPECT_THAT(also({"--do_train"}), HasSubstr("Need either a dataset name or a training/validation file/test_file. Try: "));
  EXPECT_THAT(also({"--dataset_name", "squad"}),
              HasSubstr("There is nothing to do. Please pass `do_train`, `do_eval` and/or `do_predict`"));
  EXPECT_THAT(also({"--do_train", "--validation_file", "v"}), HasSubstr("--do_train requires a train dataset"));
  EXPECT_THAT(also({"--do_eval", "--train_file", "v"}), HasSubstr("--do_eval requires a validation dataset"));
  EXPECT_THAT(also({"--do_predict", "--train_file", "v"}), HasSubstr("--do_predict requires a test dataset"));
  EXPECT_EQ(also({"--do_predict", "--test_file", "v"}), "");
}

TEST(TrainFlags, AllFlagsFromAJsonFile) {
  const test::TempDir dir;
  const std::string path = dir / "args.json";
  write_file_atomic(
      path,
      R"({"model_name_or_path": "m", "output_dir": "o", "dataset_name": "squad", "do_train": true, "learning_rate": 3e-5,
    "num_train_epochs": 2, "pad_to_max_length": false, "evaluation_strategy": "no", "lr_scheduler_kwargs": {"num_cycles": 3},
    "fsdp_config": {"min_num_params": 0}, "report_to": ["tensorboard"], "max_train_samples": null})");
  const RunFlags f = parse_run_flags(std::vector<std::string>{path});
  EXPECT_EQ(f.train.num_train_epochs, 2);
  EXPECT_EQ(f.padding, PaddingMode::kLongest);
  EXPECT_EQ(f.lr_scheduler_kwargs()["num_cycles"], 3);
  EXPECT_EQ(f.data.max_train_samples, std::nullopt);
  EXPECT_THAT(f.notes, Contains(HasSubstr("--report_to has no effect")));
}

TEST(TrainFlags, RanksThatWouldTrainAloneAreStopped) {
  setenv("PMI_SIZE", "8", 1);
  const std::string message = failure({});
  unsetenv("PMI_SIZE");
  EXPECT_THAT(message, HasSubstr("a launcher started 8 processes (PMI_SIZE is set)"));
  setenv("PMI_SIZE", "1", 1);
  EXPECT_EQ(failure({}), "");
  unsetenv("PMI_SIZE");
}

TEST(TrainFlags, UnknownFlagsNameTheNearest) {
  EXPECT_EQ(failure({"--lerning_rate", "1"}), "unknown flag --lerning_rate. Did you mean --learning_rate?");
  EXPECT_THAT(failure({"--batch_size", "1"}), HasSubstr("per_device_train_batch_size"));
  EXPECT_EQ(failure({"--learning_rate", "7"}), "--learning_rate 7: must be between 0 and 1");
  EXPECT_EQ(failure({"--output", "/tmp/x"}), "--output: '/tmp/x' is not one of text, json");
  EXPECT_EQ(parse({"--json"}).tilefit.output, "json");
}

}  // namespace
}  // namespace tilefit
