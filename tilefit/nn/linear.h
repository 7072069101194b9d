// y = x W^T + b. Weights are kept packed for the matrix kernel, once for forward and once for backward, and packed again when the
// parameters have changed and the optimizer has not done it. Several Hugging Face layers of the same input may be stacked into one (query, key, value).
#pragma once
#include <span>

#include "tilefit/nn/ops.h"

namespace tilefit {

class Linear {
 public:
  /// Registers "weight" [O, C] and "bias" [O] of every scope; outputs are stacked in order. name: what profiles call it ("ffn_in"), a
  /// literal; the layers of a stack share it.
  Linear(std::span<const ParamScope> scopes, int64_t C, int64_t O_each, const char* name = "linear");
  Linear(const ParamScope& scope, int64_t C, int64_t O, const char* name = "linear")
      : Linear(std::span(&scope, 1), C, O, name) {}

  int64_t in_size() const noexcept { return w_OC_.cols; }
  int64_t out_size() const noexcept { return w_OC_.rows; }

  /// Sets y_MO (may be wide); gelu_MO (may be empty): also set to gelu(y).
  void forward(Ctx& ctx, const Tensor& x_MC, const Tensor& y_MO, const Tensor& gelu_MO = {});

  /// Adds to the gradients of weight and bias. x_MC: forward's input. dx_MC: set to dy W, then times gelu'(epilogue.gelu_input_MN), then
  /// plus epilogue.add_MN; empty: not wanted.
  void backward(Ctx& ctx, const Tensor& dy_MO, const Tensor& x_MC, const Tensor& dx_MC, const ops::Epilogue& epilogue = {});

 private:
  const void* packed(Ctx& ctx, bool for_forward);

  ParamStore& store_;
  Param& w_OC_;
  Param& b_O_;
  const char* name_;
};

}  // namespace tilefit
