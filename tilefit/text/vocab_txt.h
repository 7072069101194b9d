// Loads a BERT tokenizer from vocab.txt (one token a line, the line number is the id) and tokenizer_config.json.
#pragma once
#include <string>
#include <string_view>

#include "tilefit/text/pipeline.h"
#include "tilefit/text/tokenizer_config.h"

namespace tilefit {

/// Parts of the tokenizer as transformers' BertTokenizer sets it up. Special tokens that the vocabulary lacks get the ids behind
/// it. Throws Error: text that is not UTF-8 (with the line), a token listed twice, an unknown token that is missing, a
/// configuration that names the class of another kind of tokenizer.
PipelineParts parts_from_vocab_txt(std::string_view text, const TokenizerConfig& config, std::string_view where);

}  // namespace tilefit
