// Numbers of the places where a model drops values: together with the example's key they decide a mask, so they must not change.
#pragma once
#include <cstdint>

namespace tilefit {

enum class DropoutPlace : uint64_t { kEmbedding, kAttentionProbability, kAttentionOutput, kFfnOutput, kHead };

/// Site of a place in a layer; layer -1 stands for what is outside the layers.
constexpr uint64_t dropout_site(int64_t layer, DropoutPlace place) noexcept {
  return static_cast<uint64_t>(layer + 1) * 16 + static_cast<uint64_t>(place);
}

}  // namespace tilefit
