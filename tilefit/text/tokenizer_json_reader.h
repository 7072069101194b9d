// Reads tokenizer.json with the vocabulary kept apart: as an ordered JSON object it would take quadratic time, and a plain list
// also shows tokens that are given twice.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tilefit/base/json.h"

namespace tilefit {

struct TokenizerJson {
  Json document;  // all but model.vocab, which is left an empty object
  std::vector<std::pair<std::string, int32_t>> vocabulary;
  bool has_vocabulary = false;  // model.vocab is an object
};

/// Throws Error: malformed JSON or too deep (file:line:column), an id that is no integer in range, objects of absurd size.
TokenizerJson read_tokenizer_json(std::string_view text, std::string_view where);

}  // namespace tilefit
