// A tensor: where a row-major matrix lies, not who owns it. Memory comes from an Arena or a ParamStore and outlives the view.
#pragma once
#include <cstdint>

#include "tilefit/base/check.h"
#include "tilefit/tensor/dtype.h"

namespace tilefit {

/// The enumerator of a floating C++ type.
template <class T>
constexpr DType dtype_of() noexcept;
template <>
constexpr DType dtype_of<float>() noexcept {
  return DType::kF32;
}
template <>
constexpr DType dtype_of<double>() noexcept {
  return DType::kF64;
}

template <>
constexpr DType dtype_of<Bf16>() noexcept {
  return DType::kBF16;
}

/// The element type that goes with `dtype` where bfloat16 would be too coarse (base/bf16.h).
constexpr DType wide_dtype(DType dtype) noexcept { return dtype == DType::kBF16 ? DType::kF32 : dtype; }

/// A view of [rows, cols] elements; row r starts at element r * stride. Copy freely.
struct Tensor {
  void* data = nullptr;
  DType dtype = DType::kF32;
  int64_t rows = 0, cols = 0, stride = 0;

  bool empty() const noexcept { return data == nullptr; }

  /// The elements as T (float, double or Bf16), which must be the tensor's type.
  template <class T>
  T* as() const {
    TF_CHECK(dtype == dtype_of<T>(), "a {} tensor is used as {}", dtype_name(dtype), dtype_name(dtype_of<T>()));
    return static_cast<T*>(data);
  }

  /// Columns [begin, begin + count) of the same rows.
  Tensor columns(int64_t begin, int64_t count) const {
    TF_CHECK(begin >= 0 && begin + count <= cols, "columns {}..{} of {}", begin, begin + count, cols);
    return {static_cast<char*>(data) + begin * dtype_bytes(dtype), dtype, rows, count, stride};
  }
};

}  // namespace tilefit
