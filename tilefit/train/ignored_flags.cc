// Flags of transformers 4.24 to 5.x that tilefit accepts, so that existing command lines run, and that change nothing here.
// Grouped by the reason, which is said once when the flag is given.
#include "tilefit/train/train_flags.h"

namespace tilefit {
namespace {

using Text = std::optional<std::string>;
using List = std::vector<std::string>;

void ignore_hardware(FlagSet& v) {
  v.ignored("use_ipex", false, "tilefit's kernels are built in.");
  v.ignored("no_cuda", false, "tilefit computes on the CPU only.", Alias{"use_cpu"});
  for (const char* name : {"use_mps_device", "tpu_metrics_debug", "use_liger_kernel"})
    v.ignored(name, false, "tilefit computes on the CPU only.");
  for (const char* name : {"tpu_num_cores", "torch_empty_cache_steps"})
    v.ignored(name, std::optional<int>(), "tilefit computes on the CPU only.");
  v.ignored("tf32", std::optional<bool>(), "tf32 is a format of GPUs.");
  v.ignored("liger_kernel_config", Text(), "tilefit computes on the CPU only.");
  v.ignored("_n_gpu", -1, "tilefit computes on the CPU only.");
  v.ignored("dataloader_pin_memory", true, "there is no device to copy batches to.");
  v.ignored("fp16_opt_level", std::string("O1"), "it belongs to --fp16.", OneOf{"O0", "O1", "O2", "O3"});
  for (const char* name : {"half_precision_backend", "fp16_backend"})
    v.ignored(name, std::string("auto"), "it belongs to --fp16.", OneOf{"auto", "cuda_amp", "apex", "cpu_amp"});
}

void ignore_compilers(FlagSet& v) {
  for (const char* name : {"jit_mode_eval", "torch_compile"})
    v.ignored(name, false, "there is nothing to compile: the kernels are built in.");
  for (const char* name : {"torch_compile_backend", "torch_compile_mode", "torchdynamo"})
    v.ignored(name, Text(), "there is nothing to compile: the kernels are built in.");
}

void ignore_distribution(FlagSet& v) {
  const char* const one = "training runs as one process for now.";
  v.ignored("xpu_backend", Text(), one, OneOf{"ccl", "mpi", "gloo"}, Alias{"ddp_backend"});
  v.ignored("local_rank", -1, one, Range{-1, 1e6});
  v.ignored("ddp_bucket_cap_mb", std::optional<int>(), one, Range{1, 1e6});
  v.ignored("ddp_timeout", std::optional<int>(1800), one, Range{0});
  for (const char* name : {"ddp_find_unused_parameters", "ddp_broadcast_buffers", "ddp_static_graph"})
    v.ignored(name, std::optional<bool>(), one);
  for (const char* name : {"save_on_each_node", "eval_use_gather_object"}) v.ignored(name, false, one);
  for (const char* name : {"log_on_each_node", "average_tokens_across_devices"}) v.ignored(name, true, one);
  v.ignored("log_level_replica", std::string("passive"), one,
            OneOf{"detail", "debug", "info", "warning", "error", "critical", "passive"});
  const char* const whole = "the model and its optimizer state fit into one process's memory.";
  for (const char* name : {"fsdp", "sharded_ddp"}) v.ignored(name, std::string(), whole);
  for (const char* name :
       {"deepspeed", "fsdp_config", "fsdp_transformer_layer_cls_to_wrap", "accelerator_config", "parallelism_config"})
    v.ignored(name, Text(), whole);
  v.ignored("mp_parameters", std::string(), whole);
  for (const char* name : {"fsdp_min_num_params", "tp_size"}) v.ignored(name, 0, whole);
}

void ignore_data(FlagSet& v) {
  const char* const ready = "features are built before training and batches cost nothing to load.";
  v.ignored("dataloader_num_workers", 0, ready, Range{0});
  v.ignored("dataloader_prefetch_factor", std::optional<int>(), ready);
  v.ignored("dataloader_persistent_workers", false, ready);
  v.ignored("dataloader_multiprocessing_context", Text(), ready);
  v.ignored("dataloader_in_order", true, ready);
  v.ignored("dispatch_batches", std::optional<bool>(), ready);
  v.ignored("split_batches", std::optional<bool>(), ready);
  const char* const columns = "the task knows which columns it needs.";
  v.ignored("remove_unused_columns", true, columns);
  v.ignored("label_names", List(), columns);
  v.ignored("length_column_name", std::string("length"), "lengths are taken from the features.");
  v.ignored("trust_remote_code", false, "tilefit runs no code from the hub.");
  v.ignored("use_auth_token", false, "nothing is downloaded yet.");
}

void ignore_training(FlagSet& v) {
  v.ignored("label_smoothing_factor", 0.0, "question answering has no smoothed labels, in Hugging Face's Trainer neither.",
            Range{0, 1, true});
  v.ignored("optim_target_modules", List(), "it belongs to optimizers that are not done yet.");
  for (const char* name : {"auto_find_batch_size", "use_legacy_prediction_loop", "use_cache", "enable_jit_checkpoint"})
    v.ignored(name, false, "it has no counterpart here.");
  v.ignored("full_determinism", false, "every run is deterministic.");
  v.ignored("past_index", -1, "encoders have no past.");
  v.ignored("activation_checkpointing", std::optional<bool>(), "activations are kept.");
  for (const char* name : {"activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"})
    v.ignored(name, Text(), "activations are kept.");
  v.ignored("restore_callback_states_from_checkpoint", false, "there are no callbacks to restore.");
  v.ignored("logging_nan_inf_filter", true, "--on_nan decides what happens to such a step.");
  v.ignored("save_safetensors", true, "weights are always written as safetensors.");
}

void ignore_evaluation(FlagSet& v) {
  const char* const whole = "evaluation always makes predictions and metrics, in the memory it needs.";
  for (const char* name : {"prediction_loss_only", "include_inputs_for_metrics", "batch_eval_metrics"})
    v.ignored(name, false, whole);
  v.ignored("eval_do_concat_batches", true, whole);
  v.ignored("eval_accumulation_steps", std::optional<int>(), whole);
  v.ignored("include_for_metrics", List(), whole);
}

void ignore_reports(FlagSet& v) {
  const char* const files = "the log goes to stderr and the metrics to files in --output_dir.";
  v.ignored("report_to", List(), files);
  for (const char* name : {"logging_dir", "run_name", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id"})
    v.ignored(name, Text(), files);
  v.ignored("project", std::string("huggingface"), files);
  v.ignored("include_num_input_tokens_seen", std::string("no"), files);
  v.ignored("include_tokens_per_second", false, "tokens per second are always reported.");
  v.ignored("skip_memory_metrics", true, files);
  v.ignored("debug", std::string(), "--on_nan finds values that are not finite.");
  v.ignored("ray_scope", std::optional<std::string>("last"), "there is no hyper-parameter search.");
  const char* const local = "tilefit uploads nothing.";
  for (const char* name : {"push_to_hub", "hub_always_push"}) v.ignored(name, false, local);
  v.ignored("hub_private_repo", false, local);
  for (const char* name : {"hub_model_id", "hub_token", "hub_revision", "push_to_hub_model_id", "push_to_hub_organization",
                           "push_to_hub_token"})
    v.ignored(name, Text(), local);
  v.ignored("hub_strategy", std::string("every_save"), local, OneOf{"end", "every_save", "checkpoint", "all_checkpoints"});
}

}  // namespace

void ignored_flags(FlagSet& v) {
  ignore_hardware(v);
  ignore_compilers(v);
  ignore_distribution(v);
  ignore_data(v);
  ignore_training(v);
  ignore_evaluation(v);
  ignore_reports(v);
}

}  // namespace tilefit
