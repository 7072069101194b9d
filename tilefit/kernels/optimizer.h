// One optimizer step on a flat range of parameters: element-wise, one pass over memory.
#pragma once
#include <cstdint>

#include "tilefit/base/bf16.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), the arithmetic of torch.optim.AdamW in float32:
/// g' = gradient_scale * g;  w *= 1 - lr * weight_decay;  m = b1 m + (1 - b1) g';  v = b2 v + (1 - b2) g'^2;
/// w -= (lr / (1 - b1^t)) * m / (sqrt(v) / sqrt(1 - b2^t) + eps).
struct AdamWStep {
  double learning_rate = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  double gradient_scale = 1;  // the mean over leaves and the clip factor
  int64_t step = 1;           // t, from 1
  bool decay_after = false;   // adamw_hf: w -= lr * weight_decay * w after the update instead of before
};

template <class T>
void adamw(ThreadPool& pool, int64_t n, const AdamWStep& step, const T* gradient, T* weight, T* first_moment,
           T* second_moment);

/// The same on a weight matrix w_OC, and from the new values, while they are in cache, both of its packed forms for products of T
/// (gemm.h, pack_matrix): packed_forward of W^T as a [C, O] matrix, packed_backward of W as an [O, C] matrix.
template <class T>
void adamw_packed(ThreadPool& pool, int64_t O, int64_t C, const AdamWStep& step, const Wide<T>* gradient_OC, Wide<T>* w_OC,
                  Wide<T>* first_moment_OC, Wide<T>* second_moment_OC, void* packed_forward, void* packed_backward);

/// torch.optim.SGD: g' = gradient_scale * g + weight_decay * w; with momentum: buffer = (step 1 ? g' : momentum * buffer + (1 - dampening) g');
/// g' = nesterov ? g' + momentum * buffer : buffer; w -= lr * g'. buffer may be null when momentum is 0.
struct SgdStep {
  double learning_rate = 0, momentum = 0, dampening = 0, weight_decay = 0;
  double gradient_scale = 1;
  bool nesterov = false;
  int64_t step = 1;
};

template <class T>
void sgd(ThreadPool& pool, int64_t n, const SgdStep& step, const T* gradient, T* weight, T* buffer);

}  // namespace tilefit::kernels
