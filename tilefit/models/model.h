// A question-answering model: encoder, span head, their parameters and the configuration they came from.
// Loading, saving, inference, and the loss and gradients of one leaf. Steps, optimizers and data belong to train/.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tilefit/hub/config_json.h"
#include "tilefit/models/batch.h"
#include "tilefit/models/encoder.h"
#include "tilefit/nn/span_head.h"
#include "tilefit/tensor/param.h"

namespace tilefit {

struct ModelOptions {
  uint64_t seed = 42;             ///< of parameters that no file holds
  std::string head_weights = {};  ///< safetensors file whose tensors replace parameters of the same names; "" = none
  std::optional<double> dropout;  ///< replaces every dropout probability of the configuration
  DType dtype = DType::kF32;      ///< of parameters; kF64 for gradient checks
};

class QuestionAnsweringModel {
 public:
  /// Reads config.json and the weights (model.safetensors or its shards) of a directory in Hugging Face's layout; logs what was missing
  /// or not used, in the words of transformers. Parameters that the file lacks start at random.
  /// Throws Error: no or damaged files, unknown architecture, a configuration that lacks a key or makes no sense, other shapes.
  static QuestionAnsweringModel load(const std::string& directory, const ModelOptions& options = {});

  /// The model of a configuration, all parameters at random. Throws Error as load() does for configurations.
  static QuestionAnsweringModel from_config(const ModelConfig& config, const ModelOptions& options = {});

  ParamStore& params() noexcept { return *params_; }
  const ModelConfig& config() const noexcept { return config_; }
  const EncoderInfo& encoder_info() const noexcept { return encoder_->info(); }
  int64_t vocab_size() const noexcept { return encoder_->info().vocab_size; }
  /// Most tokens a sequence may have.
  int64_t max_positions() const noexcept { return encoder_->info().max_positions; }
  /// Token id of padding, 0 when the configuration names none.
  int32_t pad_token_id() const noexcept;
  /// "BertForQuestionAnswering".
  std::string class_name() const;

  /// Logits [M, 2] (start, end), of ctx.wide_dtype(), in ctx.arena: the caller releases them. Nothing is kept for a backward pass.
  /// Throws Error(kFailed) when the batch has a token outside the vocabulary or a sequence longer than max_positions().
  Tensor forward(Ctx& ctx, const TokenBatch& batch);

  /// Loss of one leaf, and its gradients added into params().grads(). starts, ends: target row within each sequence; as in transformers,
  /// a negative one counts as 0 and one past the sequence's rows is ignored. The loss is the mean of start and end loss, each the mean
  /// over the sequences that are not ignored (0 when all are; transformers gives NaN there). The arena is as before the call.
  /// Errors as forward(). In a dry run returns 0. `logits` (may be null) is called with the [M, 2] logits before backward.
  double train_step(Ctx& ctx, const TokenBatch& batch, std::span<const int32_t> starts, std::span<const int32_t> ends,
                    const std::function<void(const Tensor& logits_M2)>& logits = nullptr);

  /// Peak arena bytes of forward() or of train_step() for this batch with activations of `dtype`, by a dry run.
  int64_t activation_bytes(const TokenBatch& batch, DType dtype, bool training, bool recompute = false);

  /// Writes model.safetensors (float32, Hugging Face names) and config.json (unknown keys kept) into an existing directory, each
  /// atomically. Throws Error(kEnvironment).
  void save(const std::string& directory);

 private:
  QuestionAnsweringModel(ModelConfig config, const ModelOptions& options);
  /// Replaces the parameters that a file names; returns their names.
  std::vector<std::string> load_overlay(const std::string& path);
  /// Checks the batch against the model and points ctx at its rows.
  void begin(Ctx& ctx, const TokenBatch& batch) const;

  ModelConfig config_;
  std::unique_ptr<ParamStore> params_;
  const Architecture* architecture_ = nullptr;
  std::unique_ptr<Encoder> encoder_;
  size_t num_encoder_params_ = 0;
  std::unique_ptr<SpanHead> head_;
};

/// Throws Error(kFailed) "vocabulary mismatch" naming both sizes when a tokenizer can produce ids that the model has no row for.
/// where: the model's directory, for the message.
void check_vocabulary(int64_t tokenizer_size, int64_t model_vocab_size, const std::string& where);

}  // namespace tilefit
