#include "tilefit/tasks/numpy_softmax.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace tilefit {

float numpy_exp(float x) noexcept {
  // exp(x) = 2^k exp(r), r = x - k ln 2 with ln 2 in two parts (Cody and Waite), exp(r) = P(r) / Q(r) (minimax).
  // Constants: numpy/core/src/umath/npy_simd_data.h.
  constexpr float kLargest = 88.72283935546875f, kSmallest = -103.97208404541015625f;
  constexpr float kLog2E = 1.442695040888963407359924681001892137f, kMinusLn2High = -6.93145752e-1f,
                  kMinusLn2Low = -1.42860677e-6f;
  constexpr std::array<float, 6> kP = {9.999999999980870924916e-01f, 7.257664613233124478488e-01f,
                                       2.473615434895520810817e-01f, 5.114512081637298353406e-02f,
                                       6.757896990527504603057e-03f, 5.082762527590693718096e-04f};
  constexpr std::array<float, 3> kQ = {1.0f, -2.742335390411667452936e-01f, 2.159509375685829852307e-02f};
  if (std::isnan(x)) return x;
  if (x >= kLargest) return std::numeric_limits<float>::infinity();
  if (x <= kSmallest) return 0;
  const float k = std::nearbyint(x * kLog2E);
  const float r = std::fma(k, kMinusLn2Low, std::fma(k, kMinusLn2High, x));
  float p = kP[5];
  for (size_t i = 5; i-- > 0;) p = std::fma(p, r, kP[i]);
  const float q = std::fma(std::fma(kQ[2], r, kQ[1]), r, kQ[0]);
  return std::ldexp(p / q, static_cast<int>(k));
}

float numpy_sum(std::span<const float> values) noexcept {
  constexpr size_t kLanes = 8, kBlock = 128;
  const size_t n = values.size();
  if (n > kBlock) {
    const size_t half = n / 2 - (n / 2) % kLanes;
    return numpy_sum(values.first(half)) + numpy_sum(values.subspan(half));
  }
  float sum = 0;
  size_t i = 0;
  if (n >= kLanes) {
    std::array<float, kLanes> s;
    std::copy_n(values.begin(), kLanes, s.begin());
    for (i = kLanes; i + kLanes <= n; i += kLanes)
      for (size_t lane = 0; lane < kLanes; ++lane) s[lane] += values[i + lane];
    sum = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
  }
  for (; i < n; ++i) sum += values[i];
  return sum;
}

std::vector<float> numpy_softmax(std::span<const float> scores) {
  const float max = *std::max_element(scores.begin(), scores.end());
  std::vector<float> out;
  out.reserve(scores.size());
  for (const float score : scores) out.push_back(numpy_exp(score - max));
  const float sum = numpy_sum(out);
  for (float& value : out) value /= sum;
  return out;
}

}  // namespace tilefit
