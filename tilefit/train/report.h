// Texts and files in which a run reports its results, as transformers writes them: metric tables, log lines, *_results.json, model card.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tilefit/base/json.h"

namespace tilefit {

/// "***** train metrics *****" and one line a metric, sorted: times as h:mm:ss.ss, total_flos in GF, other reals to 4 decimals.
std::string metrics_table(const std::string& split, const Json& metrics);

/// A log entry as Python prints the dictionary: {'loss': 1.2345, 'grad_norm': 2.5, 'learning_rate': 4.1e-05, 'epoch': 0.18}.
/// Loss and norm have 4 decimals, the epoch 2; step and total_flos are left out.
std::string log_entry_text(const Json& entry);

/// Writes directory/SPLIT_results.json and adds the metrics to directory/all_results.json (indent 4, sorted keys). Throws Error as
/// write_file_atomic does, and when an all_results.json that is there is damaged.
void save_metrics(const std::string& directory, const std::string& split, const Json& metrics);

/// What the model card says.
struct ModelCard {
  std::string model_name;                                            ///< of the output directory
  std::string base_model;                                            ///< as the user named it; a local path is not linked
  std::string dataset;                                               ///< "" = files of the user's own
  std::vector<std::pair<std::string, std::string>> hyperparameters;  ///< name, value
  Json eval_metrics;                                                 ///< null when there was no evaluation
  Json log_history;                                                  ///< for the table of training losses
};

/// Text of README.md with its YAML head.
std::string model_card_text(const ModelCard& card);

}  // namespace tilefit
