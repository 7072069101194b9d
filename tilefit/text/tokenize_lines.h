// JSON lines of texts to JSON lines of tokens: the work of `tilefit tokenize`, apart from files and flags.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "tilefit/base/function_ref.h"
#include "tilefit/text/tokenizer.h"

namespace tilefit {

/// {"text": ..., "pair": ... (optional)} to {"ids":[..],"type_ids":[..],"offsets":[[s,e],..]}, without a line end. where and
/// number name the line in messages. Throws Error(kFailed) "file:line:column": malformed JSON, no text, a member of a wrong type.
std::string tokenize_line(const Tokenizer& tokenizer, std::string_view line, std::string_view where, int64_t number,
                          bool add_special_tokens);

/// Gives `emit` one result for every line of `lines` (the last line end is optional). Throws as tokenize_line.
void tokenize_lines(const Tokenizer& tokenizer, std::string_view lines, std::string_view where, bool add_special_tokens,
                    FunctionRef<void(const std::string&)> emit);

}  // namespace tilefit
