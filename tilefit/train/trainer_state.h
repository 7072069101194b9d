// Where a training run stands, in the form of transformers' trainer_state.json.
#pragma once
#include <cstdint>
#include <string>

#include "tilefit/base/json.h"

namespace tilefit {

struct TrainerState {
  double epoch = 0;
  int64_t global_step = 0, max_steps = 0;
  int64_t num_train_epochs = 0;
  int64_t train_batch_size = 0;  ///< examples of a leaf
  int64_t logging_steps = 500, eval_steps = 500, save_steps = 500;
  double total_flos = 0;
  int64_t num_input_tokens_seen = 0;
  Json log_history = Json::array();

  /// Text of trainer_state.json: indent 2, sorted keys, newline at the end.
  std::string text() const;
};

}  // namespace tilefit
