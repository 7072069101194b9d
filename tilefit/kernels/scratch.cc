#include "tilefit/kernels/scratch.h"

#include <array>
#include <cstdlib>
#include <new>

namespace tilefit::kernels {
namespace {

struct Slot {
  float* data = nullptr;
  int64_t capacity = 0;
  ~Slot() { std::free(data); }
};

}  // namespace

float* thread_scratch(ScratchSlot slot, int64_t n) {
  thread_local std::array<Slot, static_cast<size_t>(ScratchSlot::kCount)> slots;
  Slot& s = slots[static_cast<size_t>(slot)];
  if (n > s.capacity) {
    constexpr int64_t kGranule = 4096;  // floats; also keeps the byte count a multiple of the alignment
    std::free(s.data);
    s.data = nullptr;
    s.capacity = 0;
    const int64_t rounded = (n + kGranule - 1) / kGranule * kGranule;
    s.data = static_cast<float*>(std::aligned_alloc(64, static_cast<size_t>(rounded) * sizeof(float)));
    if (!s.data) throw std::bad_alloc();
    s.capacity = rounded;
  }
  return s.data;
}

}  // namespace tilefit::kernels
