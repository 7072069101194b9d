// config.json of a model: all keys as they were read (unknown ones too, for a later save) and typed getters whose messages name the
// file and the key. What a key means is the models' business (models/).
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tilefit/base/json.h"

namespace tilefit {

class ModelConfig {
 public:
  /// raw: the object; where: the file for messages. Throws Error(kFailed) when raw is not an object.
  explicit ModelConfig(Json raw, std::string where = "config.json");
  /// Reads a config.json. Throws Error(kFailed) as read_json_file does.
  static ModelConfig load(const std::string& path);

  /// All keys, in file order (in the order they were set for new ones).
  const Json& raw() const noexcept { return raw_; }
  const std::string& where() const noexcept { return where_; }

  /// True when the key is there and not null.
  bool has(std::string_view key) const;

  /// Value of a key. Throws Error(kFailed) when the key is missing or null, of another type, or outside [low, high].
  /// A number such as 12.0 is taken as an integer; an integer as a real.
  int64_t get_int(std::string_view key, int64_t low = std::numeric_limits<int64_t>::min(),
                  int64_t high = std::numeric_limits<int64_t>::max()) const;
  double get_double(std::string_view key, double low = std::numeric_limits<double>::lowest(),
                    double high = std::numeric_limits<double>::max()) const;
  bool get_bool(std::string_view key) const;
  std::string get_string(std::string_view key) const;

  /// As above with a value for a key that is missing or null (Hugging Face's default of that key).
  int64_t int_or(std::string_view key, int64_t fallback, int64_t low = std::numeric_limits<int64_t>::min(),
                 int64_t high = std::numeric_limits<int64_t>::max()) const;
  double double_or(std::string_view key, double fallback, double low = std::numeric_limits<double>::lowest(),
                   double high = std::numeric_limits<double>::max()) const;
  bool bool_or(std::string_view key, bool fallback) const;
  std::string string_or(std::string_view key, std::string fallback) const;

  /// "model_type" ("bert"); when old files lack it, taken from "architectures" where that is clear, else an Error.
  std::string model_type() const;
  /// Number of labels: size of "id2label", else "num_labels" (or "_num_labels"), else 2 as in Hugging Face.
  int64_t num_labels() const;

  void set(const std::string& key, Json value) { raw_[key] = std::move(value); }
  void erase(const std::string& key) { raw_.erase(key); }
  /// Sets "architectures" to the one class that was trained ("BertForQuestionAnswering").
  void set_architecture(const std::string& class_name);
  /// Notes the type of the saved weights ("float32") under the key that the file has ("dtype" or "torch_dtype"), else "torch_dtype".
  void set_dtype(std::string_view name);
  /// Sets id2label and label2id ({"0": name, ...} and back).
  void set_labels(const std::vector<std::string>& names);

  /// The text save_pretrained writes: indent 2, keys sorted (id2label by number), newline at the end. All keys are kept.
  std::string text() const;
  /// Writes text() atomically. Throws Error(kEnvironment).
  void save(const std::string& path) const;

 private:
  const Json* find(std::string_view key) const;
  const Json& need(std::string_view key) const;
  [[noreturn]] void wrong_type(std::string_view key, const Json& value, std::string_view expected) const;

  Json raw_;
  std::string where_;
};

}  // namespace tilefit
