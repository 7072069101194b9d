// The bandwidth of memory and of the second-level caches, measured: the slopes of the roofline.
#pragma once
#include <cstdint>

#include "tilefit/cpu/thread_pool.h"

namespace tilefit {

/// Triad a = b + s * c over three arrays of 128 MiB by all threads, in units of 1e9 bytes per second; the best of several rounds. As in
/// STREAM (McCalpin 1995) 12 bytes count per element; the read of a line before it is written does not.
/// Throws Error(kEnvironment) when there is no memory.
double measure_memory_gb_s(ThreadPool& pool);

/// y += x by the kernel table in use, over arrays that fill half of each thread's L2 together; 12 bytes count per element.
/// l2_bytes: of one L2; 0: not known, then 1 MiB is taken.
double measure_l2_gb_s(ThreadPool& pool, int64_t l2_bytes);

}  // namespace tilefit
