#include "tilefit/train/memory_plan.h"

#include <fmt/format.h>

#include "tilefit/base/error.h"
#include "tilefit/cpu/memory.h"

namespace tilefit {

std::string MemoryPlan::text() const {
  return fmt::format("{}: weights {}, packed weights {}, gradients {}, optimizer state {}, activations {}",
                     format_bytes(total()), format_bytes(weights), format_bytes(packed_weights), format_bytes(gradients),
                     format_bytes(optimizer), format_bytes(activations));
}

std::string check_memory(const MemoryPlan& plan, int64_t usable_bytes) {
  if (usable_bytes <= 0) return "";
  if (plan.total() > usable_bytes)
    throw Error(
        Code::kEnvironment,
        fmt::format("training needs about {}, and this process may use {}", plan.text(), format_bytes(usable_bytes)),
        "memory",
        "a smaller --per_device_train_batch_size with more --gradient_accumulation_steps, a smaller --max_seq_length, or "
        "--gradient_checkpointing");
  if (static_cast<double>(plan.total()) > 0.85 * static_cast<double>(usable_bytes))
    return fmt::format(
        "training needs about {} of the {} this process may use: other programs may push it out of memory. "
        "A smaller --per_device_train_batch_size needs less",
        format_bytes(plan.total()), format_bytes(usable_bytes));
  return "";
}

}  // namespace tilefit
