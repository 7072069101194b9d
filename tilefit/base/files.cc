#include "tilefit/base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "tilefit/base/error.h"

namespace tilefit {
namespace {

std::string reason() { return std::strerror(errno); }

class FileDescriptor {
 public:
  FileDescriptor(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

std::string parent_directory(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

/// A name that no other writer uses, of this process or another on the same machine.
std::string temporary_name(const std::string& path) {
  static std::atomic<int> counter{0};
  return path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
}

}  // namespace

std::string read_file(const std::string& path, int64_t max_bytes) {
  if (directory_exists(path)) throw Error(Code::kFailed, "is a directory, expected a file", path);
  errno = 0;
  const gzFile file = gzopen(path.c_str(), "rbe");  // reads plain files as they are
  if (!file) throw Error(Code::kFailed, "cannot be opened: " + reason(), path);
  gzbuffer(file, 1 << 18);
  std::string text;
  std::string failure;
  for (;;) {
    constexpr unsigned kChunk = 1 << 20;
    const size_t old_size = text.size();
    text.resize(old_size + kChunk);
    const int got = gzread(file, text.data() + old_size, kChunk);
    text.resize(old_size + static_cast<size_t>(got > 0 ? got : 0));
    if (got < 0) {
      int code = 0;
      failure = gzerror(file, &code);
      if (code == Z_ERRNO) failure = reason();
      break;
    }
    if (got == 0) break;
    if (static_cast<int64_t>(text.size()) > max_bytes) {
      failure = "larger than the limit of " + std::to_string(max_bytes) + " bytes";
      break;
    }
  }
  if (const int closed = gzclose_r(file); failure.empty() && closed == Z_BUF_ERROR) failure = "the gzip data ends early";
  if (!failure.empty())
    throw Error(Code::kFailed, "cannot be read: " + failure, path, "check that the file was copied whole");
  return text;
}

bool file_exists(const std::string& path) noexcept {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode);
}

bool directory_exists(const std::string& path) noexcept {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
}

void make_directories(const std::string& path) {
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure) throw Error(Code::kEnvironment, "cannot make the directory: " + failure.message(), path);
}

MappedFile::MappedFile(const std::string& path) : path_(path) {
  const FileDescriptor fd(path, O_RDONLY);
  if (fd.get() < 0) throw Error(Code::kFailed, "cannot be opened: " + reason(), path);
  struct stat s {};
  if (::fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode)) throw Error(Code::kFailed, "is not a regular file", path);
  size_ = s.st_size;
  if (size_ == 0) return;
  void* const map = ::mmap(nullptr, static_cast<size_t>(size_), PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (map == MAP_FAILED) throw Error(Code::kFailed, "cannot be mapped: " + reason(), path);
  data_ = static_cast<const std::byte*>(map);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), static_cast<size_t>(size_));
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), temporary_(temporary_name(path_)) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) throw Error(Code::kEnvironment, "cannot be written: " + reason(), path_);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, int64_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t wrote = ::write(fd_, at, static_cast<size_t>(size));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0)
      throw Error(Code::kEnvironment, "cannot be written: " + reason(), path_, "free disk space or another --output_dir");
    at += wrote;
    size -= wrote;
  }
}

void AtomicFile::commit(Flush flush) {
  std::string why;  // taken at once: the next call overwrites errno
  if (flush == Flush::kNow && ::fsync(fd_) != 0) why = reason();
  if (::close(std::exchange(fd_, -1)) != 0 && why.empty()) why = reason();
  if (why.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) why = reason();
  if (!why.empty()) {
    ::unlink(temporary_.c_str());
    throw Error(Code::kEnvironment, "cannot be written: " + why, path_, "free disk space or another --output_dir");
  }
  if (flush == Flush::kLater) return;
  const FileDescriptor directory(parent_directory(path_), O_RDONLY | O_DIRECTORY);
  if (directory.get() >= 0) ::fsync(directory.get());
}

void write_file_atomic(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace tilefit
