#include "tilefit/cpu/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "tilefit/base/check.h"
#include "tilefit/base/error.h"

namespace tilefit {
namespace {

constexpr int64_t kPageBytes = 4096;

constexpr int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

// Bytes of the line "<key>:  <number> kB" of a /proc file.
std::optional<int64_t> proc_bytes(const char* path, const char* key) noexcept {
  std::FILE* file = std::fopen(path, "re");
  if (!file) return std::nullopt;
  std::optional<int64_t> bytes;
  const size_t key_size = std::strlen(key);
  char line[256];
  while (!bytes && std::fgets(line, sizeof line, file))
    if (std::strncmp(line, key, key_size) == 0 && line[key_size] == ':')
      bytes = std::strtoll(line + key_size + 1, nullptr, 10) * 1024;
  std::fclose(file);
  return bytes;
}

// What most likely stands in the way of a large map.
std::string describe_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    return fmt::format("the address space limit (ulimit -v) is {}", format_bytes(static_cast<int64_t>(limit.rlim_cur)));
  if (const auto available = proc_bytes("/proc/meminfo", "MemAvailable"))
    return fmt::format("{} of memory are available", format_bytes(*available));
  return "the system does not say how much is available";
}

std::byte* map_pages(int64_t bytes) noexcept {
  void* const address =
      mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return address == MAP_FAILED ? nullptr : static_cast<std::byte*>(address);
}

void unmap_pages(std::byte* address, int64_t bytes) noexcept {
  if (bytes > 0) munmap(address, static_cast<size_t>(bytes));
}

// Maps one huge page more than asked for and gives back what lies outside the aligned block.
std::byte* map_huge(int64_t bytes) noexcept {
  std::byte* const start = map_pages(bytes + Buffer::kHugePageBytes);
  if (!start) return nullptr;
  const int64_t skip = -static_cast<int64_t>(reinterpret_cast<uintptr_t>(start)) & (Buffer::kHugePageBytes - 1);
  unmap_pages(start, skip);
  unmap_pages(start + skip + bytes, Buffer::kHugePageBytes - skip);
  // Refused where the kernel has no transparent huge pages: small pages work as well, only slower.
  madvise(start + skip, static_cast<size_t>(bytes), MADV_HUGEPAGE);
  return start + skip;
}

}  // namespace

Buffer::Buffer(int64_t bytes) : size_(bytes) {
  TF_CHECK(bytes >= 0, "bytes is {}", bytes);
  if (bytes == 0) return;
  constexpr int64_t kMaxBytes = int64_t{1} << 46;  // Half of what x86-64 can address; keeps the sums below from overflowing.
  if (bytes <= kMaxBytes) {
    const int64_t mapped = round_up(bytes, kPageBytes);
    data_ = mapped < kHugePageBytes ? map_pages(mapped) : map_huge(mapped);
  }
  if (!data_)
    throw Error(Code::kEnvironment, fmt::format("no memory for a block of {}; {}", format_bytes(bytes), describe_limit()),
                "cpu/memory", "a smaller --per_device_train_batch_size or --max_seq_length, or a machine with more memory");
}

Buffer::Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Buffer::~Buffer() {
  if (data_) unmap_pages(data_, round_up(size_, kPageBytes));
}

int64_t current_rss_bytes() noexcept { return proc_bytes("/proc/self/status", "VmRSS").value_or(0); }

int64_t peak_rss_bytes() noexcept {
  // Not ru_maxrss first: that survives exec, so it would count the shell that started us.
  if (const auto peak = proc_bytes("/proc/self/status", "VmHWM")) return *peak;
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? int64_t{usage.ru_maxrss} * 1024 : 0;
}

std::string format_bytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  // 1023.5 and more would print as 1024.
  while (value >= 1023.5 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, kUnits[unit]);
}

}  // namespace tilefit
