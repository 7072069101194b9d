#include "tilefit/cpu/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace tilefit {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<int64_t> parse_integer(std::string_view text) {
  text = trim(text);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Mount points hold blanks and backslashes as "\040" and "\134".
std::string unescape(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) && octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool contains(const std::vector<std::string_view>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// The path of this process in the hierarchy of `controller` ("" for version 2), from lines "4:cpu,cpuacct:/path".
std::optional<std::string_view> path_in_hierarchy(std::string_view cgroup, std::string_view controller) {
  for (const std::string_view line : split(cgroup, '\n')) {
    const auto first = line.find(':');
    if (first == std::string_view::npos) continue;
    const auto second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    if (contains(split(line.substr(first + 1, second - first - 1), ','), controller)) return line.substr(second + 1);
  }
  return std::nullopt;
}

// Adds mount + path and its parents up to the mount. root: the part of the hierarchy that the mount shows; a path outside it (a
// process seen through another namespace) leaves the mount itself.
void add_folders(std::vector<std::string>& folders, const std::string& mount, std::string_view root, std::string_view path) {
  if (root == "/") root = "";
  std::string_view below = path.substr(0, root.size()) == root ? path.substr(root.size()) : "";
  if (!below.empty() && below.front() != '/') below = "";
  const auto add = [&](std::string folder) {
    if (std::find(folders.begin(), folders.end(), folder) == folders.end()) folders.push_back(std::move(folder));
  };
  while (below.size() > 1) {
    if (below.find("/..") == std::string_view::npos) add(mount + std::string(below));
    below = below.substr(0, below.rfind('/'));
  }
  add(mount);
}

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

template <class T>
void tighten(std::optional<T>& limit, std::optional<T> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

}  // namespace

std::optional<double> parse_cpu_max(std::string_view text) {
  const std::vector<std::string_view> parts = split(trim(text), ' ');
  return parts.size() == 2 ? parse_cfs_quota(parts[0], parts[1]) : std::nullopt;
}

std::optional<double> parse_cfs_quota(std::string_view quota, std::string_view period) {
  const auto quota_us = parse_integer(quota), period_us = parse_integer(period);
  if (!quota_us || !period_us || *quota_us <= 0 || *period_us <= 0) return std::nullopt;
  return static_cast<double>(*quota_us) / static_cast<double>(*period_us);
}

std::optional<int64_t> parse_memory_limit(std::string_view text) {
  constexpr int64_t kNoLimit = int64_t{1} << 62;
  const auto bytes = parse_integer(text);
  return bytes && *bytes > 0 && *bytes < kNoLimit ? bytes : std::nullopt;
}

std::vector<std::string> cgroup_folders(std::string_view mountinfo, std::string_view cgroup) {
  std::vector<std::string> folders;
  for (const std::string_view line : split(mountinfo, '\n')) {
    // "31 23 0:28 <root> <mount point> <options> [tags] - <type> <source> <super options>"
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const std::vector<std::string_view> left = split(line.substr(0, dash), ' ');
    const std::vector<std::string_view> right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    std::vector<std::string_view> controllers;
    if (right[0] == "cgroup2") {
      controllers = {""};
    } else if (right[0] == "cgroup") {
      for (const std::string_view option : split(right[2], ','))
        if (option == "cpu" || option == "memory") controllers.push_back(option);
    }
    for (const std::string_view controller : controllers)
      if (const auto path = path_in_hierarchy(cgroup, controller))
        add_folders(folders, unescape(left[4]), unescape(left[3]), *path);
  }
  return folders;
}

CgroupLimits read_cgroup_limits(const std::string& root) {
  CgroupLimits limits;
  const auto mountinfo = read_text(root + "/proc/self/mountinfo");
  const auto cgroup = read_text(root + "/proc/self/cgroup");
  if (!mountinfo || !cgroup) return limits;
  for (const std::string& below : cgroup_folders(*mountinfo, *cgroup)) {
    const std::string folder = root + below;
    if (const auto text = read_text(folder + "/cpu.max")) tighten(limits.cpus, parse_cpu_max(*text));
    if (const auto text = read_text(folder + "/memory.max")) tighten(limits.memory_bytes, parse_memory_limit(*text));
    if (const auto text = read_text(folder + "/memory.limit_in_bytes"))
      tighten(limits.memory_bytes, parse_memory_limit(*text));
    const auto quota = read_text(folder + "/cpu.cfs_quota_us"), period = read_text(folder + "/cpu.cfs_period_us");
    if (quota && period) tighten(limits.cpus, parse_cfs_quota(*quota, *period));
  }
  return limits;
}

}  // namespace tilefit
