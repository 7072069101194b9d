#include "tilefit/hub/weight_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "tilefit/base/error.h"

namespace tilefit {
namespace {

bool has_part(std::string_view name, std::string_view part) {
  for (size_t at = name.find(part); at != name.npos; at = name.find(part, at + 1)) {
    const size_t end = at + part.size();
    if ((at == 0 || name[at - 1] == '.') && (end == name.size() || name[end] == '.')) return true;
  }
  return false;
}

/// Today's name of a tensor: TensorFlow-era files call LayerNorm's weight gamma and its bias beta.
std::string modern_name(const std::string& name) {
  if (name.ends_with(".gamma")) return name.substr(0, name.size() - 5) + "weight";
  if (name.ends_with(".beta")) return name.substr(0, name.size() - 4) + "bias";
  return name;
}

/// Names that transformers does not report: index buffers, and the pooler of a model that has none.
bool is_silent(std::string_view name) {
  return has_part(name, "position_ids") || has_part(name, "token_type_ids") || has_part(name, "pooler");
}

/// Modern names of a file's tensors and those already taken.
class NameTable {
 public:
  NameTable(const WeightFiles& files, const std::string& base_prefix)
      : prefix_(base_prefix.empty() ? "" : base_prefix + ".") {
    // A name that is there in today's form wins over the same tensor under its old name.
    for (const TensorInfo* const tensor : files.tensors()) by_name_.emplace(tensor->name, tensor);
    for (const TensorInfo* const tensor : files.tensors()) by_name_.emplace(modern_name(tensor->name), tensor);
  }

  /// The tensor under this name, or with the base prefix dropped or added.
  const TensorInfo* find(const std::string& name) const {
    if (const TensorInfo* const tensor = get(name)) return tensor;
    if (prefix_.empty()) return nullptr;
    return name.starts_with(prefix_) ? get(name.substr(prefix_.size())) : get(prefix_ + name);
  }

 private:
  const TensorInfo* get(const std::string& name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : it->second;
  }

  std::string prefix_;
  std::unordered_map<std::string, const TensorInfo*> by_name_;
};

/// What most likely makes a shape differ, as a thing to try.
std::string remedy(const WantedTensor& wanted, const TensorInfo& found, const std::string& base_prefix) {
  const std::string_view name = wanted.name;
  const bool encoder = !base_prefix.empty() && name.starts_with(base_prefix + ".");
  if (has_part(name, "word_embeddings")) return "the config.json that belongs to these weights ('vocab_size' differs)";
  if (has_part(name, "position_embeddings"))
    return "the config.json that belongs to these weights ('max_position_embeddings' differs)";
  if (encoder || wanted.shape.size() != found.shape.size() || wanted.shape.empty())
    return "the config.json that belongs to these weights (its sizes differ)";
  if (wanted.shape.front() != found.shape.front() &&
      std::equal(wanted.shape.begin() + 1, wanted.shape.end(), found.shape.begin() + 1))
    return fmt::format(
        "--ignore_mismatched_sizes true for a new head, or data with {} labels, as the checkpoint was trained on",
        found.shape.front());
  return "--ignore_mismatched_sizes true, which starts this tensor anew";
}

/// repr() of a Python string, for names.
std::string quoted(const std::string& text) {
  const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  return quote + text + quote;
}

/// repr() of a Python list of strings.
std::string list_text(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + quoted(name);
  return "[" + text + "]";
}

constexpr std::string_view kTrainIt =
    "You should probably TRAIN this model on a down-stream task to be able to use it for predictions and inference.";

}  // namespace

WeightMatches match_weights(const WeightFiles& files, std::span<const WantedTensor> wanted, const WeightOptions& options) {
  const NameTable table(files, options.base_prefix);
  WeightMatches result;
  std::unordered_map<const TensorInfo*, bool> used;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const WantedTensor& want = wanted[i];
    const TensorInfo* tensor = table.find(want.name);
    for (const std::string& alias : want.aliases) {
      const TensorInfo* const other = table.find(alias);
      if (other) used[other] = true;  // a second copy of tied weights is not unexpected
      if (!tensor) tensor = other;
    }
    if (!tensor) {
      result.missing.push_back(want.name);
      continue;
    }
    used[tensor] = true;
    if (tensor->shape != want.shape) {
      if (!options.ignore_mismatched_sizes)
        throw Error(Code::kFailed,
                    fmt::format("{}: tensor '{}' has shape {}, expected {}", files.path(), tensor->name,
                                shape_text(tensor->shape), shape_text(want.shape)),
                    "hub/weights", remedy(want, *tensor, options.base_prefix));
      result.mismatched.push_back({want.name, tensor->shape, want.shape});
      continue;
    }
    if (!is_floating(tensor->dtype))
      throw Error(Code::kFailed,
                  fmt::format("{}: tensor '{}' holds {} values, expected floating point", files.path(), tensor->name,
                              dtype_name(tensor->dtype)),
                  "hub/weights", "weights that are not quantized");
    result.matched.push_back({i, tensor});
  }
  if (result.matched.empty() && result.mismatched.empty() && !wanted.empty())
    throw Error(Code::kFailed,
                fmt::format("{}: none of the model's {} tensors is in the file (the first: '{}')", files.path(),
                            wanted.size(), wanted.front().name),
                "hub/weights", "the config.json that belongs to these weights ('model_type' differs)");
  for (const TensorInfo* const tensor : files.tensors())
    if (!used.count(tensor) && !is_silent(tensor->name)) result.unexpected.push_back(modern_name(tensor->name));
  std::sort(result.missing.begin(), result.missing.end());
  std::sort(result.unexpected.begin(), result.unexpected.end());
  return result;
}

WeightMatches load_weights(const WeightFiles& files, std::span<const WantedTensor> wanted, const WeightOptions& options,
                           FunctionRef<float*(size_t)> destination) {
  WeightMatches result = match_weights(files, wanted, options);
  for (const auto& match : result.matched)
    if (float* const out = destination(match.wanted))
      convert_to_f32(match.tensor->dtype, match.tensor->data, out, match.tensor->num_elements());
  return result;
}

std::string WeightMatches::unused_warning(std::string_view model_class, std::string_view checkpoint) const {
  if (unexpected.empty()) return "";
  return fmt::format(
      "Some weights of the model checkpoint at {1} were not used when initializing {0}: {2}\n"
      "- This IS expected if you are initializing {0} from the checkpoint of a model trained on another task or with "
      "another "
      "architecture (e.g. initializing a BertForSequenceClassification model from a BertForPreTraining model).\n"
      "- This IS NOT expected if you are initializing {0} from the checkpoint of a model that you expect to be exactly "
      "identical "
      "(initializing a BertForSequenceClassification model from a BertForSequenceClassification model).",
      model_class, checkpoint, list_text(unexpected));
}

std::string WeightMatches::missing_warning(std::string_view model_class, std::string_view checkpoint) const {
  if (missing.empty()) return "";
  return fmt::format(
      "Some weights of {} were not initialized from the model checkpoint at {} and are newly initialized: {}\n{}",
      model_class, checkpoint, list_text(missing), kTrainIt);
}

std::string WeightMatches::mismatch_warning(std::string_view model_class, std::string_view checkpoint) const {
  if (mismatched.empty()) return "";
  std::string lines;
  for (const Mismatch& m : mismatched)
    lines += fmt::format("- {}: found shape torch.Size({}) in the checkpoint and torch.Size({}) in the model instantiated\n",
                         m.name, shape_text(m.found), shape_text(m.wanted));
  return fmt::format(
      "Some weights of {} were not initialized from the model checkpoint at {} and are newly initialized because the shapes "
      "did not "
      "match:\n{}{}",
      model_class, checkpoint, lines, kTrainIt);
}

}  // namespace tilefit
