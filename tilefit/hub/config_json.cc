#include "tilefit/hub/config_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <tuple>

#include "tilefit/base/error.h"
#include "tilefit/base/files.h"

namespace tilefit {
namespace {

constexpr const char* kCheckFile = "check that the file belongs to the model";

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(Code::kFailed, where + ": " + what, "hub/config", kCheckFile);
}

/// A value as messages show it: its JSON, cut when long.
std::string shown(const Json& value) {
  std::string text = dump_json(value, -1);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

template <class T>
void check_range(const std::string& where, std::string_view key, T value, T low, T high) {
  if (value >= low && value <= high) return;
  if (high == std::numeric_limits<T>::max())
    fail(where, fmt::format("key '{}' is {}, expected at least {}", key, value, low));
  fail(where, fmt::format("key '{}' is {}, expected {} to {}", key, value, low, high));
}

/// The key as a number, for keys that Python holds as integers.
std::optional<int64_t> as_integer(const std::string& key) {
  int64_t value = 0;
  const auto [end, failure] = std::from_chars(key.data(), key.data() + key.size(), value);
  if (failure != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return value;
}

/// Sorted copy. by_number: keys that are integers in the reference's memory (it converts those of id2label and pruned_heads) sort as such.
Json sorted(const Json& value, bool by_number = false) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(sorted(item));
    return out;
  }
  if (!value.is_object()) return value;
  std::vector<std::tuple<int64_t, std::string, const Json*>> items;
  for (auto it = value.begin(); it != value.end(); ++it)
    items.emplace_back(by_number ? as_integer(it.key()).value_or(std::numeric_limits<int64_t>::max()) : 0, it.key(),
                       &it.value());
  std::sort(items.begin(), items.end());
  Json out = Json::object();
  auto& object = out.get_ref<Json::object_t&>();
  for (const auto& [number, key, item] : items)
    object.push_back({key, sorted(*item, key == "id2label" || key == "pruned_heads")});
  return out;
}

}  // namespace

ModelConfig::ModelConfig(Json raw, std::string where) : raw_(std::move(raw)), where_(std::move(where)) {
  if (!raw_.is_object()) fail(where_, fmt::format("holds {}, expected an object", shown(raw_)));
}

ModelConfig ModelConfig::load(const std::string& path) { return ModelConfig(read_json_file(path), path); }

const Json* ModelConfig::find(std::string_view key) const {
  const auto it = raw_.find(std::string(key));
  return it == raw_.end() || it->is_null() ? nullptr : &*it;
}

bool ModelConfig::has(std::string_view key) const { return find(key) != nullptr; }

const Json& ModelConfig::need(std::string_view key) const {
  const Json* const value = find(key);
  if (!value) fail(where_, fmt::format("needed key '{}' is missing", key));
  return *value;
}

void ModelConfig::wrong_type(std::string_view key, const Json& value, std::string_view expected) const {
  fail(where_, fmt::format("key '{}' is {}, expected {}", key, shown(value), expected));
}

int64_t ModelConfig::get_int(std::string_view key, int64_t low, int64_t high) const {
  const Json& value = need(key);
  int64_t number = 0;
  if (value.is_number_float()) {
    const double real = value.get<double>();
    if (real != std::floor(real) || std::fabs(real) > 0x1p53) wrong_type(key, value, "an integer");
    number = static_cast<int64_t>(real);
  } else if (value.is_number_unsigned() &&
             value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    wrong_type(key, value, "a smaller integer");
  } else if (value.is_number_integer()) {
    number = value.get<int64_t>();
  } else {
    wrong_type(key, value, "an integer");
  }
  check_range(where_, key, number, low, high);
  return number;
}

double ModelConfig::get_double(std::string_view key, double low, double high) const {
  const Json& value = need(key);
  if (!value.is_number()) wrong_type(key, value, "a number");
  const auto number = value.get<double>();
  check_range(where_, key, number, low, high);
  return number;
}

bool ModelConfig::get_bool(std::string_view key) const {
  const Json& value = need(key);
  if (!value.is_boolean()) wrong_type(key, value, "true or false");
  return value.get<bool>();
}

std::string ModelConfig::get_string(std::string_view key) const {
  const Json& value = need(key);
  if (!value.is_string()) wrong_type(key, value, "a string");
  return value.get<std::string>();
}

int64_t ModelConfig::int_or(std::string_view key, int64_t fallback, int64_t low, int64_t high) const {
  return has(key) ? get_int(key, low, high) : fallback;
}

double ModelConfig::double_or(std::string_view key, double fallback, double low, double high) const {
  return has(key) ? get_double(key, low, high) : fallback;
}

bool ModelConfig::bool_or(std::string_view key, bool fallback) const { return has(key) ? get_bool(key) : fallback; }

std::string ModelConfig::string_or(std::string_view key, std::string fallback) const {
  return has(key) ? get_string(key) : std::move(fallback);
}

std::string ModelConfig::model_type() const {
  if (has("model_type")) return get_string("model_type");
  // Files older than the key: the class name tells it. Longer names first, for "DistilBertModel" also holds "BertModel".
  constexpr std::pair<const char*, const char*> kClasses[] = {
      {"DistilBert", "distilbert"}, {"XLMRoberta", "xlm-roberta"}, {"Roberta", "roberta"}, {"Albert", "albert"},
      {"DebertaV2", "deberta-v2"},  {"Electra", "electra"},        {"MPNet", "mpnet"},     {"Bert", "bert"}};
  const Json* const classes = find("architectures");
  if (classes && classes->is_array() && !classes->empty() && classes->front().is_string())
    for (const auto& [prefix, type] : kClasses)
      if (classes->front().get_ref<const std::string&>().starts_with(prefix)) return type;
  fail(where_, "needed key 'model_type' is missing");
}

int64_t ModelConfig::num_labels() const {
  constexpr int64_t kMost = 1 << 20;
  if (has("id2label")) {
    const Json& labels = need("id2label");
    if (!labels.is_object()) wrong_type("id2label", labels, "an object");
    return static_cast<int64_t>(labels.size());
  }
  return has("num_labels") ? get_int("num_labels", 1, kMost) : int_or("_num_labels", 2, 1, kMost);
}

void ModelConfig::set_architecture(const std::string& class_name) { set("architectures", Json::array({class_name})); }

void ModelConfig::set_dtype(std::string_view name) {
  set(raw_.contains("dtype") ? "dtype" : "torch_dtype", std::string(name));
}

void ModelConfig::set_labels(const std::vector<std::string>& names) {
  Json to_label = Json::object(), to_id = Json::object();
  for (size_t i = 0; i < names.size(); ++i) {
    to_label[std::to_string(i)] = names[i];
    to_id[names[i]] = i;
  }
  set("id2label", std::move(to_label));
  set("label2id", std::move(to_id));
  erase("num_labels");
  erase("_num_labels");
}

std::string ModelConfig::text() const { return dump_json(sorted(raw_), 2) + "\n"; }

void ModelConfig::save(const std::string& path) const { write_file_atomic(path, text()); }

}  // namespace tilefit
