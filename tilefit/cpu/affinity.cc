#include "tilefit/cpu/affinity.h"

#include <sched.h>

#include <cerrno>
#include <memory>

namespace tilefit {
namespace {

// Masks are allocated for this many CPUs: cpu_set_t stops at 1,024.
constexpr int kMaxCpus = 1 << 14;

struct FreeSet {
  void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
};
using CpuSet = std::unique_ptr<cpu_set_t, FreeSet>;

const size_t kSetBytes = CPU_ALLOC_SIZE(kMaxCpus);

CpuSet empty_set() noexcept {
  CpuSet set(CPU_ALLOC(kMaxCpus));
  if (set) CPU_ZERO_S(kSetBytes, set.get());
  return set;
}

std::vector<int> read_mask() noexcept {
  const CpuSet set = empty_set();
  std::vector<int> cpus;
  if (!set || sched_getaffinity(0, kSetBytes, set.get()) != 0) return cpus;
  for (int cpu = 0; cpu < kMaxCpus; ++cpu)
    if (CPU_ISSET_S(cpu, kSetBytes, set.get())) cpus.push_back(cpu);
  return cpus;
}

}  // namespace

const std::vector<int>& process_cpus() noexcept {
  static const std::vector<int> cpus = read_mask();
  return cpus;
}

bool pin_this_thread(int cpu) noexcept {
  process_cpus();  // Read the process's mask before the first pin narrows it.
  if (cpu < 0 || cpu >= kMaxCpus) return false;
  const CpuSet set = empty_set();
  if (!set) return false;
  CPU_SET_S(cpu, kSetBytes, set.get());
  return sched_setaffinity(0, kSetBytes, set.get()) == 0;
}

void unpin_this_thread() noexcept {
  const CpuSet set = empty_set();
  if (!set || process_cpus().empty()) return;
  for (const int cpu : process_cpus()) CPU_SET_S(cpu, kSetBytes, set.get());
  sched_setaffinity(0, kSetBytes, set.get());
}

}  // namespace tilefit
