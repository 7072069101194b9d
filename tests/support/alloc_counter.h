// Counts calls of operator new in a test program, to prove that hot paths do not allocate.
// A program that wants it links tilefit_alloc_counter: doing so replaces the global operator new and delete.
#pragma once
#include <cstdint>

namespace tilefit::test {

/// False under a sanitizer that owns operator new: counts stay 0 then, and a test should GTEST_SKIP.
bool allocations_are_counted() noexcept;

/// Allocations by all threads since the program started (malloc called by C code is not seen).
int64_t allocation_count() noexcept;

/// Allocations since it was made.
class AllocationScope {
 public:
  int64_t count() const noexcept { return allocation_count() - start_; }

 private:
  int64_t start_ = allocation_count();
};

}  // namespace tilefit::test
