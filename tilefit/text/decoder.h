// Token strings back to text, as the "decoder" entry of tokenizer.json says.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tilefit/base/json_fwd.h"

namespace tilefit {

/// Immutable; thread-safe.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual std::string decode(const std::vector<std::string>& tokens) const = 0;
};

/// Joins with blanks, continuing pieces without; cleanup: no blank before . ? ! , n't 's and the like, token by token.
/// Source of the behaviour: huggingface/tokenizers decoders/wordpiece.rs (0.23).
std::unique_ptr<Decoder> make_wordpiece_decoder(std::string prefix, bool cleanup);

/// Builds the decoder of a tokenizer.json; null joins tokens with blanks. Knows WordPiece. Throws Error naming an unknown type.
std::unique_ptr<Decoder> make_decoder(const Json& config, std::string_view where);

}  // namespace tilefit
