// What a training run will hold in memory, told before the first step, and whether it fits.
#pragma once
#include <cstdint>
#include <string>

namespace tilefit {

struct MemoryPlan {
  int64_t weights = 0;
  int64_t packed_weights = 0;  ///< copies in the matrix kernel's layout, for forward and backward
  int64_t gradients = 0;
  int64_t optimizer = 0;
  int64_t activations = 0;  ///< of the largest leaf that can come up: the exact peak of its arena

  int64_t total() const noexcept { return weights + packed_weights + gradients + optimizer + activations; }

  /// "1.34 GiB: weights 253 MiB, ...".
  std::string text() const;
};

/// Throws Error(kEnvironment) when the plan exceeds `usable_bytes` (0: not known), with what to reduce. Returns a warning when it takes more
/// than 85 % of it, else "".
std::string check_memory(const MemoryPlan& plan, int64_t usable_bytes);

}  // namespace tilefit
