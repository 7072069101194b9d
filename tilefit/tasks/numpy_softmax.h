// Softmax of a few float32 scores with numpy's rounding: exp by the rational approximation of numpy's vector code, and sums in
// its pairwise order. For the probabilities in n-best files; models use kernels/.
#pragma once
#include <span>
#include <vector>

namespace tilefit {

/// np.exp of one float32 (numpy's FMA and AVX-512 code paths, which agree). Maximum error 2.52 ulp.
float numpy_exp(float x) noexcept;

/// np.sum of float32 values.
float numpy_sum(std::span<const float> values) noexcept;

/// np.exp(s - max(s)) / sum(...) in float32. scores: one or more values.
std::vector<float> numpy_softmax(std::span<const float> scores);

}  // namespace tilefit
