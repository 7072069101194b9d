// Which CPUs threads may run on: the process's own mask, and pinning of single threads.
#pragma once
#include <vector>

namespace tilefit {

/// Logical CPUs (numbers as in /proc/cpuinfo, ascending) the process may use: the mask of the thread that asks first. Pinning
/// done through this header does not change the answer. Empty when the system tells nothing.
const std::vector<int>& process_cpus() noexcept;

/// Keeps the calling thread on one CPU. False, and nothing changes, when that CPU does not exist or is not allowed.
bool pin_this_thread(int cpu) noexcept;

/// Lets the calling thread run on all of process_cpus() again. Threads inherit the mask of the thread that starts them: a
/// background thread started from a pinned one calls this first.
void unpin_this_thread() noexcept;

}  // namespace tilefit
