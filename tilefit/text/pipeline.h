// The tokenizer made of parts: added tokens, normalizer, pre-tokenizer, model, post-processor, decoder. The loaders
// (tokenizer_json, vocab_txt) fill the parts in; this file only runs them.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tilefit/text/added_tokens.h"
#include "tilefit/text/decoder.h"
#include "tilefit/text/model.h"
#include "tilefit/text/normalizer.h"
#include "tilefit/text/post_processor.h"
#include "tilefit/text/pre_tokenizer.h"
#include "tilefit/text/tokenizer.h"

namespace tilefit {

struct PipelineParts {
  std::unique_ptr<Normalizer> normalizer;       // null: none
  std::unique_ptr<PreTokenizer> pre_tokenizer;  // null: the whole text is one word
  std::unique_ptr<TokenModel> model;
  AddedTokens added;  // before build()
  PostProcessor post_processor;
  std::unique_ptr<Decoder> decoder;
  Tokenizer::SpecialIds special_ids;
  std::optional<int64_t> model_max_length;
  std::vector<std::pair<std::string, std::string>> files;  // name and content of what save() writes
};

/// Takes the parts over and builds the search tables of the added tokens.
std::unique_ptr<Tokenizer> make_pipeline_tokenizer(PipelineParts parts);

}  // namespace tilefit
