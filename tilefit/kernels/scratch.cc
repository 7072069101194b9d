#include "tilefit/kernels/scratch.h"

#include <array>

#include "tilefit/cpu/memory.h"

namespace tilefit::kernels {

float* thread_scratch(ScratchSlot slot, int64_t n) {
  // Whole huge pages: packed blocks are sized for the L2 cache, and scattered small pages would collide in it.
  thread_local std::array<Buffer, static_cast<size_t>(ScratchSlot::kCount)> slots;
  Buffer& buffer = slots[static_cast<size_t>(slot)];
  const int64_t bytes = n * static_cast<int64_t>(sizeof(float));
  if (bytes > buffer.size()) {
    constexpr int64_t kUnit = Buffer::kHugePageBytes;
    buffer = Buffer();  // two sizes are never held at the same time
    buffer = Buffer((bytes + kUnit - 1) / kUnit * kUnit);
  }
  return buffer.as<float>();
}

}  // namespace tilefit::kernels
