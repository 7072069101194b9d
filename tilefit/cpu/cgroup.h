// Limits a container or batch system sets through cgroups, version 1 or 2: processor time and memory.
// (The set of allowed CPUs, cgroup cpusets included, is in the affinity mask: affinity.h.)
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tilefit {

/// The tightest limits from this process's cgroups up to their roots; absent: none.
struct CgroupLimits {
  std::optional<double> cpus;  ///< Processor time per time: 1.5 is one and a half CPUs.
  std::optional<int64_t> memory_bytes;
};

/// The limits this process lives under; what cannot be read counts as no limit. root: put before every path ("" but in tests).
CgroupLimits read_cgroup_limits(const std::string& root = "");

/// CPUs in the text of cpu.max (version 2): "max 100000" is no limit, "150000 100000" is 1.5. Absent too when malformed.
std::optional<double> parse_cpu_max(std::string_view text);

/// CPUs in the texts of cpu.cfs_quota_us and cpu.cfs_period_us (version 1); "-1" is no limit.
std::optional<double> parse_cfs_quota(std::string_view quota, std::string_view period);

/// Bytes in the text of memory.max ("max" is no limit) or memory.limit_in_bytes (2^62 and more is no limit).
std::optional<int64_t> parse_memory_limit(std::string_view text);

/// Folders that hold this process's limits, innermost first, of every cgroup hierarchy with the cpu or memory controller and of
/// version 2. mountinfo, cgroup: the texts of /proc/self/mountinfo and /proc/self/cgroup; malformed lines are skipped.
std::vector<std::string> cgroup_folders(std::string_view mountinfo, std::string_view cgroup);

}  // namespace tilefit
