#include "tests/support/alloc_counter.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#ifdef __has_feature
#define TF_HAS_FEATURE(x) __has_feature(x)
#else
#define TF_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || TF_HAS_FEATURE(address_sanitizer) || \
    TF_HAS_FEATURE(thread_sanitizer) || TF_HAS_FEATURE(memory_sanitizer)
#define TF_COUNT_ALLOCATIONS 0
#else
#define TF_COUNT_ALLOCATIONS 1
#endif

namespace {

std::atomic<int64_t> g_count = 0;

#if TF_COUNT_ALLOCATIONS
void* allocate(size_t size, size_t alignment) noexcept {
  g_count.fetch_add(1, std::memory_order_relaxed);
  void* block = nullptr;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size ? size : 1);
  return posix_memalign(&block, alignment, size) == 0 ? block : nullptr;
}

void* allocate_or_throw(size_t size, size_t alignment) {
  void* const block = allocate(size, alignment);
  if (!block) throw std::bad_alloc();
  return block;
}
#endif

}  // namespace

#if TF_COUNT_ALLOCATIONS
// The forms the standard library does not forward to these two on its own: nothrow and array forms do.
void* operator new(size_t size) { return allocate_or_throw(size, 1); }
void* operator new(size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<size_t>(alignment));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, size_t, std::align_val_t) noexcept { std::free(block); }
#endif

namespace tilefit::test {

bool allocations_are_counted() noexcept { return TF_COUNT_ALLOCATIONS; }

int64_t allocation_count() noexcept { return g_count.load(std::memory_order_relaxed); }

}  // namespace tilefit::test
