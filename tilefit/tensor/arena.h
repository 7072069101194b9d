// A stack of scratch memory for activations: taking is a pointer bump, releasing goes back to a mark.
// In measure mode it hands out addresses without memory, so that a dry run of a step tells its exact peak.
// One thread takes and releases; any thread may use the memory.
#pragma once
#include <cstdint>
#include <vector>

#include "tilefit/cpu/memory.h"
#include "tilefit/tensor/tensor.h"

namespace tilefit {

class Arena {
 public:
  enum class Mode { kMemory, kMeasure };

  /// Alignment of every piece, in bytes.
  static constexpr int64_t kAlignment = 64;

  explicit Arena(Mode mode = Mode::kMemory) : mode_(mode) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// True when the addresses handed out have no memory behind them.
  bool measuring() const noexcept { return mode_ == Mode::kMeasure; }

  /// Makes room for `bytes` in one piece (the peak of a measured step), so that later takes do not allocate. Only while the arena is
  /// empty. Throws Error(kEnvironment) when the system refuses.
  void reserve(int64_t bytes);

  /// `bytes` of uninitialised memory, aligned to kAlignment. Grows the arena when it is full: Error(kEnvironment) as above.
  void* take(int64_t bytes);

  /// A contiguous [rows, cols] tensor, uninitialised.
  Tensor tensor(DType dtype, int64_t rows, int64_t cols);

  /// Where the stack stands.
  struct Mark {
    size_t chunk = 0;
    int64_t used = 0;
  };
  Mark mark() const noexcept { return {chunk_, used_}; }

  /// Gives back everything taken since the mark.
  void release(Mark mark);

  /// Most bytes taken at any moment, alignment included.
  int64_t peak_bytes() const noexcept { return peak_; }
  /// Bytes held from the system.
  int64_t capacity_bytes() const noexcept;

  /// Releases what was taken during its life.
  class Scope {
   public:
    explicit Scope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { arena_.release(mark_); }

   private:
    Arena& arena_;
    Mark mark_;
  };

 private:
  bool empty() const noexcept { return chunk_ == 0 && used_ == 0; }
  void grow(int64_t bytes);

  Mode mode_;
  std::vector<Buffer> chunks_;  ///< more than one only until the arena is next empty
  size_t chunk_ = 0;            ///< the chunk in use
  int64_t used_ = 0;            ///< bytes taken of it
  int64_t below_ = 0;           ///< bytes taken of the chunks before it
  int64_t peak_ = 0;
  std::vector<int64_t> taken_;  ///< of each chunk before chunk_: bytes taken
};

}  // namespace tilefit
