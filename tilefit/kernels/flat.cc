// The parallel drivers over flat arrays: optimizers, gradient sums, norms, conversion, activation. Arrays are cut at multiples of kBlockSize.
#include <algorithm>
#include <vector>

#include "tilefit/kernels/activation.h"
#include "tilefit/kernels/dispatch.h"
#include "tilefit/kernels/optimizer.h"
#include "tilefit/kernels/reduce.h"
#include "tilefit/kernels/rows.h"

namespace tilefit::kernels {
namespace {

constexpr int64_t kFlatRun = 8 * kBlockSize;

}  // namespace

template <class T>
void adamw(ThreadPool& pool, int64_t n, const AdamWStep& step, const T* gradient, T* weight, T* first_moment,
           T* second_moment) {
  parallel_rows(pool, n, kFlatRun, [&](int64_t begin, int64_t end) {
    table<T>().adamw(end - begin, step, gradient + begin, weight + begin, first_moment + begin, second_moment + begin);
  });
}

template <class T>
void adamw_packed(ThreadPool& pool, int64_t O, int64_t C, const AdamWStep& step, const Wide<T>* gradient_OC, Wide<T>* w_OC,
                  Wide<T>* first_moment_OC, Wide<T>* second_moment_OC, void* packed_forward, void* packed_backward) {
  const KernelTable<T>& t = table<T>();
  const int64_t panel = t.gemm_panel;
  // A panel's worth of outputs is one panel of the forward form, and a stretch of every panel of the backward form.
  parallel_rows(pool, O, panel, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * C;
    t.adamw((end - begin) * C, step, gradient_OC + first, w_OC + first, first_moment_OC + first, second_moment_OC + first);
    t.pack_panel(C, O, w_OC, C, true, begin / panel, 0, C, packed_forward);
    for (int64_t p = 0; p * panel < C; ++p) t.pack_panel(O, C, w_OC, C, false, p, begin, end, packed_backward);
  });
}

template <class T>
void sgd(ThreadPool& pool, int64_t n, const SgdStep& step, const T* gradient, T* weight, T* buffer) {
  parallel_rows(pool, n, kFlatRun, [&](int64_t begin, int64_t end) {
    table<T>().sgd(end - begin, step, gradient + begin, weight + begin, buffer ? buffer + begin : nullptr);
  });
}

template <class T>
void block_sums_of_squares(ThreadPool& pool, int64_t n, const T* x, double* block_sums) {
  parallel_rows(pool, n, kFlatRun, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += kBlockSize)
      block_sums[at / kBlockSize] = table<T>().sum_of_squares(std::min(kBlockSize, end - at), x + at);
  });
}

double tree_sum(const double* values, int64_t n) noexcept {
  if (n <= 0) return 0;
  if (n == 1) return values[0];
  int64_t half = 1;  // the largest power of two below n: the left subtree is full
  while (half * 2 < n) half *= 2;
  return tree_sum(values, half) + tree_sum(values + half, n - half);
}

template <class T>
void add(ThreadPool& pool, int64_t n, const T* x, T* y) {
  parallel_rows(pool, n, kFlatRun,
                [&](int64_t begin, int64_t end) { table<T>().add_range(end - begin, x + begin, y + begin); });
}

template <class T>
void gelu(ThreadPool& pool, int64_t n, const T* x, T* y) {
  parallel_rows(pool, n, kFlatRun, [&](int64_t begin, int64_t end) { table<T>().gelu(end - begin, x + begin, y + begin); });
}

template <class T>
void narrow(ThreadPool& pool, int64_t n, const Wide<T>* x, T* y) {
  parallel_rows(pool, n, kFlatRun,
                [&](int64_t begin, int64_t end) { table<T>().narrow(end - begin, x + begin, y + begin); });
}

template <class T>
void fill_zero(ThreadPool& pool, int64_t n, T* y) {
  parallel_rows(pool, n, kFlatRun, [&](int64_t begin, int64_t end) { std::fill(y + begin, y + end, T(0)); });
}

#define TF_INSTANTIATE(T)                                                               \
  template void adamw<T>(ThreadPool&, int64_t, const AdamWStep&, const T*, T*, T*, T*); \
  template void sgd<T>(ThreadPool&, int64_t, const SgdStep&, const T*, T*, T*);         \
  template void block_sums_of_squares<T>(ThreadPool&, int64_t, const T*, double*);      \
  template void add<T>(ThreadPool&, int64_t, const T*, T*);                             \
  template void fill_zero<T>(ThreadPool&, int64_t, T*);
TF_INSTANTIATE(float)
TF_INSTANTIATE(double)
#undef TF_INSTANTIATE
#define TF_INSTANTIATE(T)                                                                                            \
  template void adamw_packed<T>(ThreadPool&, int64_t, int64_t, const AdamWStep&, const Wide<T>*, Wide<T>*, Wide<T>*, \
                                Wide<T>*, void*, void*);
TF_INSTANTIATE(float)
TF_INSTANTIATE(double)
TF_INSTANTIATE(Bf16)
#undef TF_INSTANTIATE
template void gelu<float>(ThreadPool&, int64_t, const float*, float*);
template void gelu<double>(ThreadPool&, int64_t, const double*, double*);
template void gelu<Bf16>(ThreadPool&, int64_t, const Bf16*, Bf16*);
template void narrow<Bf16>(ThreadPool&, int64_t, const float*, Bf16*);

}  // namespace tilefit::kernels
