// What a run shows while it works: a progress line and the log entries. On a terminal the line is drawn again and again in place;
// elsewhere (a file, a batch system) a plain line comes every 30 seconds.
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "tilefit/train/callbacks.h"

namespace tilefit {

/// Where a run's output goes: the program gives its streams, tests catch the text.
struct RunOutput {
  std::function<void(std::string_view)> result;    ///< results (stdout); null: nowhere
  std::function<void(std::string_view)> terminal;  ///< a terminal that shows the log (stderr); null: there is none
};

/// The progress line of a loop whose units are counted.
class ProgressLine {
 public:
  using Clock = std::chrono::steady_clock;

  /// enabled false: shows nothing at all (--disable_tqdm).
  ProgressLine(const RunOutput& output, bool enabled) : output_(output), enabled_(enabled) {}

  /// Shows text() when it is time to: 10 times a second on a terminal, else every 30 seconds.
  void update(const std::function<std::string()>& text);
  /// Takes the line off the terminal, so that other lines can be written.
  void clear();

 private:
  const RunOutput& output_;
  bool enabled_;
  bool drawn_ = false;
  Clock::time_point last_ = Clock::now();
};

/// Shows a training run.
class Console : public TrainCallback {
 public:
  /// output outlives it.
  Console(const RunOutput& output, bool show_progress) : line_(output, show_progress) {}

  void on_begin(int64_t max_steps) override;
  void on_step(const StepInfo& info) override;
  void on_log(const Json& entry) override;
  void on_end() override { line_.clear(); }

 private:
  ProgressLine line_;
  ProgressLine::Clock::time_point start_;
  int64_t examples_ = 0, tokens_ = 0;
};

/// "12/120 | loss 4.1234 | lr 8.1e-05 | 12.3 examples/s | 2,140 tokens/s | ETA 1:23". elapsed_s: for the steps so far.
std::string progress_text(const StepInfo& info, int64_t examples, int64_t tokens, double elapsed_s);

/// 1234567 as "1,234,567".
std::string with_thousands(int64_t value);

}  // namespace tilefit
