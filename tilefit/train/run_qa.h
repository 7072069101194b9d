// `tilefit run_qa`: the whole flow of transformers' run_qa.py, from flags to the files in --output_dir.
// The steps themselves live elsewhere (trainer, qa_logits, tasks); here is their order, and what is logged and written when.
#pragma once
#include "tilefit/base/json.h"
#include "tilefit/train/console.h"
#include "tilefit/train/train_flags.h"

namespace tilefit {

/// Trains, evaluates and predicts as the flags say. Returns all metrics ("train_loss", "eval_f1", ...).
/// Throws Error: as parse_run_flags' callers know, output directory not empty, unreadable data or model, vocabulary mismatch, memory.
Json run_qa(const RunFlags& flags, const RunOutput& output);

/// As run_qa.py: a directory that is not empty is not trained into unless the user says so. Throws Error(kUsage).
void check_output_dir(const std::string& directory, bool overwrite);

}  // namespace tilefit
