#include "tilefit/train/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <set>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

constexpr const char* kWhere = "--lr_scheduler_kwargs";
constexpr double kPi = std::numbers::pi;

/// Reads settings and remembers which, so that a misspelt one is an error instead of silence.
class Settings {
 public:
  Settings(const Json& object, std::string schedule) : object_(object), schedule_(std::move(schedule)) {
    if (!object_.is_null() && !object_.is_object())
      throw Error(Code::kUsage, fmt::format("the settings are {}, expected an object", object_.dump()), kWhere,
                  "--lr_scheduler_kwargs '{\"num_cycles\": 1}'");
  }

  std::optional<double> number(const char* name) {
    known_.push_back(name);
    const Json* value = find(name);
    if (!value) return std::nullopt;
    if (!value->is_number() || !std::isfinite(value->get<double>())) fail(name, "a number", *value);
    return value->get<double>();
  }

  std::optional<int64_t> count(const char* name) {
    const auto value = number(name);
    if (!value) return std::nullopt;
    if (*value < 0 || *value != std::floor(*value) || *value > 1e15) fail(name, "a number of steps", *find(name));
    return static_cast<int64_t>(*value);
  }

  std::string text(const char* name, const char* fallback) {
    known_.push_back(name);
    const Json* value = find(name);
    if (!value) return fallback;
    if (!value->is_string()) fail(name, "a text", *value);
    return value->get<std::string>();
  }

  /// Throws when a setting was given that nobody asked for.
  void finish() const {
    if (!object_.is_object()) return;
    for (const auto& item : object_.items())
      if (std::find(known_.begin(), known_.end(), item.key()) == known_.end())
        throw Error(Code::kUsage, fmt::format("schedule '{}' has no setting '{}'", schedule_, item.key()), kWhere,
                    known_.empty() ? "no --lr_scheduler_kwargs" : fmt::format("one of: {}", fmt::join(known_, ", ")));
  }

 private:
  const Json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto it = object_.find(name);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  [[noreturn]] void fail(const char* name, const char* expected, const Json& value) const {
    throw Error(Code::kUsage,
                fmt::format("setting '{}' of schedule '{}' is {}, expected {}", name, schedule_, value.dump(), expected),
                kWhere);
  }

  const Json& object_;
  std::string schedule_;
  std::vector<std::string> known_;
};

double cosine(double cycles, double progress) { return 0.5 * (1 + std::cos(kPi * cycles * 2 * progress)); }

}  // namespace

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"linear",
                                                 "cosine",
                                                 "cosine_with_restarts",
                                                 "polynomial",
                                                 "constant",
                                                 "constant_with_warmup",
                                                 "inverse_sqrt",
                                                 "cosine_with_min_lr",
                                                 "cosine_warmup_with_min_lr",
                                                 "warmup_stable_decay"};
  return names;
}

int64_t num_warmup_steps(double warmup_steps, double warmup_ratio, int64_t total_steps) {
  if (warmup_steps >= 1) return static_cast<int64_t>(warmup_steps);
  const double share = warmup_steps > 0 ? warmup_steps : warmup_ratio;
  return static_cast<int64_t>(std::ceil(static_cast<double>(total_steps) * share));
}

Schedule::Ramp Schedule::parse_ramp(const std::string& text, const char* setting) {
  if (text == "linear") return Ramp::kLinear;
  if (text == "cosine") return Ramp::kCosine;
  if (text == "1-sqrt") return Ramp::kOneMinusSqrt;
  throw Error(Code::kUsage, fmt::format("setting '{}' is '{}', expected linear, cosine or 1-sqrt", setting, text), kWhere);
}

Schedule::Schedule(const std::string& name, double base_rate, int64_t warmup_steps, int64_t total_steps, const Json& kwargs)
    : kind_(Kind::kLinear), base_rate_(base_rate), warmup_(warmup_steps), total_(total_steps) {
  const auto& names = schedule_names();
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end())
    throw Error(Code::kUsage, fmt::format("unknown learning-rate schedule '{}'", name), "--lr_scheduler_type",
                fmt::format("one of: {}", fmt::join(names, ", ")));
  kind_ = static_cast<Kind>(at - names.begin());

  Settings settings(kwargs, name);
  switch (kind_) {
    case Kind::kLinear:
    case Kind::kConstant:
    case Kind::kConstantWithWarmup: break;
    case Kind::kCosine: cycles_ = settings.number("num_cycles").value_or(0.5); break;
    case Kind::kCosineWithRestarts: cycles_ = settings.number("num_cycles").value_or(1); break;
    case Kind::kPolynomial:
      power_ = settings.number("power").value_or(1);
      rate_end_ = settings.number("lr_end").value_or(1e-7);
      if (!(base_rate_ > rate_end_))
        throw Error(Code::kUsage,
                    fmt::format("lr_end ({}) must be smaller than the learning rate ({})", rate_end_, base_rate_), kWhere);
      break;
    case Kind::kInverseSqrt:
      timescale_ = settings.number("timescale").value_or(warmup_ > 0 ? static_cast<double>(warmup_) : 10000);
      if (timescale_ <= 0)
        throw Error(Code::kUsage, fmt::format("timescale is {}, expected more than 0", timescale_), kWhere);
      break;
    case Kind::kCosineWithMinLr:
    case Kind::kCosineWarmupWithMinLr: {
      cycles_ = settings.number("num_cycles").value_or(0.5);
      const auto min_lr = settings.number("min_lr"), min_lr_rate = settings.number("min_lr_rate");
      if (min_lr.has_value() == min_lr_rate.has_value())
        throw Error(Code::kUsage, fmt::format("schedule '{}' takes exactly one of min_lr and min_lr_rate", name), kWhere,
                    "--lr_scheduler_kwargs '{\"min_lr_rate\": 0.1}'");
      min_rate_ = min_lr ? *min_lr / base_rate_ : *min_lr_rate;
      if (kind_ == Kind::kCosineWarmupWithMinLr) warmup_from_ = settings.number("warmup_lr_rate").value_or(-1);
      break;
    }
    case Kind::kWarmupStableDecay: {
      const auto decay = settings.count("num_decay_steps");
      if (!decay)
        throw Error(Code::kUsage, "schedule 'warmup_stable_decay' needs num_decay_steps", kWhere,
                    "--lr_scheduler_kwargs '{\"num_decay_steps\": 100}'");
      decay_ = *decay;
      stable_ = settings.count("num_stable_steps").value_or(total_ - warmup_ - decay_);
      warmup_ramp_ = parse_ramp(settings.text("warmup_type", "linear"), "warmup_type");
      decay_ramp_ = parse_ramp(settings.text("decay_type", "cosine"), "decay_type");
      min_rate_ = settings.number("min_lr_ratio").value_or(0);
      cycles_ = settings.number("num_cycles").value_or(0.5);
      break;
    }
  }
  settings.finish();
}

double Schedule::progress(int64_t step) const {
  return static_cast<double>(step - warmup_) / static_cast<double>(std::max<int64_t>(1, total_ - warmup_));
}

double Schedule::factor(int64_t step) const {
  if (kind_ == Kind::kConstant) return 1;
  if (kind_ == Kind::kWarmupStableDecay) return warmup_stable_decay(step);
  if (kind_ == Kind::kCosineWarmupWithMinLr) return cosine_warmup_with_min_lr(step);
  if (step < warmup_) return static_cast<double>(step) / static_cast<double>(warmup_);
  switch (kind_) {
    case Kind::kLinear:
      return std::max(0.0, static_cast<double>(total_ - step) / static_cast<double>(std::max<int64_t>(1, total_ - warmup_)));
    case Kind::kCosine: return std::max(0.0, cosine(cycles_, progress(step)));
    case Kind::kCosineWithMinLr: return std::max(0.0, cosine(cycles_, progress(step)) * (1 - min_rate_) + min_rate_);
    case Kind::kCosineWithRestarts:
      if (progress(step) >= 1) return 0;
      return std::max(0.0, 0.5 * (1 + std::cos(kPi * std::fmod(cycles_ * progress(step), 1.0))));
    case Kind::kPolynomial: {
      if (step > total_ || total_ == warmup_) return rate_end_ / base_rate_;
      const double remaining = 1 - static_cast<double>(step - warmup_) / static_cast<double>(total_ - warmup_);
      return ((base_rate_ - rate_end_) * std::pow(remaining, power_) + rate_end_) / base_rate_;
    }
    case Kind::kInverseSqrt:
      return 1 / std::sqrt((static_cast<double>(step) + timescale_ - static_cast<double>(warmup_)) / timescale_);
    default: return 1;
  }
}

double Schedule::cosine_warmup_with_min_lr(int64_t step) const {
  const auto done = static_cast<double>(step), warmup = static_cast<double>(warmup_);
  if (step < warmup_) {
    if (warmup_from_ < 0) return (done + 1) / warmup;
    return warmup_from_ + (1 - warmup_from_) * done / std::max(1.0, warmup - 1);
  }
  const double along = (done - warmup + 1) / std::max(1.0, static_cast<double>(total_ - warmup_));
  return std::max(0.0, cosine(cycles_, along) * (1 - min_rate_) + min_rate_);
}

double Schedule::warmup_stable_decay(int64_t step) const {
  const auto above_min = [&](double part) { return std::max(0.0, part * (1 - min_rate_) + min_rate_); };
  if (step < warmup_) {
    const double along = static_cast<double>(step) / static_cast<double>(warmup_);
    if (warmup_ramp_ == Ramp::kLinear) return above_min(along);
    if (warmup_ramp_ == Ramp::kCosine) return above_min(0.5 * (1 - std::cos(kPi * along)));
    return above_min(1 - std::sqrt(1 - along));
  }
  if (step < warmup_ + stable_) return 1;
  if (step >= warmup_ + stable_ + decay_) return min_rate_;
  const double along = static_cast<double>(step - warmup_ - stable_) / static_cast<double>(decay_);
  if (decay_ramp_ == Ramp::kLinear) return above_min(1 - along);
  if (decay_ramp_ == Ramp::kCosine) return above_min(cosine(cycles_, along));
  return above_min(1 - std::sqrt(along));
}

}  // namespace tilefit
