#include "tilefit/train/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tilefit/base/files.h"

namespace tilefit {
namespace {

/// A number rounded as Python's round() does for these sizes.
double rounded(double value, double digits) {
  return std::isfinite(value) ? std::nearbyint(value * digits) / digits : value;
}

/// "0:12:03.45", with days in front as Python's timedelta writes them.
std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  const int hundredths = static_cast<int>((seconds - static_cast<double>(whole)) * 100);
  const std::string clock =
      fmt::format("{}:{:02}:{:02}.{:02}", whole % 86400 / 3600, whole % 3600 / 60, whole % 60, hundredths);
  const int64_t days = whole / 86400;
  return days == 0 ? clock : fmt::format("{} day{}, {}", days, days == 1 ? "" : "s", clock);
}

std::string value_text(const std::string& key, const Json& value) {
  if (key.find("_runtime") != std::string::npos && value.is_number()) return duration_text(value.get<double>());
  if (key == "total_flos") return fmt::format("{}GF", static_cast<int64_t>(value.get<double>()) >> 30);
  if (value.is_number_float()) return dump_json(rounded(value.get<double>(), 1e4), -1);
  return value.is_string() ? value.get<std::string>() : dump_json(value, -1);
}

std::string yaml_quoted(const std::string& text) { return dump_json(text, -1); }

/// A base model that is a hub id ("org/name" or "name"), not a path on this machine.
bool is_hub_id(const std::string& name) {
  return !name.empty() && name[0] != '.' && name[0] != '/' && std::count(name.begin(), name.end(), '/') <= 1 &&
         !directory_exists(name);
}

std::string card_head(const ModelCard& card) {
  std::string text = "---\nlibrary_name: transformers\n";
  if (is_hub_id(card.base_model)) text += "base_model: " + card.base_model + "\n";
  text += "tags:\n- generated_from_trainer\n- question-answering\n";
  if (!card.dataset.empty()) text += "datasets:\n- " + card.dataset + "\n";
  text += "model-index:\n- name: " + yaml_quoted(card.model_name) + "\n  results: []\n---\n\n";
  return text;
}

/// | Training Loss | Epoch | Step | Learning Rate | of the log.
std::string loss_table(const Json& log_history) {
  std::string rows;
  for (const Json& entry : log_history)
    if (entry.contains("loss"))
      rows += fmt::format("| {:.4f} | {:.4f} | {} | {:.4g} |\n", entry["loss"].get<double>(), entry["epoch"].get<double>(),
                          entry["step"].get<int64_t>(), entry["learning_rate"].get<double>());
  if (rows.empty()) return "";
  return "\n### Training results\n\n| Training Loss | Epoch | Step | Learning Rate |\n|:---:|:---:|:---:|:---:|\n" + rows;
}

}  // namespace

std::string metrics_table(const std::string& split, const Json& metrics) {
  std::map<std::string, std::string> lines;
  size_t key_width = 0, value_width = 0;
  for (const auto& item : metrics.items()) {
    const std::string text = value_text(item.key(), item.value());
    key_width = std::max(key_width, item.key().size());
    value_width = std::max(value_width, text.size());
    lines[item.key()] = text;
  }
  std::string table = fmt::format("***** {} metrics *****\n", split);
  for (const auto& [key, text] : lines) table += fmt::format("  {:<{}} = {:>{}}\n", key, key_width, text, value_width);
  return table;
}

std::string log_entry_text(const Json& entry) {
  std::string text = "{";
  for (const auto& item : entry.items()) {
    if (item.key() == "step" || item.key() == "total_flos") continue;
    Json value = item.value();
    if (item.key() == "epoch") value = rounded(value.get<double>(), 1e2);
    else if (value.is_number_float() && item.key() != "learning_rate") value = rounded(value.get<double>(), 1e4);
    text += fmt::format("{}'{}': {}", text.size() > 1 ? ", " : "", item.key(), dump_json(value, -1));
  }
  return text + "}";
}

void save_metrics(const std::string& directory, const std::string& split, const Json& metrics) {
  write_file_atomic(directory + "/" + split + "_results.json", dump_json(metrics, 4, true));
  const std::string all_path = directory + "/all_results.json";
  Json all = file_exists(all_path) ? read_json_file(all_path) : Json::object();
  if (!all.is_object()) all = Json::object();
  for (const auto& item : metrics.items()) all[item.key()] = item.value();
  write_file_atomic(all_path, dump_json(all, 4, true));
}

std::string model_card_text(const ModelCard& card) {
  std::string text = card_head(card);
  const std::string base =
      is_hub_id(card.base_model) ? fmt::format("[{0}](https://huggingface.co/{0})", card.base_model) : "a local model";
  text += fmt::format("# {}\n\nThis model is a fine-tuned version of {} on {}.\n", card.model_name, base,
                      card.dataset.empty() ? "a local data set" : fmt::format("the {} dataset", card.dataset));
  if (card.eval_metrics.is_object()) {
    text += "It achieves the following results on the evaluation set:\n";
    for (const auto& item : card.eval_metrics.items()) {
      if (item.key().ends_with("_runtime") || item.key().ends_with("_per_second")) continue;  // speed is no result
      text += fmt::format("- {}: {}\n", item.key().starts_with("eval_") ? item.key().substr(5) : item.key(),
                          value_text("", item.value()));
    }
  }
  text +=
      "\n## Training procedure\n\n### Training hyperparameters\n\nThe following hyperparameters were used during "
      "training:\n";
  for (const auto& [name, value] : card.hyperparameters) text += fmt::format("- {}: {}\n", name, value);
  text += loss_table(card.log_history);
  text += "\n### Framework versions\n\n- tilefit " TILEFIT_VERSION "\n";
  return text;
}

}  // namespace tilefit
