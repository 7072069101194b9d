// Large zeroed memory straight from the system, in huge pages where it pays, and what the process uses of it.
// Not an allocator of small things: an arena cuts these buffers up.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace tilefit {

/// Owns a block of zeroed memory. Pages are taken on first touch, so the thread that first writes a page places it in its NUMA
/// node. From kHugePageBytes on, the block starts at a multiple of that and asks for huge pages; smaller blocks start at a page.
class Buffer {
 public:
  static constexpr int64_t kHugePageBytes = int64_t{2} << 20;

  Buffer() = default;  ///< Empty: data() is null.
  /// bytes: 0 or more. Throws Error(kEnvironment) naming the size and what limits it when the system refuses.
  explicit Buffer(int64_t bytes);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  std::byte* data() noexcept { return data_; }
  const std::byte* data() const noexcept { return data_; }
  int64_t size() const noexcept { return size_; }

  /// The block as values of T. T must be a type that all-zero bytes are a value of.
  template <class T>
  T* as() noexcept {
    return static_cast<T*>(static_cast<void*>(data_));
  }

 private:
  std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

/// Physical memory this process holds now, and the most it ever held, in bytes; 0 when the system does not tell.
int64_t current_rss_bytes() noexcept;
int64_t peak_rss_bytes() noexcept;

/// "1.50 GiB", "640 KiB", "12 B": three significant digits. bytes: 0 or more.
std::string format_bytes(int64_t bytes);

}  // namespace tilefit
