// Loads the tokenizer.json of the `tokenizers` library.
#pragma once
#include <string_view>

#include "tilefit/text/pipeline.h"
#include "tilefit/text/tokenizer_config.h"

namespace tilefit {

/// Parts of the tokenizer that the text of a tokenizer.json describes, with the configuration's tokens and overrides applied:
/// for BERT-like classes do_lower_case, strip_accents and tokenize_chinese_chars of tokenizer_config.json win over the normalizer
/// in tokenizer.json, as in transformers. Truncation and padding settings are ignored. Throws Error: malformed JSON
/// (file:line:column), a component that is not supported, a vocabulary with duplicate, missing or non-integer ids or without its
/// unknown token, added tokens whose ids do not fit.
PipelineParts parts_from_tokenizer_json(std::string_view text, const TokenizerConfig& config, std::string_view where);

}  // namespace tilefit
