// The declarations: name, help, range, choices, aliases and notes of every flag that the program reads.
// Order and grouping are those of help and docs/flags.md.
#include "tilefit/train/schedule.h"
#include "tilefit/train/train_flags.h"

namespace tilefit {
namespace {

constexpr double kMostTokens = 1 << 20;   ///< of one sequence
constexpr double kMostBatch = 1 << 20;    ///< examples
constexpr double kMostSeed = 4294967295;  ///< numpy's limit, which Hugging Face's set_seed has
constexpr double kMostThreads = 4000;

const char* const kEndOnly = "acts at the end of training only, for now: no checkpoint is written in between.";
const char* const kNoCheckpoints = "has no effect yet: no checkpoint is written before the end of training.";

}  // namespace

void ModelFlags::visit(FlagSet& v) {
  v.group("Model");
  v("model_name_or_path", model_name_or_path, "Folder with config.json, weights and tokenizer, or a model id of the hub.",
    Required{}, Meta{"MODEL"});
  v("config_name", config_name, "Folder or id to take config.json from, when it is not the model's.", Meta{"MODEL"});
  v("tokenizer_name", tokenizer_name, "Folder or id to take the tokenizer from, when it is not the model's.", Meta{"MODEL"});
  v("cache_dir", cache_dir,
    "Folder of the hub cache and of cached features; else those of HF_HUB_CACHE and HF_DATASETS_CACHE, of HF_HOME, or of "
    "~/.cache/huggingface.",
    Meta{"DIR"});
  v("model_revision", model_revision, "Branch, tag or commit of a model id.");
  v("token", token, "Access token for the hub; else HF_TOKEN.", Note{"has no effect yet: nothing is downloaded."});
}

void DataFlags::visit(FlagSet& v) {
  v.group("Data");
  v("dataset_name", dataset_name, "Data set by name (squad, squad_v2).");
  v("dataset_config_name", dataset_config_name, "Configuration of the data set.");
  v("train_file", train_file, "Training data: JSON (SQuAD's form or flat rows), JSONL or CSV; may be gzipped.",
    Meta{"FILE"});
  v("validation_file", validation_file, "Data for --do_eval, in the same forms.", Meta{"FILE"});
  v("test_file", test_file, "Data for --do_predict, in the same forms.", Meta{"FILE"});
  v("overwrite_cache", overwrite_cache, "Build features anew instead of taking those that an earlier run cached.");
  v("preprocessing_num_workers", preprocessing_num_workers, "Threads that build features; else --num_threads.",
    Range{1, kMostThreads});
  v("max_seq_length", max_seq_length, "Longest feature in tokens; a longer context is cut into overlapping features.",
    Range{1, kMostTokens});
  v("doc_stride", doc_stride, "Tokens by which the features of one context overlap.", Range{0, kMostTokens});
  v("pad_to_max_length", pad_to_max_length,
    "Given as true: --padding max_length; given as false: --padding longest; not given: --padding decides.");
  v("max_train_samples", max_train_samples, "Use only so many training examples.", Range{1});
  v("max_eval_samples", max_eval_samples, "Use only so many evaluation examples.", Range{1});
  v("max_predict_samples", max_predict_samples, "Use only so many prediction examples.", Range{1});
  v("version_2_with_negative", version_2_with_negative, "Some questions have no answer (SQuAD 2.0).");
  v("null_score_diff_threshold", null_score_diff_threshold,
    "Answer with nothing when its score exceeds the best answer's by more than this (SQuAD 2.0).");
  v("n_best_size", n_best_size, "Candidates kept in nbest_predictions.json.", Range{1, kMostTokens});
  v("max_answer_length", max_answer_length, "Longest answer in tokens.", Range{1, kMostTokens});
}

namespace {

void visit_run(TrainFlags& f, FlagSet& v) {
  v.group("Run");
  v("output_dir", f.output_dir, "Folder for the model, metrics and predictions.", Required{}, Meta{"DIR"});
  v("overwrite_output_dir", f.overwrite_output_dir, "Write into a folder that is not empty.");
  v("do_train", f.do_train, "Train.");
  v("do_eval", f.do_eval, "Evaluate on the validation data.");
  v("do_predict", f.do_predict, "Predict answers for the test data.");
  v("seed", f.seed, "Seed of data order, dropout and new weights.", Range{0, kMostSeed});
  v("data_seed", f.data_seed, "Seed of the data order; else --seed.", Range{0, kMostSeed});
  v("bf16", f.bf16, "Compute in bfloat16 with fp32 sums and master weights.");
  const char* const half = "half precision needs loss scaling and gains nothing on a CPU";
  v("fp16", v.own(false), "Compute in half precision.", Refused{half, "--bf16"});
  v("fp16_full_eval", v.own(false), "Evaluate in half precision.", Refused{half, "--bf16_full_eval"});
  v("bf16_full_eval", f.bf16_full_eval, "Evaluate in bfloat16, whatever training does.");
}

void visit_batches(TrainFlags& f, FlagSet& v) {
  v.group("Batches");
  v("per_device_train_batch_size", f.per_device_train_batch_size, "Training examples of one micro-batch.",
    Range{1, kMostBatch}, Alias{"per_gpu_train_batch_size"});
  v("per_device_eval_batch_size", f.per_device_eval_batch_size, "Examples of one evaluation batch.", Range{1, kMostBatch},
    Alias{"per_gpu_eval_batch_size"});
  v("gradient_accumulation_steps", f.gradient_accumulation_steps, "Micro-batches added up before the weights change.",
    Range{1, kMostBatch});
  v("num_train_epochs", f.num_train_epochs, "Passes over the training data; may be a fraction.", Range{0, 1e6});
  v("max_steps", f.max_steps, "Optimizer steps in all; above 0 it replaces --num_train_epochs.", Range{-1, 1e12});
  v("dataloader_drop_last", f.dataloader_drop_last, "Leave out the last batch of an epoch when it is not full.");
  v("train_sampling_strategy", f.train_sampling_strategy, "Order of the training examples.",
    OneOf{"random", "sequential", "group_by_length"});
  v("group_by_length", f.group_by_length, "Short for --train_sampling_strategy group_by_length.");
}

void visit_optimizer(TrainFlags& f, FlagSet& v) {
  v.group("Optimizer and learning rate");
  v("learning_rate", f.learning_rate, "Peak learning rate of the schedule.", Range{0, 1});
  v("lr_scheduler_type", f.lr_scheduler_type, "Shape of the schedule.", OneOf{schedule_names()},
    NotYet{"reduce_lr_on_plateau", "greedy"});
  v("lr_scheduler_kwargs", f.lr_scheduler_kwargs, "Settings of the schedule as a JSON object, such as {\"num_cycles\": 2}.",
    Meta{"JSON"});
  v("warmup_steps", f.warmup_steps, "Steps over which the rate rises from 0; below 1: that share of all steps.",
    Range{0, 1e12});
  v("warmup_ratio", f.warmup_ratio, "Share of all steps to warm up over, when --warmup_steps is 0.", Range{0, 1});
  v("optim", f.optim,
    "Optimizer. adamw_hf is transformers 4's own (decay after the step, epsilon before the bias correction), the others are "
    "torch's.",
    OneOf{"adamw_hf", "adamw_torch", "adamw_torch_fused", "sgd"},
    NotYet{"adafactor",
           "adagrad",
           "rmsprop",
           "adamw_torch_xla",
           "adamw_torch_npu_fused",
           "adamw_apex_fused",
           "adamw_anyprecision",
           "adamw_torch_4bit",
           "adamw_torch_8bit",
           "ademamix",
           "adamw_bnb_8bit",
           "adamw_8bit",
           "ademamix_8bit",
           "lion_8bit",
           "lion_32bit",
           "paged_adamw_32bit",
           "paged_adamw_8bit",
           "paged_ademamix_32bit",
           "paged_ademamix_8bit",
           "paged_lion_32bit",
           "paged_lion_8bit",
           "rmsprop_bnb",
           "rmsprop_bnb_8bit",
           "rmsprop_bnb_32bit",
           "galore_adamw",
           "galore_adamw_8bit",
           "galore_adafactor",
           "galore_adamw_layerwise",
           "galore_adamw_8bit_layerwise",
           "galore_adafactor_layerwise",
           "lomo",
           "adalomo",
           "grokadamw",
           "schedule_free_radam",
           "schedule_free_adamw",
           "schedule_free_sgd",
           "apollo_adamw",
           "apollo_adamw_layerwise",
           "stable_adamw"});
  v("optim_args", f.optim_args, "Settings of the optimizer, such as momentum=0.9,nesterov=True.", Meta{"NAME=VALUE,..."});
  v("weight_decay", f.weight_decay,
    "Weight decay of all weights but biases and LayerNorm; AdamW decouples it, sgd adds it to the gradient.", Range{0});
  v("adam_beta1", f.adam_beta1, "Decay of AdamW's first moment.", Range{0, 1, true});
  v("adam_beta2", f.adam_beta2, "Decay of AdamW's second moment.", Range{0, 1, true});
  v("adam_epsilon", f.adam_epsilon, "AdamW's epsilon.", Range{0});
  v("adafactor", v.own(false), "Use Adafactor.", Refused{"Adafactor is not done yet", "--optim adamw_hf"});
  v("neftune_noise_alpha", v.own(std::optional<double>()), "Noise added to embeddings.",
    Refused{"NEFTune is not done yet", "leaving it out"});
  v("max_grad_norm", f.max_grad_norm, "Gradients are scaled down to this norm; 0: never.", Range{0});
}

void visit_reports(TrainFlags& f, FlagSet& v) {
  v.group("Log, evaluation and checkpoints");
  v("log_level", f.log_level, "Least severe lines shown; passive is info.",
    OneOf{"detail", "debug", "info", "warning", "error", "critical", "passive"});
  v("logging_strategy", f.logging_strategy, "When the loss is logged.", OneOf{"no", "steps", "epoch"});
  v("logging_steps", f.logging_steps, "Steps between two log lines; below 1: that share of all steps.", Range{0, 1e12});
  v("logging_first_step", f.logging_first_step, "Log the first step too.");
  v("disable_tqdm", f.disable_tqdm, "Show no progress bar; else it is shown unless --log_level is above info.");
  v("eval_strategy", f.eval_strategy, "When to evaluate during training.", OneOf{"no", "steps", "epoch"},
    Alias{"evaluation_strategy"});
  v("eval_steps", f.eval_steps, "Steps between two evaluations; else --logging_steps.", Range{0, 1e12});
  v("eval_delay", f.eval_delay, "Steps or epochs before the first evaluation.", Range{0, 1e12});
  v("eval_on_start", f.eval_on_start, "Evaluate before training.");
  v("save_strategy", f.save_strategy, "When to save.", OneOf{"no", "steps", "epoch"}, NotYet{"best"}, Note{kEndOnly, "no"});
  v("save_steps", f.save_steps, "Steps between two checkpoints.", Range{0, 1e12}, Note{kNoCheckpoints});
  v("save_total_limit", f.save_total_limit, "Checkpoints kept.", Range{1}, Note{kNoCheckpoints});
  v("save_only_model", f.save_only_model, "Checkpoints without optimizer state.", Note{kNoCheckpoints});
  v("load_best_model_at_end", f.load_best_model_at_end, "End with the best checkpoint.",
    Note{"has no effect yet: the last model is the one that is kept."});
  v("metric_for_best_model", f.metric_for_best_model, "What makes a checkpoint the best.", Note{kNoCheckpoints});
  v("greater_is_better", f.greater_is_better, "Whether the metric should grow.", Note{kNoCheckpoints});
  v("resume_from_checkpoint", f.resume_from_checkpoint, "Checkpoint folder to continue from.", Meta{"DIR"},
    Refused{"continuing from a checkpoint is not done yet",
            "--model_name_or_path with that folder, to start from its weights"});
  v("ignore_data_skip", f.ignore_data_skip, "Do not skip the data seen before a resume.", Note{kNoCheckpoints});
  v("gradient_checkpointing", f.gradient_checkpointing, "Recompute activations in the backward pass to save memory.");
}

}  // namespace

void TrainFlags::visit(FlagSet& v) {
  visit_run(*this, v);
  visit_batches(*this, v);
  visit_optimizer(*this, v);
  visit_reports(*this, v);
}

void TilefitFlags::visit(FlagSet& v) {
  v.group("tilefit's own");
  v("padding", padding,
    "How a batch is laid out: real tokens only, or padded as Hugging Face does (same arithmetic, slower).",
    OneOf{"packed", "longest", "max_length"});
  v("data_order", data_order, "Whose shuffling to repeat: transformers 5.x or 4.24.", OneOf{"hf5", "hf4.24"});
  v("total_train_batch_size", total_train_batch_size,
    "Examples of one optimizer step; a multiple of --per_device_train_batch_size, in place of "
    "--gradient_accumulation_steps.",
    Range{1, kMostBatch});
  v("balance_leaves", balance_leaves,
    "Deal the examples of a step to its micro-batches by length, so that each costs the same; on with several "
    "micro-batches.");
  v("on_nan", on_nan, "When loss or gradient is not finite: leave the step out and count it, or stop.",
    OneOf{"skip", "stop"});
  v("num_threads", num_threads, "Compute threads; else OMP_NUM_THREADS, else one per physical core.",
    Range{1, kMostThreads});
  v("dropout", dropout, "Replaces every dropout probability of config.json.", Range{0, 1, true});
  v("head_weights", head_weights,
    "safetensors file whose tensors (such as qa_outputs.weight) replace the model's before training.", Meta{"FILE"});
  v("profile", profile,
    "Times the parts of a training step: a table on stderr when training ends, and the first steps as OUTPUT_DIR/trace.json "
    "for "
    "ui.perfetto.dev.");
  v("output", output, "Form of the final metrics on stdout.", OneOf{"text", "json"}, Switch{"json", "json"});
}

void RunFlags::visit(FlagSet& v) {
  model.visit(v);
  data.visit(v);
  train.visit(v);
  tilefit.visit(v);
  ignored_flags(v);
}

}  // namespace tilefit
