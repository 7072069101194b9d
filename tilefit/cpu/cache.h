// Sizes of the data caches of one core, for cutting work so that it stays in them. Results never depend on these numbers.
#pragma once
#include <cstdint>

namespace tilefit {

struct CacheSizes {
  int64_t l1_bytes = 0, l2_bytes = 0;
};

/// Of this machine; usual sizes (32 KiB, 1 MiB) where the system does not tell. Asks the system once.
CacheSizes cache_sizes();

}  // namespace tilefit
