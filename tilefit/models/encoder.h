// What every encoder offers, and the table of architectures. A new architecture is one file that makes an Encoder from a configuration
// and one row in registry.cc; heads, training and tests find it there.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tilefit/hub/config_json.h"
#include "tilefit/models/batch.h"
#include "tilefit/tensor/param.h"

namespace tilefit {

/// What others need to know of an encoder's configuration.
struct EncoderInfo {
  int64_t hidden_size = 0, num_layers = 0;
  int64_t vocab_size = 0, max_positions = 0;
  int64_t type_vocab_size = 0;  ///< 0: the architecture has no token types and ignores those of a batch
  int64_t pad_token_id = -1;    ///< -1: none
  double initializer_range = 0.02;
  double qa_dropout = 0;  ///< before the question-answering head
};

/// Token ids to hidden states, and back. Keeps what backward needs in itself: one step at a time.
class Encoder {
 public:
  virtual ~Encoder() = default;

  virtual const EncoderInfo& info() const noexcept = 0;

  /// Hidden states [M, C] of the last layer, in ctx.arena (ctx.rows is the batch's layout). keep: what backward needs stays in the
  /// arena until the caller releases it.
  virtual Tensor forward(Ctx& ctx, const TokenBatch& batch, bool keep) = 0;

  /// Adds the gradients of all parameters. d_MC: gradient of forward's result; overwritten. Call once after a forward that kept.
  virtual void backward(Ctx& ctx, const TokenBatch& batch, const Tensor& d_MC) = 0;
};

/// One architecture by its Hugging Face model_type.
struct Architecture {
  const char* model_type;    ///< "bert"
  const char* class_prefix;  ///< "Bert": class names are this and the task ("BertForQuestionAnswering")
  const char* base_prefix;   ///< "bert": first part of the encoder's parameter names
  /// Makes the encoder, registering its parameters under `scope` (the base prefix). dropout: replaces all probabilities.
  std::unique_ptr<Encoder> (*make)(const ModelConfig& config, const ParamScope& scope, std::optional<double> dropout);
};

/// All architectures, ordered by model_type.
std::span<const Architecture> architectures() noexcept;

/// The architecture of that model_type. where: configuration file, for the message. Throws Error(kFailed) listing the known ones.
const Architecture& find_architecture(std::string_view model_type, const std::string& where);

}  // namespace tilefit
