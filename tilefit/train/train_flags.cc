// Parsing, and what flags mean together.
#include "tilefit/train/train_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "tilefit/base/error.h"
#include "tilefit/base/flag_value.h"
#include "tilefit/base/json.h"
#include "tilefit/train/optimizer.h"

namespace tilefit {
namespace {

[[noreturn]] void usage_error(std::string what, std::string try_this = "") {
  throw Error(Code::kUsage, std::move(what), "", std::move(try_this));
}

/// A launcher that started several processes expects them to work together: alone, each would train a model of its own.
void check_single_process() {
  for (const char* name : {"PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "WORLD_SIZE"}) {
    const char* const text = std::getenv(name);
    int size = 0;
    if (!text || std::from_chars(text, text + std::string_view(text).size(), size).ec != std::errc() || size <= 1) continue;
    throw Error(Code::kUsage,
                fmt::format("a launcher started {} processes ({} is set), and for now training runs as one: each would "
                            "train a model of its own",
                            size, name),
                "", fmt::format("the same command without the launcher, or unset {}", name));
  }
}

void check_work(const DataFlags& data, const TrainFlags& train) {
  if (!data.dataset_name && !data.train_file && !data.validation_file && !data.test_file)
    usage_error("Need either a dataset name or a training/validation file/test_file",
                "--dataset_name squad, or --train_file FILE");
  if (!train.do_train && !train.do_eval && !train.do_predict)
    usage_error("There is nothing to do. Please pass `do_train`, `do_eval` and/or `do_predict`", "--do_train --do_eval");
  if (data.dataset_name) return;
  if (train.do_train && !data.train_file) usage_error("--do_train requires a train dataset", "--train_file FILE");
  if (train.do_eval && !data.validation_file)
    usage_error("--do_eval requires a validation dataset", "--validation_file FILE");
  if (train.do_predict && !data.test_file) usage_error("--do_predict requires a test dataset", "--test_file FILE");
}

void check_interval(const char* flag, double value, const std::string& strategy) {
  if (strategy != "steps") return;
  if (value == 0) usage_error(fmt::format("--{} 0: must be above 0 when its strategy is steps", flag));
  if (value > 1 && value != std::floor(value))
    usage_error(fmt::format("--{} {}: must be a whole number, or a fraction of all steps below 1", flag, value));
}

void check_steps(const TrainFlags& train) {
  check_interval("logging_steps", train.logging_steps, train.logging_strategy);
  check_interval("save_steps", train.save_steps, train.save_strategy);
  check_interval("eval_steps", train.eval_steps.value_or(train.logging_steps), train.eval_strategy);
  if (train.warmup_steps >= 1 && train.warmup_steps != std::floor(train.warmup_steps))
    usage_error(
        fmt::format("--warmup_steps {}: must be a whole number, or a fraction of all steps below 1", train.warmup_steps));
  if (train.load_best_model_at_end && train.eval_strategy != train.save_strategy)
    usage_error(fmt::format(
        "--load_best_model_at_end requires the save and eval strategy to match, found eval_strategy {} and save_strategy {}",
        train.eval_strategy, train.save_strategy));
}

PaddingMode resolve_padding(const RunFlags& flags) {
  const std::string& own = flags.tilefit.padding;
  if (flags.is_given("pad_to_max_length")) {
    const bool pad = flags.data.pad_to_max_length;
    if (flags.is_given("padding") && pad != (own == "max_length"))
      usage_error(fmt::format("--pad_to_max_length {} and --padding {} contradict each other", pad ? "true" : "false", own),
                  "only one of them");
    if (pad) return PaddingMode::kMaxLength;
    if (!flags.is_given("padding")) return PaddingMode::kLongest;
  }
  return own == "packed" ? PaddingMode::kPacked : own == "longest" ? PaddingMode::kLongest : PaddingMode::kMaxLength;
}

SamplingStrategy resolve_sampling(const RunFlags& flags) {
  const std::string& name = flags.train.train_sampling_strategy;
  if (flags.train.group_by_length) {
    if (flags.is_given("train_sampling_strategy") && name != "group_by_length")
      usage_error(fmt::format("--group_by_length and --train_sampling_strategy {} contradict each other", name),
                  "only one of them");
    return SamplingStrategy::kGroupByLength;
  }
  if (name == "sequential") return SamplingStrategy::kSequential;
  return name == "random" ? SamplingStrategy::kRandom : SamplingStrategy::kGroupByLength;
}

int64_t resolve_leaves(const RunFlags& flags) {
  const int64_t accumulation = flags.train.gradient_accumulation_steps, micro = flags.train.per_device_train_batch_size;
  if (!flags.tilefit.total_train_batch_size) return accumulation;
  const int64_t total = *flags.tilefit.total_train_batch_size;
  if (total % micro != 0)
    usage_error(
        fmt::format("--total_train_batch_size {} is not a multiple of --per_device_train_batch_size {}", total, micro));
  if (flags.is_given("gradient_accumulation_steps") && total != micro * accumulation)
    usage_error(fmt::format("--total_train_batch_size {} contradicts --per_device_train_batch_size {} times "
                            "--gradient_accumulation_steps {}",
                            total, micro, accumulation),
                "leaving out --gradient_accumulation_steps");
  return total / micro;
}

/// "momentum=0.9,nesterov=True" as transformers splits it: blanks dropped, then at commas, then at '='.
std::vector<std::pair<std::string, double>> parse_optim_args(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  std::vector<std::pair<std::string, double>> out;
  for (size_t at = 0; at <= text.size() && !text.empty();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, end - at);
    at = end + 1;
    const size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0)
      usage_error(fmt::format("--optim_args: '{}' is not of the form name=value", item));
    const std::string name = item.substr(0, equals), value = item.substr(equals + 1);
    double number = value == "True" || value == "true" ? 1 : 0;
    if (number == 0 && value != "False" && value != "false") {
      const char* const value_end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), value_end, number);
      if (error != std::errc() || stop != value_end || !std::isfinite(number) || number < 0)
        usage_error(fmt::format("--optim_args: '{}' is not a value for {}", value, name));
    }
    out.emplace_back(name, number);
  }
  return out;
}

}  // namespace

Json RunFlags::lr_scheduler_kwargs() const {
  if (!train.lr_scheduler_kwargs || train.lr_scheduler_kwargs->empty()) return nullptr;
  Json value;
  try {
    value = parse_json(*train.lr_scheduler_kwargs, "--lr_scheduler_kwargs");
  } catch (const Error& e) {
    throw Error(Code::kUsage, e.what());
  }
  if (!value.is_object())
    usage_error(fmt::format("--lr_scheduler_kwargs: '{}' is not a JSON object", *train.lr_scheduler_kwargs));
  return value;
}

bool RunFlags::is_given(std::string_view name) const {
  return std::any_of(given.begin(), given.end(), [&](const auto& item) { return item.first == name; });
}

RunFlags parse_run_flags(std::span<const std::string> args) {
  RunFlags flags;
  FlagSet set;
  flags.visit(set);
  set.parse(args);
  for (const FlagSpec& spec : set.flags())
    if (spec.given) flags.given.emplace_back(spec.name, flag_text(spec));
  flags.notes = set.notes();

  check_single_process();
  check_work(flags.data, flags.train);
  check_steps(flags.train);
  flags.padding = resolve_padding(flags);
  flags.sampling = resolve_sampling(flags);
  flags.data_order = flags.tilefit.data_order == "hf5" ? DataOrder::kHf5 : DataOrder::kHf4;
  flags.leaves = resolve_leaves(flags);
  flags.optim_args = parse_optim_args(flags.train.optim_args.value_or(""));
  // Mistakes in these two are errors now, not after the features are built.
  (void)make_optimizer_options(flags.train.optim, flags.optim_args, {});
  (void)flags.lr_scheduler_kwargs();
  return flags;
}

int64_t step_interval(double flag, int64_t total_steps) {
  return std::max<int64_t>(
      1, flag < 1 ? static_cast<int64_t>(std::ceil(flag * static_cast<double>(total_steps))) : static_cast<int64_t>(flag));
}

}  // namespace tilefit
