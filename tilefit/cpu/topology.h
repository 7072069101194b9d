// The machine as far as this process may use it: sockets, NUMA nodes, cores, caches, memory; and how many threads compute where.
// The affinity mask and the cgroup limits of containers and batch systems are respected.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tilefit/cpu/cgroup.h"
#include "tilefit/cpu/features.h"

namespace tilefit {

/// A physical core with at least one logical CPU that this process may use.
struct Core {
  std::vector<int> cpus;  ///< The usable logical CPUs, ascending; several: SMT siblings.
  int socket = 0;         ///< Number of the socket as the system counts; not always from 0 without gaps.
  int numa_node = 0;
};

struct Topology {
  std::vector<Core> cores;  ///< At least one; neighbours share caches.
  int64_t l1d_bytes = 0;    ///< Size of one first-level data cache, of one L2 and of one L3; 0: none or not known.
  int64_t l2_bytes = 0;
  int64_t l3_bytes = 0;
  int64_t memory_bytes = 0;  ///< Of the machine; 0: not known.
  CgroupLimits limits;

  int num_sockets() const;
  int num_numa_nodes() const;
  int num_cpus() const;
  /// What this process may use: the machine's memory or the cgroup's limit. 0: not known.
  int64_t usable_memory_bytes() const;
};

/// Asks the system (hwloc; a few milliseconds). Where it tells nothing, every usable CPU counts as a core of one socket.
Topology read_topology();

/// Which logical CPU each compute thread should run on; the size is the number of threads. One per physical core, no more than a
/// cgroup's CPU quota rounded up. omp_num_threads: text of OMP_NUM_THREADS (null or empty: unset; of a list the first number
/// counts), which is obeyed even when it asks for more: then SMT siblings come next, then CPUs a second time.
/// Throws Error(kUsage) when it is not a number from 1 to ThreadPool::kMaxThreads.
std::vector<int> compute_cpus(const Topology& topology, const char* omp_num_threads);

/// Number of compute threads for this process: compute_cpus of this machine and environment.
int default_num_threads();

/// Threads of a run, ready for the ThreadPool.
struct ThreadPlan {
  int num_threads = 1;
  std::vector<int> cpus;  ///< Where to pin thread i; empty: let the system place the threads.
  std::string warning;    ///< For the log when OMP_NUM_THREADS asks for more than helps; else empty.
};

/// compute_cpus, and whether to pin. Threads are pinned only when they use every core: with fewer, another process may have made
/// the same choice (two runs of six threads on twelve cores), and pins would put both on the same cores.
ThreadPlan plan_threads(const Topology& topology, const char* omp_num_threads);

/// "0-3,8" of ascending CPU numbers.
std::string format_cpus(std::vector<int> cpus);

/// One line for the log: "AMD EPYC 9R14, 1 socket, 2 cores, L2 1.00 MiB, L3 32.0 MiB, 23.5 GiB memory, avx512, 2 threads pinned to
/// 0-1". Limits of a cgroup are added in brackets.
std::string describe_machine(const Topology& topology, const ThreadPlan& plan, const CpuFeatures& features, Isa isa);

}  // namespace tilefit
