#include "tilefit/train/run_qa.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/base/log.h"
#include "tilefit/cpu/topology.h"
#include "tilefit/hub/repo_dir.h"
#include "tilefit/kernels/dispatch.h"
#include "tilefit/tasks/question_answering.h"
#include "tilefit/train/phase_report.h"
#include "tilefit/train/predict_qa.h"
#include "tilefit/train/qa_data.h"
#include "tilefit/train/qa_logits.h"
#include "tilefit/train/report.h"
#include "tilefit/train/trainer.h"

namespace tilefit {
namespace {

constexpr const char* kLog = "run_qa";
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Interval parse_interval(const std::string& name) {
  return name == "steps" ? Interval::kSteps : name == "epoch" ? Interval::kEpoch : Interval::kNo;
}

/// Paths of the three parts; "" for those that are not asked for.
struct DataPaths {
  std::string train, validation, test;
};

DataPaths resolve_data(const RunFlags& flags, const HubPaths& hub) {
  DataPaths paths;
  if (flags.data.dataset_name) {
    const DatasetFiles files = resolve_dataset(*flags.data.dataset_name, flags.data.dataset_config_name.value_or(""), hub);
    paths = {files.train, files.validation, ""};
  }
  if (flags.data.train_file) paths.train = *flags.data.train_file;
  if (flags.data.validation_file) paths.validation = *flags.data.validation_file;
  if (flags.data.test_file) paths.test = *flags.data.test_file;
  const auto need = [&](bool wanted, std::string& path, const char* what, const char* flag) {
    if (!wanted) path.clear();
    else if (path.empty())
      throw Error(Code::kUsage, fmt::format("--{} requires a {} dataset", flag, what), "",
                  fmt::format("--{}_file FILE", what));
  };
  need(flags.train.do_train, paths.train, "train", "do_train");
  need(flags.train.do_eval, paths.validation, "validation", "do_eval");
  need(flags.train.do_predict, paths.test, "test", "do_predict");
  return paths;
}

/// Says how long it took from the start to the first step.
class FirstStepTimer : public TrainCallback {
 public:
  explicit FirstStepTimer(Clock::time_point start) : start_(start) {}

  void on_begin(int64_t) override { begun_s_ = seconds_since(start_); }
  void on_step(const StepInfo&) override {
    if (!std::exchange(told_, true))
      log_info(kLog, "First step begun after {:.2f} s, done after {:.2f} s", begun_s_, seconds_since(start_));
  }

 private:
  Clock::time_point start_;
  double begun_s_ = 0;
  bool told_ = false;
};

/// One run: what several of its parts need.
class QaRun {
 public:
  QaRun(const RunFlags& flags, const RunOutput& output)
      : flags_(flags),
        output_(output),
        topology_(read_topology()),
        threads_(plan_threads(topology_, flags.tilefit.num_threads ? std::to_string(*flags.tilefit.num_threads).c_str()
                                                                   : std::getenv("OMP_NUM_THREADS"))),
        pool_(threads_.num_threads, threads_.cpus) {}

  Json run() {
    log_setup();
    if (flags_.train.do_train) check_output_dir(flags_.train.output_dir, flags_.train.overwrite_output_dir);
    HubPaths hub = HubPaths::from_environment();
    if (flags_.model.cache_dir) hub.hf_cache = hub.hf_datasets = *flags_.model.cache_dir;
    const DataPaths paths = resolve_data(flags_, hub);
    // Data first: most mistakes in it show before the model is read.
    QaData train = read("train", paths.train, {QaAnswers::kRequired, flags_.data.max_train_samples});
    QaData validation = read("validation", paths.validation, {QaAnswers::kTextsOnly, flags_.data.max_eval_samples});
    QaData test = read("test", paths.test, {QaAnswers::kOptional, flags_.data.max_predict_samples});
    load_model(hub);
    make_directories(flags_.train.output_dir);

    const QaFeatureCache cache(hub.hf_datasets.empty() ? "" : hub.hf_datasets + "/tilefit");
    build(train, cache, flags_.data.max_train_samples);
    build(validation, cache, flags_.data.max_eval_samples);
    build(test, cache, flags_.data.max_predict_samples);
    if (flags_.train.do_train) this->train(train, validation);
    if (flags_.train.do_eval) {
      log_info(kLog, "*** Evaluate ***");
      eval_metrics_ = evaluate(validation);
      finish_metrics("eval", eval_metrics_, flags_.data.max_eval_samples, validation);
    }
    if (flags_.train.do_predict) predict(test);
    write_model_card();
    return all_;
  }

 private:
  void log_setup() {
    log_warning(kLog, "Process rank: 0, device: cpu, n_gpu: 0, distributed training: False, 16-bits training: {}",
                flags_.train.bf16 ? "True" : "False");
    std::string given;
    for (const auto& [name, value] : flags_.given) given += fmt::format("\n  {}={}", name, value);
    log_info(kLog, "Training/evaluation parameters{}", given);
    for (const std::string& note : flags_.notes) log_warning_once(kLog, note);
    const bool bf16 = flags_.train.bf16 || flags_.train.bf16_full_eval;
    log_info(kLog, "{}",
             describe_machine(topology_, threads_, cpu_features(),
                              bf16 ? kernels::table<Bf16>().isa : kernels::table<float>().isa));
    if (bf16 && !kernels::native_bf16())
      log_warning_once(
          kLog,
          "this CPU has no bf16 instructions: activations and weights are kept in bf16, products are computed in fp32");
    if (!threads_.warning.empty()) log_warning(kLog, "{}", threads_.warning);
  }

  static QaData read(const char* what, const std::string& path, const QaReadOptions& reading) {
    return path.empty() ? QaData() : QaData(what, path, reading);
  }

  void load_model(const HubPaths& hub) {
    const std::string directory = resolve_model(flags_.model.model_name_or_path, hub, flags_.model.model_revision);
    if (flags_.model.config_name && resolve_model(*flags_.model.config_name, hub, flags_.model.model_revision) != directory)
      throw Error(Code::kUsage, "--config_name names another folder than --model_name_or_path, which is not supported", "",
                  "the config.json that belongs to the weights");
    const std::string tokenizer_directory =
        flags_.model.tokenizer_name ? resolve_model(*flags_.model.tokenizer_name, hub, flags_.model.model_revision)
                                    : directory;
    ModelOptions options;
    options.seed = static_cast<uint64_t>(flags_.train.seed);
    options.head_weights = flags_.tilefit.head_weights.value_or("");
    options.dropout = flags_.tilefit.dropout;
    model_.emplace(QuestionAnsweringModel::load(directory, options));
    tokenizer_ = load_tokenizer(tokenizer_directory);
    check_vocabulary(tokenizer_->vocab_size(), model_->vocab_size(), tokenizer_directory);

    layout_ = make_layout(flags_.data.max_seq_length, flags_.padding, *tokenizer_, *model_);
  }

  void build(QaData& data, const QaFeatureCache& cache, std::optional<int64_t> max_features) {
    QaFeatureOptions options;
    options.max_seq_length = static_cast<int>(layout_.max_seq_length);
    options.doc_stride = flags_.data.doc_stride;
    options.pad_to_max_length = flags_.padding == PaddingMode::kMaxLength;
    options.max_features = max_features;
    std::optional<ThreadPool> workers;
    if (flags_.data.preprocessing_num_workers) workers.emplace(*flags_.data.preprocessing_num_workers);
    data.build(*tokenizer_, options, cache, flags_.data.overwrite_cache, workers ? *workers : pool_);
  }

  TrainOptions train_options() const {
    const TrainFlags& f = flags_.train;
    TrainOptions options;
    options.layout = layout_;
    options.leaf_size = f.per_device_train_batch_size;
    options.leaves = flags_.leaves;
    options.drop_last = f.dataloader_drop_last;
    // Dealing changes which examples are padded together: only packed batches do it unasked.
    options.balance_leaves = flags_.tilefit.balance_leaves.value_or(flags_.padding == PaddingMode::kPacked);
    options.sampling.strategy = flags_.sampling;
    options.sampling.order = flags_.data_order;
    options.sampling.seed = static_cast<uint64_t>(f.seed);
    if (f.data_seed) options.sampling.data_seed = static_cast<uint64_t>(*f.data_seed);
    options.num_epochs = f.num_train_epochs;
    options.max_steps = f.max_steps;
    OptimizerOptions defaults;
    defaults.weight_decay = f.weight_decay;
    defaults.beta1 = f.adam_beta1;
    defaults.beta2 = f.adam_beta2;
    defaults.epsilon = f.adam_epsilon;
    options.optimizer = make_optimizer_options(f.optim, flags_.optim_args, defaults);
    options.learning_rate = f.learning_rate;
    options.schedule = f.lr_scheduler_type;
    options.schedule_settings = flags_.lr_scheduler_kwargs();
    options.warmup_steps = f.warmup_steps;
    options.warmup_ratio = f.warmup_ratio;
    options.max_grad_norm = f.max_grad_norm;
    options.seed = static_cast<uint64_t>(f.seed);
    options.dtype = train_dtype();
    options.recompute = f.gradient_checkpointing;
    options.skip_nonfinite = flags_.tilefit.on_nan == "skip";
    options.logging = parse_interval(f.logging_strategy);
    options.logging_steps = f.logging_steps;
    options.logging_first_step = f.logging_first_step;
    options.evaluation = f.do_eval ? parse_interval(f.eval_strategy) : Interval::kNo;
    options.eval_steps = f.eval_steps.value_or(f.logging_steps);
    options.eval_delay = f.eval_delay;
    options.eval_on_start = f.do_eval && f.eval_on_start;
    return options;
  }

  DType train_dtype() const { return flags_.train.bf16 ? DType::kBF16 : DType::kF32; }
  /// As in transformers: --bf16 evaluates in bf16 too.
  DType eval_dtype() const { return flags_.train.bf16_full_eval ? DType::kBF16 : train_dtype(); }

  bool show_progress() const { return !flags_.train.disable_tqdm.value_or(false); }

  void train(const QaData& data, const QaData& validation) {
    const TrainOptions options = train_options();
    trainer_.emplace(*model_, data.features, options, pool_);
    FirstStepTimer first_step(start_);
    Console console(output_, show_progress());
    trainer_->add_callback(first_step);  // before the console: its line stands above the progress
    trainer_->add_callback(console);
    trainer_->set_example_name([&](int64_t feature) {
      return data.example_ids[static_cast<size_t>(data.features[static_cast<size_t>(feature)].example)];
    });
    trainer_->set_evaluate([&] { return evaluate(validation); });

    const MemoryPlan& memory = trainer_->prepare_memory();
    log_info(kLog, "Memory for training: about {}", memory.text());
    if (const std::string warning = check_memory(memory, topology_.usable_memory_bytes()); !warning.empty())
      log_warning(kLog, "{}", warning);
    log_info("trainer", "***** Running training *****");
    log_info("trainer", "  Num examples = {}", with_thousands(std::ssize(data.features)));
    log_info("trainer", "  Num Epochs = {}", with_thousands(trainer_->num_epochs()));
    log_info("trainer", "  Instantaneous batch size per device = {}", with_thousands(options.leaf_size));
    log_info("trainer", "  Total train batch size (w. parallel, distributed & accumulation) = {}",
             with_thousands(options.leaf_size * options.leaves));
    log_info("trainer", "  Gradient Accumulation steps = {}", options.leaves);
    log_info("trainer", "  Total optimization steps = {}", with_thousands(trainer_->max_steps()));
    log_info("trainer", "  Number of trainable parameters = {}", with_thousands(model_->params().num_parameters()));

    constexpr int64_t kMostSpans = 20'000;  // a trace.json of some 2 MB
    Profile profile(flags_.tilefit.profile ? kMostSpans : 0);
    if (flags_.tilefit.profile) trainer_->set_profile(&profile);
    TrainResult result = trainer_->train();
    log_info("trainer", "Training completed.");
    trainer_->set_profile(nullptr);
    if (flags_.tilefit.profile) log_plain(write_profile(profile, pool_, options.dtype, flags_.train.output_dir));
    log_info(kLog, "Steps waited {:.1f} ms for their batches, {:.3f} % of the training time", 1e3 * result.batch_wait_s,
             100 * result.batch_wait_s / std::max(result.seconds, 1e-9));
    if (result.skipped_steps > 0)
      log_warning(kLog, "{} of {} steps were left out because loss or gradient was not finite", result.skipped_steps,
                  result.global_step);
    const std::string& directory = flags_.train.output_dir;
    log_info("trainer", "Saving model checkpoint to {}", directory);
    model_->save(directory);
    tokenizer_->save(directory);
    write_training_args();
    finish_metrics("train", result.metrics, flags_.data.max_train_samples, data);
    save_state();
  }

  /// Metrics of the validation data ("eval_..."); writes the predictions.
  Json evaluate(const QaData& data) {
    const auto start = Clock::now();
    const LogitStore logits = run_model(data, "Evaluation");
    const double seconds = seconds_since(start);
    const Evaluation evaluation = evaluate_qa(data.examples, data.features, logits.views(), postprocess_options(), pool_);
    write_results("eval", evaluation);
    return named_metrics("eval", evaluation, seconds, data);
  }

  void predict(const QaData& data) {
    log_info(kLog, "*** Predict ***");
    const auto start = Clock::now();
    const LogitStore logits = run_model(data, "Prediction");
    const double seconds = seconds_since(start);
    // Scores need answers; a test set may come without.
    const bool scored =
        flags_.data.version_2_with_negative ||
        std::none_of(data.examples.begin(), data.examples.end(), [](const QaExample& e) { return e.is_impossible(); });
    const bool has_answers =
        std::any_of(data.examples.begin(), data.examples.end(), [](const QaExample& e) { return !e.is_impossible(); });
    const auto task = scored && has_answers ? evaluate_qa : predict_qa;
    const Evaluation evaluation = task(data.examples, data.features, logits.views(), postprocess_options(), pool_);
    write_results("predict", evaluation);
    finish_metrics("predict", named_metrics("test", evaluation, seconds, data), flags_.data.max_predict_samples, data);
  }

  LogitStore run_model(const QaData& data, const char* what) {
    log_info("trainer", "***** Running {} *****", what);
    log_info("trainer", "  Num examples = {}", with_thousands(std::ssize(data.features)));
    log_info("trainer", "  Batch size = {}", flags_.train.per_device_eval_batch_size);
    ProgressLine line(output_, show_progress());
    const auto start = Clock::now();
    LogitStore logits = compute_logits(
        *model_, data.features, {layout_, flags_.train.per_device_eval_batch_size, eval_dtype()}, pool_, [&](int64_t done) {
          line.update([&] {
            return fmt::format("{} {}/{} | {:.1f} examples/s", what, done, data.features.size(),
                               static_cast<double>(done) / std::max(seconds_since(start), 1e-9));
          });
        });
    line.clear();
    log_info(kLog, "Post-processing {} example predictions split into {} features.", data.examples.size(),
             data.features.size());
    return logits;
  }

  QaPostprocessOptions postprocess_options() const {
    return {flags_.data.version_2_with_negative, flags_.data.n_best_size, flags_.data.max_answer_length,
            flags_.data.null_score_diff_threshold};
  }

  Json named_metrics(const std::string& prefix, const Evaluation& evaluation, double seconds, const QaData& data) {
    Json metrics = Json::object();
    const Json plain = metrics_json(evaluation.metrics);
    for (const auto& item : plain.items()) metrics[fmt::format("{}_{}", prefix, item.key())] = item.value();
    const int64_t batch = flags_.train.per_device_eval_batch_size, n = std::ssize(data.features);
    const int64_t batches = (n + batch - 1) / batch;
    add_speed_metrics(metrics, prefix, seconds, static_cast<double>(n), static_cast<double>(batches));
    return metrics;
  }

  void write_results(const std::string& prefix, const Evaluation& evaluation) {
    for (const ResultFile& file : evaluation.files) {
      const std::string path =
          (std::filesystem::path(flags_.train.output_dir) / fmt::format("{}_{}", prefix, file.name)).string();
      log_info(kLog, "Saving {} to {}.", file.name, path);
      write_file_atomic(path, file.text);
    }
  }

  /// Completes, shows and saves the metrics of one part of the run.
  void finish_metrics(const std::string& split, Json& metrics, std::optional<int64_t> max_samples, const QaData& data) {
    const int64_t n = std::ssize(data.features);
    if (trainer_) metrics["epoch"] = trainer_->state().epoch;
    metrics[split + "_samples"] = std::min(max_samples.value_or(n), n);
    const std::string table = metrics_table(split, metrics);
    if (output_.result && flags_.tilefit.output == "text") output_.result(table);
    else log_plain(table);
    save_metrics(flags_.train.output_dir, split, metrics);
    for (const auto& item : metrics.items()) all_[item.key()] = item.value();
  }
  void finish_metrics(const std::string& split, Json&& metrics, std::optional<int64_t> max_samples, const QaData& data) {
    finish_metrics(split, metrics, max_samples, data);
  }

  void save_state() { write_file_atomic(flags_.train.output_dir + "/trainer_state.json", trainer_->state().text()); }

  /// Flags that were given, for the record. (transformers' training_args.bin is a Python pickle: not written.)
  void write_training_args() {
    Json arguments = Json::object();
    for (const auto& [name, value] : flags_.given) arguments[name] = value;
    write_file_atomic(flags_.train.output_dir + "/training_args.json", dump_json(arguments, 2) + "\n");
  }

  void write_model_card() {
    if (!flags_.train.do_train) return;
    const TrainFlags& f = flags_.train;
    ModelCard card;
    card.model_name = std::filesystem::absolute(f.output_dir).lexically_normal().filename().string();
    if (card.model_name.empty()) card.model_name = std::filesystem::absolute(f.output_dir).parent_path().filename().string();
    card.base_model = flags_.model.model_name_or_path;
    card.dataset = flags_.data.dataset_name.value_or("");
    card.hyperparameters = {{"learning_rate", fmt::format("{}", f.learning_rate)},
                            {"train_batch_size", fmt::format("{}", f.per_device_train_batch_size)},
                            {"eval_batch_size", fmt::format("{}", f.per_device_eval_batch_size)},
                            {"seed", fmt::format("{}", f.seed)},
                            {"gradient_accumulation_steps", fmt::format("{}", flags_.leaves)},
                            {"total_train_batch_size", fmt::format("{}", flags_.leaves * f.per_device_train_batch_size)},
                            {"optimizer", fmt::format("{} with betas=({},{}) and epsilon={}", f.optim, f.adam_beta1,
                                                      f.adam_beta2, f.adam_epsilon)},
                            {"lr_scheduler_type", f.lr_scheduler_type},
                            {f.max_steps > 0 ? "training_steps" : "num_epochs",
                             f.max_steps > 0 ? fmt::format("{}", f.max_steps) : fmt::format("{}", f.num_train_epochs)}};
    card.eval_metrics = eval_metrics_;
    card.log_history = trainer_->state().log_history;
    write_file_atomic(f.output_dir + "/README.md", model_card_text(card));
  }

  const Clock::time_point start_ = Clock::now();
  const RunFlags& flags_;
  const RunOutput& output_;
  const Topology topology_;
  const ThreadPlan threads_;
  ThreadPool pool_;
  std::optional<QuestionAnsweringModel> model_;
  std::unique_ptr<Tokenizer> tokenizer_;
  BatchLayout layout_;
  std::optional<Trainer> trainer_;
  Json eval_metrics_;
  Json all_ = Json::object();
};

}  // namespace

Json run_qa(const RunFlags& flags, const RunOutput& output) { return QaRun(flags, output).run(); }

void check_output_dir(const std::string& directory, bool overwrite) {
  std::error_code error;
  if (overwrite || !std::filesystem::exists(directory, error)) return;
  if (!std::filesystem::is_directory(directory, error))
    throw Error(Code::kUsage, fmt::format("--output_dir {} is a file", directory));
  if (!std::filesystem::is_empty(directory, error))
    throw Error(Code::kUsage, fmt::format("Output directory ({}) already exists and is not empty", directory), "",
                "--overwrite_output_dir, or another --output_dir");
}

}  // namespace tilefit
