#include "tilefit/cpu/topology.h"

#include <fmt/format.h>
#include <hwloc.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <set>
#include <string_view>
#include <type_traits>

#include "tilefit/base/error.h"
#include "tilefit/cpu/affinity.h"
#include "tilefit/cpu/memory.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit {
namespace {

struct Destroy {
  void operator()(hwloc_topology_t topology) const noexcept { hwloc_topology_destroy(topology); }
};
using HwlocTopology = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, Destroy>;

// Null when hwloc cannot look. The x86 component walks over all CPUs to ask each for its CPUID, which the kernel has told already
// and which takes long on large machines; distances, memory attributes and CPU kinds are not used.
HwlocTopology load_hwloc() {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return nullptr;
  HwlocTopology topology(raw);
  hwloc_topology_set_components(raw, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
  unsigned long flags = 0;
#if HWLOC_API_VERSION >= 0x00020800
  flags = HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS | HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS;
#endif
  hwloc_topology_set_flags(raw, flags);
  if (hwloc_topology_load(raw) != 0) return nullptr;
  return topology;
}

int64_t cache_bytes(hwloc_topology_t topology, hwloc_obj_type_t type) {
  const hwloc_obj_t cache = hwloc_get_obj_by_type(topology, type, 0);
  return cache && cache->attr ? static_cast<int64_t>(cache->attr->cache.size) : 0;
}

int index_of_parent(hwloc_topology_t topology, hwloc_obj_t object, hwloc_obj_type_t type) {
  const hwloc_obj_t parent = hwloc_get_ancestor_obj_by_type(topology, type, object);
  return parent ? static_cast<int>(parent->os_index) : 0;
}

int numa_node_of(hwloc_obj_t object) {
  return object->nodeset && hwloc_bitmap_first(object->nodeset) >= 0 ? hwloc_bitmap_first(object->nodeset) : 0;
}

// Cores in hwloc's order (neighbours are near each other), without CPUs this process may not use.
std::vector<Core> read_cores(hwloc_topology_t topology) {
  const std::vector<int>& usable = process_cpus();
  // Some virtual machines have no core objects: every CPU is one then.
  const hwloc_obj_type_t type = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE) > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  std::vector<Core> cores;
  for (hwloc_obj_t object = nullptr; (object = hwloc_get_next_obj_by_type(topology, type, object)) != nullptr;) {
    Core core;
    for (int cpu = hwloc_bitmap_first(object->cpuset); cpu >= 0; cpu = hwloc_bitmap_next(object->cpuset, cpu))
      if (std::binary_search(usable.begin(), usable.end(), cpu)) core.cpus.push_back(cpu);
    if (core.cpus.empty()) continue;
    core.socket = index_of_parent(topology, object, HWLOC_OBJ_PACKAGE);
    core.numa_node = numa_node_of(object);
    cores.push_back(std::move(core));
  }
  return cores;
}

// Cores when hwloc knows none.
std::vector<Core> cores_of_mask() {
  std::vector<Core> cores;
  for (const int cpu : process_cpus()) {
    cores.emplace_back();
    cores.back().cpus = {cpu};
  }
  if (cores.empty()) {
    cores.emplace_back();
    cores.back().cpus = {0};
  }
  return cores;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Threads that help: one per core, no more than the quota.
int useful_threads(const Topology& topology) {
  const int num_cores = static_cast<int>(topology.cores.size());
  if (!topology.limits.cpus) return num_cores;
  return static_cast<int>(std::clamp(std::ceil(*topology.limits.cpus), 1.0, static_cast<double>(num_cores)));
}

// The number OMP_NUM_THREADS holds, if it is set.
std::optional<int> parse_omp_num_threads(const char* text, int example) {
  if (!text || trim(text).empty()) return std::nullopt;
  const std::string_view whole = text;
  const std::string_view first = trim(whole.substr(0, whole.find(',')));
  int value = 0;
  const auto [end, error] = std::from_chars(first.data(), first.data() + first.size(), value);
  if (error != std::errc() || end != first.data() + first.size() || value < 1 || value > ThreadPool::kMaxThreads)
    throw Error(
        Code::kUsage,
        fmt::format("OMP_NUM_THREADS is '{}', expected a number of threads from 1 to {}", whole, ThreadPool::kMaxThreads),
        "cpu/topology", fmt::format("OMP_NUM_THREADS={}, or leave it unset", example));
  return value;
}

std::string plural(int count, std::string_view noun) { return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s"); }

}  // namespace

int Topology::num_sockets() const {
  std::set<int> sockets;
  for (const Core& core : cores) sockets.insert(core.socket);
  return static_cast<int>(sockets.size());
}

int Topology::num_numa_nodes() const {
  std::set<int> nodes;
  for (const Core& core : cores) nodes.insert(core.numa_node);
  return static_cast<int>(nodes.size());
}

int Topology::num_cpus() const {
  size_t count = 0;
  for (const Core& core : cores) count += core.cpus.size();
  return static_cast<int>(count);
}

int64_t Topology::usable_memory_bytes() const {
  if (!limits.memory_bytes) return memory_bytes;
  return memory_bytes == 0 ? *limits.memory_bytes : std::min(memory_bytes, *limits.memory_bytes);
}

Topology read_topology() {
  Topology topology;
  if (const HwlocTopology hwloc = load_hwloc()) {
    topology.cores = read_cores(hwloc.get());
    topology.l1d_bytes = cache_bytes(hwloc.get(), HWLOC_OBJ_L1CACHE);
    topology.l2_bytes = cache_bytes(hwloc.get(), HWLOC_OBJ_L2CACHE);
    topology.l3_bytes = cache_bytes(hwloc.get(), HWLOC_OBJ_L3CACHE);
  }
  if (topology.cores.empty()) topology.cores = cores_of_mask();
  // Not hwloc's sum over NUMA nodes: some virtual machines leave memory out there.
  topology.memory_bytes = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  topology.limits = read_cgroup_limits();
  return topology;
}

std::vector<int> compute_cpus(const Topology& topology, const char* omp_num_threads) {
  const int useful = useful_threads(topology);
  const auto count = static_cast<size_t>(parse_omp_num_threads(omp_num_threads, useful).value_or(useful));
  std::vector<int> order;  // First the first CPU of each core, then the second of each, ...
  for (size_t sibling = 0; order.size() < static_cast<size_t>(topology.num_cpus()); ++sibling)
    for (const Core& core : topology.cores)
      if (sibling < core.cpus.size()) order.push_back(core.cpus[sibling]);
  std::vector<int> cpus(count);
  for (size_t i = 0; i < count; ++i) cpus[i] = order[i % order.size()];
  return cpus;
}

int default_num_threads() { return static_cast<int>(compute_cpus(read_topology(), std::getenv("OMP_NUM_THREADS")).size()); }

ThreadPlan plan_threads(const Topology& topology, const char* omp_num_threads) {
  ThreadPlan plan;
  plan.cpus = compute_cpus(topology, omp_num_threads);
  plan.num_threads = static_cast<int>(plan.cpus.size());
  const int num_cores = static_cast<int>(topology.cores.size());
  const int useful = useful_threads(topology);
  if (plan.num_threads > useful) {
    const std::string reason = useful < num_cores ? fmt::format("a cgroup allows {:.2g} CPUs", *topology.limits.cpus)
                                                  : fmt::format("this process has {}", plural(num_cores, "core"));
    plan.warning = fmt::format("OMP_NUM_THREADS asks for {}, but {}: that is slower, not faster. Try: OMP_NUM_THREADS={}",
                               plural(plan.num_threads, "thread"), reason, useful);
  }
  const bool every_core = plan.num_threads >= num_cores && plan.num_threads <= topology.num_cpus();
  if (!every_core || useful < num_cores) plan.cpus.clear();
  return plan;
}

std::string format_cpus(std::vector<int> cpus) {
  std::sort(cpus.begin(), cpus.end());
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", cpus[i]);
    if (last > i) text += fmt::format("-{}", cpus[last]);
    i = last + 1;
  }
  return text;
}

std::string describe_machine(const Topology& topology, const ThreadPlan& plan, const CpuFeatures& features, Isa isa) {
  std::vector<std::string> parts;
  if (!features.model_name.empty()) parts.push_back(features.model_name);
  parts.push_back(plural(topology.num_sockets(), "socket"));
  if (topology.num_numa_nodes() > 1) parts.push_back(plural(topology.num_numa_nodes(), "NUMA node"));
  const int num_cores = static_cast<int>(topology.cores.size());
  std::string cores = plural(num_cores, "core");
  if (topology.num_cpus() > num_cores) cores += fmt::format(" ({} CPUs)", topology.num_cpus());
  if (topology.limits.cpus) cores += fmt::format(" (cgroup allows {:.3g})", *topology.limits.cpus);
  parts.push_back(cores);
  if (topology.l2_bytes > 0) parts.push_back("L2 " + format_bytes(topology.l2_bytes));
  if (topology.l3_bytes > 0) parts.push_back("L3 " + format_bytes(topology.l3_bytes));
  if (topology.usable_memory_bytes() > 0)
    parts.push_back(format_bytes(topology.usable_memory_bytes()) + " memory" +
                    (topology.usable_memory_bytes() < topology.memory_bytes ? " (cgroup limit)" : ""));
  parts.emplace_back(isa_name(isa));
  parts.push_back(plural(plan.num_threads, "thread") + (plan.cpus.empty() ? "" : " pinned to " + format_cpus(plan.cpus)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace tilefit
