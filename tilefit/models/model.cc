#include "tilefit/models/model.h"

#include <fmt/format.h>

#include <algorithm>

#include "tilefit/base/error.h"
#include "tilefit/base/log.h"
#include "tilefit/hub/repo_dir.h"
#include "tilefit/hub/weight_names.h"
#include "tilefit/models/init.h"

namespace tilefit {
namespace {

constexpr const char* kLog = "models";
constexpr const char* kWhere = "models/model";

/// Reads the named parts from a file into the store, converting to its type. Returns what was found and what not.
WeightMatches read_parts(ParamStore& store, const WeightFiles& files, std::span<const ParamPartView> parts,
                         const WeightOptions& options) {
  std::vector<WantedTensor> wanted;
  for (const ParamPartView& view : parts) wanted.push_back({view.part->name, view.part->shape, {}});
  std::vector<float> narrow;  // float32 values on their way to a float64 store
  if (store.dtype() == DType::kF64) narrow.resize(static_cast<size_t>(store.size()));
  float* const base = narrow.empty() ? store.values<float>() : narrow.data();
  WeightMatches matches = load_weights(files, wanted, options, [&](size_t i) { return base + parts[i].offset; });
  if (!narrow.empty())
    for (const WeightMatches::Match& match : matches.matched) {
      const ParamPartView& view = parts[match.wanted];
      std::copy_n(narrow.data() + view.offset, view.size, store.values<double>() + view.offset);
    }
  store.values_changed();
  return matches;
}

void check_ids(std::span<const int32_t> ids, int64_t limit, const char* what, const char* table) {
  for (const int32_t id : ids)
    if (id < 0 || id >= limit)
      throw Error(Code::kFailed, fmt::format("{} {} is outside the model's {} of {}", what, id, table, limit), kWhere,
                  "a tokenizer that belongs to this model");
}

}  // namespace

QuestionAnsweringModel::QuestionAnsweringModel(ModelConfig config, const ModelOptions& options)
    : config_(std::move(config)), params_(std::make_unique<ParamStore>(options.dtype)) {
  architecture_ = &find_architecture(config_.model_type(), config_.where());
  if (const int64_t labels = config_.num_labels(); labels != 2)
    throw Error(Code::kFailed,
                fmt::format("question answering needs 2 labels (start, end), the configuration has {}", labels),
                config_.where(), "remove id2label and label2id");
  const ParamScope root(*params_);
  encoder_ = architecture_->make(config_, root / architecture_->base_prefix, options.dropout);
  num_encoder_params_ = params_->params().size();
  head_ = std::make_unique<SpanHead>(root, encoder_->info().hidden_size, encoder_->info().qa_dropout);
  params_->finish();
}

QuestionAnsweringModel QuestionAnsweringModel::from_config(const ModelConfig& config, const ModelOptions& options) {
  QuestionAnsweringModel model(config, options);
  for (const ParamPartView& view : model.params_->parts())
    init_part(*model.params_, view, model.encoder_->info().initializer_range, options.seed);
  if (!options.head_weights.empty()) model.load_overlay(options.head_weights);
  return model;
}

QuestionAnsweringModel QuestionAnsweringModel::load(const std::string& directory, const ModelOptions& options) {
  const ModelFiles files = require_model_files(directory);
  QuestionAnsweringModel model(ModelConfig::load(files.config), options);
  const WeightFiles weights(files.weights);
  WeightMatches matches =
      read_parts(*model.params_, weights, model.params_->parts(), {model.architecture_->base_prefix, false});
  for (const std::string& name : matches.missing)
    init_part(*model.params_, *model.params_->find(name), model.encoder_->info().initializer_range, options.seed);
  if (!options.head_weights.empty()) {
    const std::vector<std::string> given = model.load_overlay(options.head_weights);
    std::erase_if(matches.missing,
                  [&](const std::string& name) { return std::find(given.begin(), given.end(), name) != given.end(); });
  }
  for (const std::string& text :
       {matches.unused_warning(model.class_name(), directory), matches.missing_warning(model.class_name(), directory)})
    if (!text.empty()) log_warning(kLog, "{}", text);
  return model;
}

std::vector<std::string> QuestionAnsweringModel::load_overlay(const std::string& path) {
  const WeightFiles files(path);
  std::vector<ParamPartView> parts;
  std::vector<std::string> names;
  for (const TensorInfo* tensor : files.tensors()) {
    const ParamPartView* view = params_->find(tensor->name);
    if (!view)
      throw Error(Code::kFailed, fmt::format("tensor '{}' is no parameter of {}", tensor->name, class_name()), path,
                  "names as in the model's own weight file (qa_outputs.weight, qa_outputs.bias)");
    parts.push_back(*view);
    names.push_back(tensor->name);
  }
  read_parts(*params_, files, parts, {});
  return names;
}

int32_t QuestionAnsweringModel::pad_token_id() const noexcept {
  return static_cast<int32_t>(std::max<int64_t>(0, encoder_->info().pad_token_id));
}

std::string QuestionAnsweringModel::class_name() const {
  return std::string(architecture_->class_prefix) + "ForQuestionAnswering";
}

void QuestionAnsweringModel::begin(Ctx& ctx, const TokenBatch& batch) const {
  const EncoderInfo& info = encoder_->info();
  TF_CHECK(ctx.wide_dtype() == params_->dtype(), "a {} step on {} parameters", dtype_name(ctx.dtype),
           dtype_name(params_->dtype()));
  check_ids(batch.id_M, info.vocab_size, "token id", "vocabulary");
  if (info.type_vocab_size > 0) check_ids(batch.type_id_M, info.type_vocab_size, "token type", "token types");
  for (const kernels::SequenceSpan& sequence : batch.layout.sequences)
    if (sequence.num_rows > info.max_positions)
      throw Error(Code::kFailed,
                  fmt::format("a sequence of {} tokens is longer than the model's {} positions", sequence.num_rows,
                              info.max_positions),
                  kWhere, fmt::format("--max_seq_length {}", info.max_positions));
  ctx.rows = &batch.layout;
}

Tensor QuestionAnsweringModel::forward(Ctx& ctx, const TokenBatch& batch) {
  begin(ctx, batch);
  const Tensor logits_M2 = ctx.wide_tensor(batch.num_rows(), 2);
  const Arena::Scope scratch(ctx.arena);
  head_->forward(ctx, encoder_->forward(ctx, batch, false), logits_M2, nullptr);
  return logits_M2;
}

double QuestionAnsweringModel::train_step(Ctx& ctx, const TokenBatch& batch, std::span<const int32_t> starts,
                                          std::span<const int32_t> ends,
                                          const std::function<void(const Tensor& logits_M2)>& logits) {
  begin(ctx, batch);
  const Arena::Scope scratch(ctx.arena);
  const int64_t M = batch.num_rows();
  const Tensor logits_M2 = ctx.wide_tensor(M, 2), dlogits_M2 = ctx.wide_tensor(M, 2);
  SpanHead::Stash stash;
  head_->forward(ctx, encoder_->forward(ctx, batch, true), logits_M2, &stash);
  if (logits) logits(logits_M2);
  const double loss = span_loss(ctx, logits_M2, starts, ends, dlogits_M2);
  const Tensor d_MC = ctx.tensor(M, encoder_->info().hidden_size);
  head_->backward(ctx, dlogits_M2, d_MC, stash);
  if (ctx.grads_ready) {
    const std::pair<int64_t, int64_t> range = params_->flat_range(num_encoder_params_, params_->params().size());
    ctx.grads_ready(range.first, range.second);
  }
  encoder_->backward(ctx, batch, d_MC);
  return loss;
}

int64_t QuestionAnsweringModel::activation_bytes(const TokenBatch& batch, DType dtype, bool training, bool recompute) {
  ThreadPool pool(1);
  Arena arena(Arena::Mode::kMeasure);
  Ctx ctx{pool, arena, dtype};
  ctx.training = training;
  ctx.recompute = recompute;
  if (training) {
    const std::vector<int32_t> targets(static_cast<size_t>(batch.num_sequences()));
    train_step(ctx, batch, targets, targets);
  } else {
    forward(ctx, batch);
  }
  return arena.peak_bytes();
}

void QuestionAnsweringModel::save(const std::string& directory) {
  TF_CHECK(params_->dtype() == DType::kF32, "saving {} parameters", dtype_name(params_->dtype()));
  std::vector<TensorToWrite> tensors;
  for (const ParamPartView& view : params_->parts())
    tensors.push_back({view.part->name, DType::kF32, view.part->shape, params_->values<float>() + view.offset});
  write_safetensors(directory + "/model.safetensors", std::move(tensors));
  ModelConfig config = config_;
  config.set_architecture(class_name());
  config.set_dtype("float32");
  config.save(directory + "/config.json");
}

void check_vocabulary(int64_t tokenizer_size, int64_t model_vocab_size, const std::string& where) {
  if (tokenizer_size <= model_vocab_size) return;
  throw Error(
      Code::kFailed,
      fmt::format("vocabulary mismatch: the tokenizer has {} tokens, the model's embedding only {} rows (vocab_size)",
                  tokenizer_size, model_vocab_size),
      where, "the tokenizer files that belong to this model");
}

}  // namespace tilefit
