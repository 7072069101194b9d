#include "tilefit/text/json_fields.h"

#include <fmt/format.h>

#include "tilefit/base/json.h"

namespace tilefit {
namespace {

const Json* find(const Json& object, std::string_view name, std::string_view where) {
  if (!object.is_object())
    throw Error(Code::kFailed, fmt::format("expected an object with '{}', found {}", name, object.type_name()),
                std::string(where));
  const auto it = object.find(std::string(name));
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

[[noreturn]] void wrong_type(std::string_view name, std::string_view expected, const Json& value, std::string_view where) {
  throw Error(Code::kFailed, fmt::format("'{}' must be {}, not {}", name, expected, value.type_name()), std::string(where));
}

const Json& need(const Json& object, std::string_view name, std::string_view where) {
  const Json* const value = find(object, name, where);
  if (!value) throw Error(Code::kFailed, fmt::format("'{}' is missing", name), std::string(where));
  return *value;
}

}  // namespace

std::string string_field(const Json& object, std::string_view name, std::string_view where) {
  const Json& value = need(object, name, where);
  if (!value.is_string()) wrong_type(name, "a string", value, where);
  return value.get<std::string>();
}

const Json& array_field(const Json& object, std::string_view name, std::string_view where) {
  const Json& value = need(object, name, where);
  if (!value.is_array()) wrong_type(name, "an array", value, where);
  return value;
}

const Json& object_field(const Json& object, std::string_view name, std::string_view where) {
  const Json& value = need(object, name, where);
  if (!value.is_object()) wrong_type(name, "an object", value, where);
  return value;
}

int32_t id_field(const Json& object, std::string_view name, std::string_view where) {
  return id_value(need(object, name, where), fmt::format("'{}'", name), where);
}

bool bool_field(const Json& object, std::string_view name, bool otherwise, std::string_view where) {
  const Json* const value = find(object, name, where);
  if (!value) return otherwise;
  if (!value->is_boolean()) wrong_type(name, "true or false", *value, where);
  return value->get<bool>();
}

int64_t int_field(const Json& object, std::string_view name, int64_t otherwise, std::string_view where) {
  const Json* const value = find(object, name, where);
  if (!value) return otherwise;
  if (!value->is_number_integer()) wrong_type(name, "an integer", *value, where);
  return value->get<int64_t>();
}

std::string string_field_or(const Json& object, std::string_view name, std::string_view otherwise, std::string_view where) {
  const Json* const value = find(object, name, where);
  if (!value) return std::string(otherwise);
  if (!value->is_string()) wrong_type(name, "a string", *value, where);
  return value->get<std::string>();
}

int32_t id_value(const Json& value, std::string_view what, std::string_view where) {
  if (!value.is_number_integer())
    throw Error(Code::kFailed, fmt::format("the id of {} must be an integer, not {}", what, value.dump()),
                std::string(where));
  const auto id = value.get<int64_t>();  // values beyond int64 come out negative
  if (id < 0 || id > kMaxTokenId)
    throw Error(Code::kFailed, fmt::format("the id of {} is {}, outside 0..{}", what, value.dump(), kMaxTokenId),
                std::string(where));
  return static_cast<int32_t>(id);
}

Error unsupported_component(std::string_view kind, std::string_view type, std::string_view supported,
                            std::string_view where) {
  return Error(Code::kFailed, fmt::format("{} type '{}' is not supported (supported: {})", kind, type, supported),
               std::string(where));
}

}  // namespace tilefit
