#include "tilefit/tensor/param.h"

#include <fmt/format.h>

#include <algorithm>

namespace tilefit {
namespace {

/// Elements to which parameters are aligned: 64 bytes of float32, and the same layout in float64.
constexpr int64_t kAlignElements = 16;

}  // namespace

Tensor Param::value_tensor() const {
  void* const data =
      store_->dtype() == DType::kF32 ? static_cast<void*>(value<float>()) : static_cast<void*>(value<double>());
  return {data, store_->dtype(), rows, cols, cols};
}

ParamStore::ParamStore(DType dtype) : dtype_(dtype) {
  TF_CHECK(dtype == DType::kF32 || dtype == DType::kF64, "parameters of {}", dtype_name(dtype));
}

Param& ParamStore::add(std::vector<ParamPart> parts, ParamKind kind, ParamInit init) {
  TF_CHECK(values_.data() == nullptr, "parameters are registered before finish()");
  TF_CHECK(!parts.empty(), "a parameter has at least one part");
  Param& param = params_.emplace_back();
  param.store_ = this;
  param.kind = kind;
  param.init = init;
  param.cols = parts[0].shape.size() > 1 ? parts[0].shape[1] : 1;
  for (ParamPart& part : parts) {
    TF_CHECK(part.shape.size() == 1 || (part.shape.size() == 2 && part.shape[1] == param.cols), "{}: parts differ in width",
             part.name);
    part.row_begin = param.rows;
    part.rows = part.shape[0];
    param.rows += part.rows;
  }
  param.parts = std::move(parts);
  return param;
}

void ParamStore::finish() {
  TF_CHECK(values_.data() == nullptr, "finish() is called once");
  for (auto param = params_.rbegin(); param != params_.rend(); ++param) {
    param->offset = size_;
    size_ += (param->size() + kAlignElements - 1) / kAlignElements * kAlignElements;
  }
  values_ = Buffer(std::max<int64_t>(size_, 1) * dtype_bytes(dtype_));
  grads_ = Buffer(values_.size());
  grad_buffer_ = grads_.data();
  for (const Param& param : params_)
    for (const ParamPart& part : param.parts)
      parts_.push_back({&param, &part, param.offset + part.row_begin * param.cols, part.rows * param.cols});
  for (size_t i = 0; i < parts_.size(); ++i) {
    const bool inserted = by_name_.emplace(parts_[i].part->name, i).second;
    TF_CHECK(inserted, "parameter {} is registered twice", parts_[i].part->name);
  }
}

int64_t ParamStore::num_parameters(bool trainable_only) const noexcept {
  int64_t count = 0;
  for (const Param& param : params_)
    if (param.trainable || !trainable_only) count += param.size();
  return count;
}

void ParamStore::set_grad_buffer(void* buffer) noexcept { grad_buffer_ = buffer ? buffer : grads_.data(); }

const ParamPartView* ParamStore::find(std::string_view name) const noexcept {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &parts_[found->second];
}

std::pair<int64_t, int64_t> ParamStore::flat_range(size_t first, size_t end) const {
  TF_CHECK(first < end && end <= params_.size(), "parameters {}..{} of {}", first, end, params_.size());
  return {params_[end - 1].offset, first == 0 ? size_ : params_[first - 1].offset};
}

ParamScope ParamScope::operator/(std::string_view name) const { return ParamScope(*store_, this->name(name)); }

ParamScope ParamScope::operator/(int64_t index) const { return *this / std::string_view(fmt::format("{}", index)); }

std::string ParamScope::name(std::string_view leaf) const {
  return prefix_.empty() ? std::string(leaf) : prefix_ + "." + std::string(leaf);
}

}  // namespace tilefit
