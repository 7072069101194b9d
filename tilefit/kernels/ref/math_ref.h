// Scalar functions that the reference kernels share.
#pragma once
#include <cmath>

namespace tilefit::kernels::ref {

/// gelu(x) = x * Phi(x), the exact form with erf. Source: Hendrycks & Gimpel 2016 (arXiv:1606.08415); transformers' "gelu".
template <class T>
T gelu(T x) {
  return x * T(0.5) * (T(1) + std::erf(x * T(0.70710678118654752440)));
}

/// d gelu(x) / dx = Phi(x) + x * phi(x).
template <class T>
T gelu_derivative(T x) {
  const T cdf = T(0.5) * (T(1) + std::erf(x * T(0.70710678118654752440)));
  return cdf + x * std::exp(T(-0.5) * x * x) * T(0.39894228040143267794);
}

}  // namespace tilefit::kernels::ref
