// Files: whole reads (gzip transparent), read-only maps, and writes that are either complete or absent.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tilefit {

/// Largest file read into memory as a whole, after unpacking (4 GiB): a bound against gzip bombs.
inline constexpr int64_t kMaxFileBytes = int64_t{4} << 30;

/// Whole content of a file; gzip (by its magic bytes) is unpacked. Throws Error(kFailed) naming the file: missing, unreadable,
/// truncated or damaged gzip, larger than max_bytes.
std::string read_file(const std::string& path, int64_t max_bytes = kMaxFileBytes);

/// True when the path names a regular file (links followed) or a directory.
bool file_exists(const std::string& path) noexcept;
bool directory_exists(const std::string& path) noexcept;

/// Makes a directory and its parents. Throws Error(kEnvironment).
void make_directories(const std::string& path);

/// A read-only memory map of a whole file; unmapped by the destructor. Throws Error(kFailed) when the file cannot be mapped.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::byte* data() const noexcept { return data_; }
  int64_t size() const noexcept { return size_; }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

/// Whether commit() waits until the disk has the data. kLater is for files that can be made again and are checked when read.
enum class Flush { kNow, kLater };

/// Writes to a temporary name beside `path`; commit() flushes to disk, renames over `path` and flushes the directory.
/// Without commit() the temporary file is removed. Throws Error(kEnvironment): disk full, no permission.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(const void* data, int64_t size);
  void write(std::string_view text) { write(text.data(), static_cast<int64_t>(text.size())); }
  void commit(Flush flush = Flush::kNow);

 private:
  std::string path_, temporary_;
  int fd_ = -1;
};

/// AtomicFile in one call.
void write_file_atomic(const std::string& path, std::string_view text);

}  // namespace tilefit
