// Scalar definition of optimizer.h.
#pragma once
#include <cmath>

#include "tilefit/kernels/optimizer.h"

namespace tilefit::kernels::ref {

template <class T>
void adamw(int64_t n, const AdamWStep& s, const T* gradient, T* weight, T* first_moment, T* second_moment) {
  const T step_size = T(s.learning_rate / (1 - std::pow(s.beta1, double(s.step))));
  const T root_correction = T(std::sqrt(1 - std::pow(s.beta2, double(s.step))));
  const T decay = T(1 - s.learning_rate * s.weight_decay);
  for (int64_t i = 0; i < n; ++i) {
    const T g = gradient[i] * T(s.gradient_scale);
    if (!s.decay_after) weight[i] *= decay;
    first_moment[i] += (g - first_moment[i]) * T(1 - s.beta1);
    second_moment[i] = second_moment[i] * T(s.beta2) + g * g * T(1 - s.beta2);
    weight[i] -= step_size * first_moment[i] / (std::sqrt(second_moment[i]) / root_correction + T(s.epsilon));
    if (s.decay_after) weight[i] *= decay;
  }
}

template <class T>
void sgd(int64_t n, const SgdStep& s, const T* gradient, T* weight, T* buffer) {
  for (int64_t i = 0; i < n; ++i) {
    T g = gradient[i] * T(s.gradient_scale) + weight[i] * T(s.weight_decay);
    if (s.momentum != 0) {
      buffer[i] = s.step == 1 ? g : buffer[i] * T(s.momentum) + g * T(1 - s.dampening);
      g = s.nesterov ? g + buffer[i] * T(s.momentum) : buffer[i];
    }
    weight[i] -= g * T(s.learning_rate);
  }
}

}  // namespace tilefit::kernels::ref
