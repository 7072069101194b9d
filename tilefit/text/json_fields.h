// Typed access to the members of a tokenizer file's JSON objects, with errors that name file and member.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "tilefit/base/error.h"
#include "tilefit/base/json_fwd.h"

namespace tilefit {

/// A member that must be there. All throw Error(kFailed) "[where] 'name' is missing" or "... must be a string, not ...".
std::string string_field(const Json& object, std::string_view name, std::string_view where);
const Json& array_field(const Json& object, std::string_view name, std::string_view where);
const Json& object_field(const Json& object, std::string_view name, std::string_view where);
int32_t id_field(const Json& object, std::string_view name, std::string_view where);

/// A member that may be absent or null.
bool bool_field(const Json& object, std::string_view name, bool otherwise, std::string_view where);
int64_t int_field(const Json& object, std::string_view name, int64_t otherwise, std::string_view where);
std::string string_field_or(const Json& object, std::string_view name, std::string_view otherwise, std::string_view where);

/// A value as a token or type id: an integer in [0, kMaxTokenId]. what: the thing it is the id of, for the message.
int32_t id_value(const Json& value, std::string_view what, std::string_view where);

/// "'name' is not supported: normalizer type 'X'" with the supported ones.
Error unsupported_component(std::string_view kind, std::string_view type, std::string_view supported,
                            std::string_view where);

/// Ids above this are refused: no real vocabulary comes near, and tables by id stay small.
inline constexpr int32_t kMaxTokenId = (1 << 24) - 1;

}  // namespace tilefit
