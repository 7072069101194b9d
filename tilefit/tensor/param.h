// Parameters: two flat arrays (values and gradients) and the table that says where each parameter lies in them.
// Names are those of Hugging Face state dicts. Layers add into gradients; who trains zeroes them, and owns the optimizer's state.
// The flat order is the order of backward: the last registered parameter comes first, so that what is ready first is sent first.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tilefit/cpu/memory.h"
#include "tilefit/tensor/tensor.h"

namespace tilefit {

/// What a parameter is: decides weight decay.
enum class ParamKind { kWeight, kEmbedding, kBias, kNorm };

/// How a parameter starts that no file holds: N(0, initializer_range), constants, or the sinusoids of Vaswani et al. 2017.
enum class ParamInit { kNormal, kZeros, kOnes, kSinusoids };

/// One Hugging Face tensor inside a parameter: rows [row_begin, row_begin + rows) of it.
struct ParamPart {
  std::string name;            ///< full name: "bert.encoder.layer.0.attention.self.query.weight"
  std::vector<int64_t> shape;  ///< as in the file: [O, C] or [O]
  int64_t row_begin = 0, rows = 0;
};

/// A copy of a weight in the order in which products read it. The layer makes it; whoever changes the values may bring it up to date.
struct PackedWeight {
  Buffer data;
  uint64_t version = 0;       ///< ParamStore::version() of the values it was made from; 0: never made
  DType dtype = DType::kF32;  ///< of the activations it is for
};

/// One parameter: a [rows, cols] matrix, or a vector (cols 1). Several tensors of a file may be stacked in it by rows (query, key
/// and value). Made by ParamStore; addresses stay valid as long as the store.
class Param {
 public:
  std::vector<ParamPart> parts;
  ParamKind kind = ParamKind::kWeight;
  ParamInit init = ParamInit::kNormal;
  int64_t rows = 0, cols = 0;
  int64_t offset = 0;     ///< of the first element in the flat arrays; a multiple of 64 bytes
  int64_t zero_row = -1;  ///< row that starts as zeros and gets no gradient (padding token), or -1
  bool trainable = true;
  PackedWeight packed_forward, packed_backward;  ///< of weights of linear layers

  int64_t size() const noexcept { return rows * cols; }
  /// Hugging Face's rule: no weight decay on biases and LayerNorm parameters.
  bool decays() const noexcept { return kind == ParamKind::kWeight || kind == ParamKind::kEmbedding; }

  template <class T>
  T* value() const;
  template <class T>
  T* grad() const;
  Tensor value_tensor() const;

 private:
  friend class ParamStore;
  class ParamStore* store_ = nullptr;
};

/// A named part of a parameter in the flat arrays.
struct ParamPartView {
  const Param* param = nullptr;
  const ParamPart* part = nullptr;
  int64_t offset = 0, size = 0;  ///< elements in the flat arrays
};

/// All parameters of a model. Register, finish() once, then use. Not thread-safe while registering.
class ParamStore {
 public:
  /// dtype: kF32, or kF64 for gradient checks.
  explicit ParamStore(DType dtype = DType::kF32);
  ParamStore(const ParamStore&) = delete;
  ParamStore& operator=(const ParamStore&) = delete;

  /// Registers a parameter in forward order. parts: names and shapes, stacked in order (all with the same columns).
  Param& add(std::vector<ParamPart> parts, ParamKind kind, ParamInit init);

  /// Lays the parameters out and makes the arrays, all zero. Throws Error(kEnvironment) when there is no memory.
  void finish();

  DType dtype() const noexcept { return dtype_; }
  /// Elements of a flat array: all parameters and the gaps between them (always zero).
  int64_t size() const noexcept { return size_; }
  /// Elements that are parameters: what Hugging Face prints as the number of trainable parameters.
  int64_t num_parameters(bool trainable_only = true) const noexcept;

  /// The flat arrays; T is the store's type. grads(): the buffer of set_grad_buffer, else the store's own.
  template <class T>
  T* values() {
    TF_CHECK(dtype_ == dtype_of<T>(), "the parameters are {}", dtype_name(dtype_));
    return static_cast<T*>(static_cast<void*>(values_.data()));
  }
  template <class T>
  T* grads() {
    TF_CHECK(dtype_ == dtype_of<T>(), "the parameters are {}", dtype_name(dtype_));
    return static_cast<T*>(grad_buffer_);
  }

  /// Points gradients at another array of size() elements (a leaf's own), or back at the store's for null. The caller keeps it alive.
  void set_grad_buffer(void* buffer) noexcept;

  /// Parameters in registration order (that of the state dict); parts of all of them in the same order.
  const std::deque<Param>& params() const noexcept { return params_; }
  std::deque<Param>& params() noexcept { return params_; }
  const std::vector<ParamPartView>& parts() const noexcept { return parts_; }
  /// The part of that full name, or null.
  const ParamPartView* find(std::string_view name) const noexcept;

  /// Flat elements [begin, end) of the parameters first .. end - 1 in registration order, gaps included: neighbours in the flat arrays.
  std::pair<int64_t, int64_t> flat_range(size_t first, size_t end) const;

  /// Counts changes of the values: whoever keeps a derived copy (PackedWeight) compares. Call values_changed() after writing values.
  uint64_t version() const noexcept { return version_; }
  void values_changed() noexcept { ++version_; }

 private:
  DType dtype_;
  std::deque<Param> params_;
  std::vector<ParamPartView> parts_;
  std::unordered_map<std::string_view, size_t> by_name_;
  Buffer values_, grads_;
  void* grad_buffer_ = nullptr;
  int64_t size_ = 0;
  uint64_t version_ = 1;
};

template <class T>
T* Param::value() const {
  return store_->values<T>() + offset;
}
template <class T>
T* Param::grad() const {
  return store_->grads<T>() + offset;
}

/// A place in the tree of names: scope / "layer" / 3 / "attention".
class ParamScope {
 public:
  explicit ParamScope(ParamStore& store, std::string prefix = "") : store_(&store), prefix_(std::move(prefix)) {}

  ParamScope operator/(std::string_view name) const;
  ParamScope operator/(int64_t index) const;

  ParamStore& store() const noexcept { return *store_; }
  /// Full name of a tensor of this scope.
  std::string name(std::string_view leaf) const;

 private:
  ParamStore* store_;
  std::string prefix_;
};

}  // namespace tilefit
