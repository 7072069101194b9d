#include "tilefit/nn/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tilefit/base/rng.h"

namespace tilefit {
namespace {

/// Uniform in [-1, 1), exact in float32.
double uniform(uint64_t seed, uint64_t index) {
  return static_cast<double>(mix_key(seed, index) >> 40) / static_cast<double>(uint64_t{1} << 23) - 1.0;
}

double get(const Tensor& t, int64_t i) {
  return t.dtype == DType::kF32 ? static_cast<double>(t.as<float>()[i]) : t.as<double>()[i];
}

void set(const Tensor& t, int64_t i, double value) {
  if (t.dtype == DType::kF32) t.as<float>()[i] = static_cast<float>(value);
  else t.as<double>()[i] = value;
}

/// A tensor that can be moved along a direction: a part of a parameter, or the input.
struct Variable {
  std::string name;
  Tensor value, grad;  ///< flat: [1, size]
};

std::vector<Variable> variables(GradientSubject& subject) {
  std::vector<Variable> all;
  ParamStore& store = subject.params();
  const DType dtype = store.dtype();
  for (const ParamPartView& view : store.parts()) {
    const auto flat = [&](void* base) {
      return Tensor{static_cast<char*>(base) + view.offset * dtype_bytes(dtype), dtype, 1, view.size, view.size};
    };
    if (dtype == DType::kF32) all.push_back({view.part->name, flat(store.values<float>()), flat(store.grads<float>())});
    else all.push_back({view.part->name, flat(store.values<double>()), flat(store.grads<double>())});
  }
  if (const Tensor x = subject.input(); !x.empty()) {
    const int64_t size = x.rows * x.cols;
    all.push_back({"input", {x.data, dtype, 1, size, size}, {subject.input_grad().data, dtype, 1, size, size}});
  }
  return all;
}

/// Values that make every gradient of a healthy size: norms' weights near 1, the rest within [-0.4, 0.4).
void randomise(GradientSubject& subject, uint64_t seed) {
  std::vector<Variable> all = variables(subject);
  for (size_t v = 0; v < all.size(); ++v) {
    const ParamPartView* view = subject.params().find(all[v].name);
    const bool norm = view && view->param->kind == ParamKind::kNorm;
    const double scale = view ? (norm ? 0.25 : 0.4) : 1.0;
    for (int64_t i = 0; i < all[v].value.cols; ++i)
      set(all[v].value, i,
          static_cast<float>((norm ? 1.0 : 0.0) + scale * uniform(mix_key(seed, v), static_cast<uint64_t>(i))));
  }
  subject.params().values_changed();
}

class Checker {
 public:
  Checker(ThreadPool& pool, const SubjectFactory& make, const GradientCheckOptions& options)
      : pool_(pool), options_(options), subject_(make(DType::kF64)), single_(make(DType::kF32)) {
    randomise(*subject_, options.seed);
    randomise(*single_, options.seed);
  }

  GradientReport run() {
    run_backward(*subject_);
    all_ = variables(*subject_);
    for (const Variable& variable : all_) total_ += std::pow(norm(variable.grad), 2);
    total_ = report_.gradient_norm = std::sqrt(total_);
    for (size_t v = 0; v < all_.size(); ++v) check_direction(v, v + 1, all_[v].name, v);
    for (uint64_t round = 0; round < 3; ++round) check_direction(0, all_.size(), "all", 1000 + round);
    compare_float();
    return report_;
  }

 private:
  static double norm(const Tensor& t) {
    double squares = 0;
    for (int64_t i = 0; i < t.cols; ++i) squares += get(t, i) * get(t, i);
    return std::sqrt(squares);
  }

  double loss(GradientSubject& subject, bool with_backward) {
    Ctx ctx{pool_, arena_, subject.params().dtype()};
    ctx.training = options_.training;
    ctx.recompute = options_.recompute;
    return subject.run(ctx, with_backward);
  }

  void run_backward(GradientSubject& subject) {
    for (const Variable& variable : variables(subject))
      std::memset(variable.grad.data, 0, static_cast<size_t>(variable.grad.cols * dtype_bytes(variable.grad.dtype)));
    loss(subject, true);
  }

  /// Moves variables [first, last) by `step` along direction `id` from their values in `origin`; true components elsewhere.
  void move(size_t first, size_t last, uint64_t id, double step, const std::vector<std::vector<double>>& origin) {
    for (size_t v = first; v < last; ++v)
      for (int64_t i = 0; i < all_[v].value.cols; ++i)
        set(all_[v].value, i, origin[v - first][static_cast<size_t>(i)] + step * direction(v, i, id));
    subject_->params().values_changed();
  }

  double direction(size_t v, int64_t i, uint64_t id) const {
    const ParamPartView* view = subject_->params().find(all_[v].name);
    // The row of the padding token has no gradient by definition, although the loss depends on it.
    if (view && view->param->zero_row >= 0 && i / view->param->cols == view->param->zero_row) return 0;
    return uniform(mix_key(options_.seed + 77, mix_key(id, v)), static_cast<uint64_t>(i));
  }

  void check_direction(size_t first, size_t last, const std::string& name, uint64_t id) {
    std::vector<std::vector<double>> origin;
    double analytic = 0, grad_squares = 0, direction_squares = 0;
    for (size_t v = first; v < last; ++v) {
      std::vector<double>& values = origin.emplace_back();
      for (int64_t i = 0; i < all_[v].value.cols; ++i) {
        const double g = get(all_[v].grad, i), d = direction(v, i, id);
        values.push_back(get(all_[v].value, i));
        analytic += g * d;
        grad_squares += g * g;
        direction_squares += d * d;
      }
    }
    constexpr double kStep = 2e-4;  // error terms of a five-point stencil: kStep^4 and rounding / kStep
    double at[5];
    for (int i = -2; i <= 2; ++i) {
      move(first, last, id, i * kStep, origin);
      if (i != 0) at[i + 2] = loss(*subject_, false);
    }
    move(first, last, id, 0, origin);
    const double numeric = (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * kStep);
    const double scale = std::sqrt(direction_squares) * std::max(0.01 * std::sqrt(grad_squares), 1e-4 * total_);
    const double error = std::fabs(numeric - analytic) / std::max({std::fabs(analytic), scale, 1e-12});
    if (std::isnan(error) || error > report_.worst_derivative) {
      report_.worst_derivative = error;
      report_.worst_name = name;
    }
  }

  void compare_float() {
    run_backward(*single_);
    const std::vector<Variable> floats = variables(*single_);
    double squares = 0;
    for (size_t v = 0; v < all_.size(); ++v) {
      double part = 0;
      for (int64_t i = 0; i < all_[v].grad.cols; ++i) part += std::pow(get(floats[v].grad, i) - get(all_[v].grad, i), 2);
      squares += part;
      const double error = std::sqrt(part) / std::max({norm(all_[v].grad), 1e-3 * total_, 1e-30});
      if (!(error <= report_.worst_float_error)) report_.worst_float_error = error;
    }
    report_.float_error = std::sqrt(squares) / std::max(total_, 1e-30);
  }

  ThreadPool& pool_;
  GradientCheckOptions options_;
  Arena arena_;
  std::unique_ptr<GradientSubject> subject_, single_;
  std::vector<Variable> all_;
  double total_ = 0;
  GradientReport report_;
};

class LayerSubject final : public GradientSubject {
 public:
  LayerSubject(const RowLayout& layout, const std::function<LayerUnderTest(ParamStore&)>& build, DType dtype)
      : layout_(layout), store_(dtype), layer_(build(store_)) {
    store_.finish();
    const int64_t bytes = layout.num_rows * layer_.in_cols * dtype_bytes(dtype);
    input_ = Buffer(bytes);
    input_grad_ = Buffer(bytes);
  }

  ParamStore& params() override { return store_; }
  Tensor input() override { return view(input_); }
  Tensor input_grad() override { return view(input_grad_); }

  double run(Ctx& ctx, bool with_backward) override {
    ctx.rows = &layout_;
    const Arena::Scope scratch(ctx.arena);
    const int64_t M = layout_.num_rows;
    const Tensor y = ctx.tensor(M, layer_.out_cols), dy = ctx.tensor(M, layer_.out_cols);
    const Tensor x = layer_.in_cols > 0 ? ctx.tensor(M, layer_.in_cols) : Tensor{};
    if (!x.empty()) std::memcpy(x.data, input_.data(), static_cast<size_t>(input_.size()));
    layer_.forward(ctx, x, y);
    double loss = 0;
    for (int64_t i = 0; i < M * layer_.out_cols; ++i) {
      const double weight = uniform(4242, static_cast<uint64_t>(i));
      loss += weight * get(y, i);
      set(dy, i, weight);
    }
    if (with_backward) layer_.backward(ctx, dy, x, input_grad());
    return loss;
  }

 private:
  Tensor view(Buffer& buffer) {
    if (layer_.in_cols == 0) return {};
    return {buffer.data(), store_.dtype(), layout_.num_rows, layer_.in_cols, layer_.in_cols};
  }

  const RowLayout& layout_;
  ParamStore store_;
  LayerUnderTest layer_;
  Buffer input_, input_grad_;
};

}  // namespace

GradientReport check_gradients(ThreadPool& pool, const SubjectFactory& make, const GradientCheckOptions& options) {
  return Checker(pool, make, options).run();
}

SubjectFactory layer_subject(const RowLayout& layout, std::function<LayerUnderTest(ParamStore&)> build) {
  return [&layout, build = std::move(build)](DType dtype) { return std::make_unique<LayerSubject>(layout, build, dtype); };
}

}  // namespace tilefit
