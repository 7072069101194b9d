#include "tilefit/train/console.h"

#include <fmt/format.h>

#include <algorithm>

#include "tilefit/base/json.h"
#include "tilefit/base/log.h"
#include "tilefit/train/report.h"

namespace tilefit {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlainLine = std::chrono::seconds(30);
constexpr std::string_view kEraseLine = "\r\033[2K";

std::string clock_text(double seconds) {
  const auto s = static_cast<int64_t>(std::max(0.0, seconds) + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s % 3600 / 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

double since(ProgressLine::Clock::time_point start) {
  return std::chrono::duration<double>(ProgressLine::Clock::now() - start).count();
}

}  // namespace

void ProgressLine::update(const std::function<std::string()>& text) {
  if (!enabled_ || log_level() > LogLevel::kInfo) return;
  const auto now = Clock::now();
  if (output_.terminal) {
    if (drawn_ && now - last_ < kRedraw) return;
    output_.terminal(std::string(kEraseLine) + text());
    drawn_ = true;
  } else {
    if (now - last_ < kPlainLine) return;
    log_plain(text());
  }
  last_ = now;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  output_.terminal(kEraseLine);
  drawn_ = false;
}

void Console::on_begin(int64_t /*max_steps*/) {
  start_ = ProgressLine::Clock::now();
  examples_ = tokens_ = 0;
}

void Console::on_step(const StepInfo& info) {
  examples_ += info.num_examples;
  tokens_ += info.num_real_tokens;
  if (info.skipped) {
    line_.clear();
    log_warning("training", "step {} is left out: loss {}, gradient norm {}", info.step, info.loss, info.grad_norm);
  }
  line_.update([&] { return progress_text(info, examples_, tokens_, since(start_)); });
}

void Console::on_log(const Json& entry) {
  line_.clear();
  log_plain(log_entry_text(entry));
}

std::string progress_text(const StepInfo& info, int64_t examples, int64_t tokens, double elapsed_s) {
  const double seconds = std::max(elapsed_s, 1e-9);
  return fmt::format("{}/{} | loss {:.4f} | lr {:.3g} | {:.1f} examples/s | {} tokens/s | ETA {}", info.step, info.max_steps,
                     info.loss, info.learning_rate, static_cast<double>(examples) / seconds,
                     with_thousands(static_cast<int64_t>(static_cast<double>(tokens) / seconds)),
                     clock_text(seconds / static_cast<double>(std::max<int64_t>(1, info.step)) *
                                static_cast<double>(info.max_steps - info.step)));
}

std::string with_thousands(int64_t value) {
  std::string text = fmt::format("{}", value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

}  // namespace tilefit
