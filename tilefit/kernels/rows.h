// How row-wise kernels are cut into tasks: contiguous runs of rows, short enough to balance, long enough to amortise a task.
#pragma once
#include <algorithm>
#include <cstdint>

#include "tilefit/base/function_ref.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// Calls body(begin, end) for runs of at most `run` rows that cover [0, M), in parallel.
inline void parallel_rows(ThreadPool& pool, int64_t M, int64_t run, FunctionRef<void(int64_t, int64_t)> body) {
  pool.parallel_for((M + run - 1) / run, [&](int64_t task, int) { body(task * run, std::min(M, (task + 1) * run)); });
}

}  // namespace tilefit::kernels
