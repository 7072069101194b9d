// Values as Python's repr() prints them, which is what the `datasets` library leaves in a CSV cell that held a dictionary:
// {'text': array(['Saint'], dtype=object), 'answer_start': array([515])}. Only data: dictionaries, lists, tuples, strings, numbers,
// True/False/None and numpy's array(...). Nothing is evaluated.
#pragma once
#include <string_view>

#include "tilefit/base/json_fwd.h"

namespace tilefit {

/// Parses one literal. Tuples and arrays become JSON arrays. where: for messages. Throws Error(kFailed) with the column: malformed
/// text, nesting deeper than kMaxJsonDepth, an abbreviated array ("...").
Json parse_python_literal(std::string_view text, std::string_view where);

}  // namespace tilefit
