// Scratch memory of the calling thread: grows once, then is reused, so that kernels do not allocate in a running step.
#pragma once
#include <cstdint>

namespace tilefit::kernels {

/// What a piece of scratch is for: pieces of different slots may be in use at the same time.
enum class ScratchSlot { kPackedA, kPackedB, kSums, kTask, kCount };

/// At least n floats, 64-byte aligned, uninitialised; valid until this thread asks for the same slot again.
float* thread_scratch(ScratchSlot slot, int64_t n);

}  // namespace tilefit::kernels
