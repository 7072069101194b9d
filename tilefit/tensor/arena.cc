#include "tilefit/tensor/arena.h"

#include <algorithm>

namespace tilefit {
namespace {

/// Where measured pieces pretend to lie: never zero, never dereferenced.
constexpr int64_t kMeasureBase = 4096;
/// Smallest piece asked of the system.
constexpr int64_t kMinChunkBytes = int64_t{1} << 20;

int64_t round_up(int64_t bytes) noexcept { return (bytes + Arena::kAlignment - 1) / Arena::kAlignment * Arena::kAlignment; }

}  // namespace

void Arena::reserve(int64_t bytes) {
  TF_CHECK(empty(), "the arena is in use");
  if (measuring() || (chunks_.size() == 1 && chunks_[0].size() >= bytes)) return;
  chunks_.clear();
  chunks_.emplace_back(round_up(std::max(bytes, kMinChunkBytes)));
}

void* Arena::take(int64_t bytes) {
  TF_CHECK(bytes >= 0, "{} bytes", bytes);
  const int64_t size = round_up(bytes);
  if (!measuring() && (chunks_.empty() || used_ + size > chunks_[chunk_].size())) grow(size);
  void* const piece = measuring() ? reinterpret_cast<void*>(kMeasureBase + used_) : chunks_[chunk_].data() + used_;
  used_ += size;
  peak_ = std::max(peak_, below_ + used_);
  return piece;
}

void Arena::grow(int64_t bytes) {
  if (empty() && !chunks_.empty()) {  // nothing is in use: one piece that holds all there was, and what is asked for
    reserve(std::max(bytes, capacity_bytes() + bytes));
    return;
  }
  if (!chunks_.empty()) {
    taken_.push_back(used_);
    below_ += used_;
    ++chunk_;
    used_ = 0;
  }
  if (chunk_ < chunks_.size() && chunks_[chunk_].size() >= bytes) return;
  chunks_.resize(chunk_);
  chunks_.emplace_back(std::max({bytes, capacity_bytes(), kMinChunkBytes}));
}

Tensor Arena::tensor(DType dtype, int64_t rows, int64_t cols) {
  return {take(rows * cols * dtype_bytes(dtype)), dtype, rows, cols, cols};
}

void Arena::release(Mark mark) {
  TF_CHECK(mark.chunk < chunk_ || (mark.chunk == chunk_ && mark.used <= used_), "released past the mark");
  while (chunk_ > mark.chunk) {
    --chunk_;
    below_ -= taken_.back();
    taken_.pop_back();
  }
  used_ = mark.used;
  if (empty() && chunks_.size() > 1) reserve(capacity_bytes());
}

int64_t Arena::capacity_bytes() const noexcept {
  int64_t bytes = 0;
  for (const Buffer& chunk : chunks_) bytes += chunk.size();
  return bytes;
}

}  // namespace tilefit
