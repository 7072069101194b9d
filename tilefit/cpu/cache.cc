#include "tilefit/cpu/cache.h"

#include <unistd.h>

namespace tilefit {
namespace {

int64_t size_or(int name, int64_t fallback) {
  const long bytes = sysconf(name);
  return bytes > 0 ? bytes : fallback;
}

}  // namespace

CacheSizes cache_sizes() {
  static const CacheSizes sizes = {size_or(_SC_LEVEL1_DCACHE_SIZE, int64_t{32} << 10),
                                   size_or(_SC_LEVEL2_CACHE_SIZE, int64_t{1} << 20)};
  return sizes;
}

}  // namespace tilefit
