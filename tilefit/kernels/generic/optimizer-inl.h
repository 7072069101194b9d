// Optimizer steps over F. Specified in ref/optimizer_ref.h; powers and roots of the step count are made in double by the same
// repeated multiplication everywhere (no libm).

TF_INLINE double power(double base, int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}
TF_INLINE double sqrt_double(double x) { return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(x), _mm_set_sd(x))); }

void adamw(int64_t n, const AdamWStep& s, const float* gradient, float* weight, float* first_moment, float* second_moment) {
  const F step_size = set1(static_cast<float>(-s.learning_rate / (1 - power(s.beta1, s.step))));
  const F root_correction = set1(static_cast<float>(sqrt_double(1 - power(s.beta2, s.step))));
  const F decay = set1(static_cast<float>(1 - s.learning_rate * s.weight_decay));
  const F decay_before = s.decay_after ? set1(1) : decay, decay_after = s.decay_after ? decay : set1(1);
  const F scale = set1(static_cast<float>(s.gradient_scale)), epsilon = set1(static_cast<float>(s.epsilon));
  const F new_1 = set1(static_cast<float>(1 - s.beta1)), new_2 = set1(static_cast<float>(1 - s.beta2)),
          keep_2 = set1(static_cast<float>(s.beta2));
  for_lanes(n, [&](int64_t i, int64_t k) TF_LAMBDA {
    const F g = mul(TF_LOAD(gradient + i, k), scale);
    const F m = fma(sub(g, TF_LOAD(first_moment + i, k)), new_1, TF_LOAD(first_moment + i, k));
    const F v = fma(mul(g, g), new_2, mul(TF_LOAD(second_moment + i, k), keep_2));
    const F w = mul(TF_LOAD(weight + i, k), decay_before);
    const F denominator = add(div(sqrt(v), root_correction), epsilon);
    TF_STORE(weight + i, mul(fma(div(m, denominator), step_size, w), decay_after), k);
    TF_STORE(first_moment + i, m, k);
    TF_STORE(second_moment + i, v, k);
  });
}

void sgd(int64_t n, const SgdStep& s, const float* gradient, float* weight, float* buffer) {
  const F scale = set1(static_cast<float>(s.gradient_scale)), decay = set1(static_cast<float>(s.weight_decay));
  const F rate = set1(static_cast<float>(-s.learning_rate)), momentum = set1(static_cast<float>(s.momentum));
  const F fresh = set1(static_cast<float>(s.step == 1 ? 1 : 1 - s.dampening));
  const F kept = s.step == 1 ? set1(0) : momentum;
  for_lanes(n, [&](int64_t i, int64_t k) TF_LAMBDA {
    const F w = TF_LOAD(weight + i, k);
    F g = fma(w, decay, mul(TF_LOAD(gradient + i, k), scale));
    if (s.momentum != 0) {
      const F b = fma(TF_LOAD(buffer + i, k), kept, mul(g, fresh));
      TF_STORE(buffer + i, b, k);
      g = s.nesterov ? fma(b, momentum, g) : b;
    }
    TF_STORE(weight + i, fma(g, rate, w), k);
  });
}
