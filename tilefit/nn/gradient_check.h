// Checks a backward pass against its forward pass: directional derivatives by finite differences in double, then float32 gradients
// against double ones. For tests of layers, blocks and models; anything with parameters, an input and a scalar loss can be a subject.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "tilefit/nn/context.h"
#include "tilefit/tensor/param.h"

namespace tilefit {

/// Something with gradients. Its parameters and input are set by the checker.
class GradientSubject {
 public:
  virtual ~GradientSubject() = default;

  virtual ParamStore& params() = 0;
  /// Input and its gradient, [rows, cols] of the store's type; both empty when nothing continuous goes in.
  virtual Tensor input() = 0;
  virtual Tensor input_grad() = 0;
  /// The loss. with_backward: also adds the parameters' gradients and sets input_grad(). The same arguments give the same loss.
  virtual double run(Ctx& ctx, bool with_backward) = 0;
};

/// Makes the subject with parameters of that type (kF32 or kF64).
using SubjectFactory = std::function<std::unique_ptr<GradientSubject>(DType)>;

struct GradientCheckOptions {
  bool training = false;  ///< dropout active (fixed keys)
  bool recompute = false;
  uint64_t seed = 1;  ///< of parameters, inputs and directions
};

struct GradientReport {
  /// Largest error of a directional derivative, relative to the derivative (or to 1 % of the product of the norms of gradient and
  /// direction, when those are nearly orthogonal), over single tensors and over all together; and which it was.
  double worst_derivative = 0;
  std::string worst_name;
  /// Relative L2 difference of the whole float32 gradient from the double one, and the largest of one tensor against the larger of its own
  /// norm and 0.1 % of the whole's.
  double float_error = 0, worst_float_error = 0;
  double gradient_norm = 0;
};

GradientReport check_gradients(ThreadPool& pool, const SubjectFactory& make, const GradientCheckOptions& options);

/// A layer as the checker sees it: y = forward(x), dx = backward(dy).
struct LayerUnderTest {
  int64_t in_cols = 0, out_cols = 0;  ///< in_cols 0: no continuous input
  /// Sets y. x may be overwritten. The stash is the layer's own affair.
  std::function<void(Ctx&, const Tensor& x, const Tensor& y)> forward;
  /// Sets dx (empty without an input); adds to parameters' gradients. x is as forward left it; dy may be overwritten.
  std::function<void(Ctx&, const Tensor& dy, const Tensor& x, const Tensor& dx)> backward;
};

/// Subject whose loss is a fixed random weighting of a layer's output over the rows of `layout` (which must outlive it).
/// build: registers the layer's parameters and keeps the layer alive in the closures.
SubjectFactory layer_subject(const RowLayout& layout, std::function<LayerUnderTest(ParamStore&)> build);

}  // namespace tilefit
