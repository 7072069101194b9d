#include "tilefit/bench/kernel_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "tilefit/base/bf16.h"
#include "tilefit/base/rng.h"
#include "tilefit/cpu/memory.h"
#include "tilefit/data/squad_lengths.h"
#include "tilefit/kernels/activation.h"
#include "tilefit/kernels/dispatch.h"
#include "tilefit/kernels/reduce.h"
#include "tilefit/tensor/dtype.h"
#include "tilefit/tensor/tensor.h"

namespace tilefit {
namespace {

struct ModelShape {
  const char* name;
  int64_t C, F, H;
};
constexpr ModelShape kModels[] = {{"distilbert", 768, 3072, 12}, {"minilm", 384, 1536, 12}};
constexpr int64_t kRows[] = {2048, 6144};
constexpr int64_t kMostRows = 6144, kMostColumns = 3072, kVocabulary = 30522;
constexpr int64_t kFlatSize = int64_t{8} << 20;  // of optimizer arrays: four of them exceed most caches
constexpr double kDropout = 0.1;

template <class T>
T element(double value) {
  if constexpr (std::is_same_v<T, Bf16>) return {f32_to_bf16(static_cast<float>(value))};
  else return static_cast<T>(value);
}

/// Inputs and outputs that all cases share: matrices of T, parameters and statistics of the wide type that goes with it. Inputs are small values and never written, so that no run meets infinities or denormals.
template <class T>
struct Workspace {
  using W = Wide<T>;
  ThreadPool& pool;
  Buffer x, y, add, out, out2, weights, flat[5], statistics;
  std::vector<int32_t> id_M, position_M;
  std::vector<uint64_t> key_M;

  explicit Workspace(ThreadPool& threads) : pool(threads) {
    const int64_t matrix = kMostRows * kMostColumns;
    for (Buffer* b : {&x, &y, &add}) *b = filled<T>(matrix, 1);
    for (Buffer* b : {&out, &out2}) *b = filled<T>(matrix, 0);
    weights = filled<W>(kVocabulary * kModels[0].C, 0.05);
    for (Buffer& b : flat) b = filled<W>(kFlatSize, 0.01);
    statistics = filled<W>(4 * kMostRows + kernels::layer_norm_workspace(kMostRows, kMostColumns), 0.5);
    for (int64_t m = 0; m < kMostRows; ++m) {
      id_M.push_back(static_cast<int32_t>(mix64(static_cast<uint64_t>(m)) % kVocabulary));
      position_M.push_back(static_cast<int32_t>(m % 384));
      key_M.push_back(mix64(static_cast<uint64_t>(m / 384)));
    }
  }

  /// n values in [-scale, scale]. The pool's threads touch the pages first.
  template <class E>
  Buffer filled(int64_t n, double scale) {
    Buffer buffer(n * static_cast<int64_t>(sizeof(E)));
    E* const values = buffer.as<E>();
    constexpr int64_t kRun = 65536;
    pool.parallel_for((n + kRun - 1) / kRun, [&](int64_t task, int) {
      for (int64_t i = task * kRun; i < std::min(n, (task + 1) * kRun); ++i) {
        const double unit = static_cast<double>(mix64(static_cast<uint64_t>(i)) >> 11) * 0x1p-53;
        values[i] = element<E>(scale * (2 * unit - 1));
      }
    });
    return buffer;
  }

  kernels::DropoutRows dropout() const { return {key_M.data(), position_M.data(), 3, kDropout}; }
};

/// Sequences of SQuAD's lengths that fill M rows.
std::vector<kernels::SequenceSpan> squad_sequences(int64_t M) {
  std::vector<kernels::SequenceSpan> sequences;
  const std::vector<int32_t> lengths = draw_squad_lengths(M, 42);
  int64_t begin = 0;
  for (size_t i = 0; begin < M; ++i) {
    const auto rows = static_cast<int32_t>(std::min<int64_t>(lengths[i], M - begin));
    sequences.push_back({begin, rows, rows, mix64(i)});
    begin += rows;
  }
  return sequences;
}

/// Elements of a kernel's matrices (T) and of its parameters (Wide<T>).
struct Elements {
  double narrow = 0, wide = 0;
};

template <class T>
class Cases {
  using W = Wide<T>;

 public:
  explicit Cases(ThreadPool& pool) : w_(std::make_shared<Workspace<T>>(pool)) {}

  std::vector<KernelCase> take() { return std::move(cases_); }

  void add_gemms(const ModelShape& model, int64_t M) {
    add_linear(model, "qkv", M, model.C, 3 * model.C);
    add_linear(model, "attention_out", M, model.C, model.C);
    add_linear(model, "ffn_in", M, model.C, model.F);
    add_linear(model, "ffn_out", M, model.F, model.C);
  }

  void add_attention(const ModelShape& model, int64_t M) {
    const auto sequences = std::make_shared<std::vector<kernels::SequenceSpan>>(squad_sequences(M));
    double pairs = 0;
    for (const kernels::SequenceSpan& s : *sequences) pairs += static_cast<double>(s.num_rows) * s.num_rows;
    const int64_t C = model.C, D = C / model.H;
    const kernels::AttentionShape shape = {
        sequences->data(), std::ssize(*sequences), model.H, D, 1 / std::sqrt(static_cast<double>(D)), kDropout, 1};
    const auto w = w_;
    const auto forward = [w, sequences, shape, C] {
      kernels::attention_forward<T>(w->pool, shape, w->x.template as<T>(), 3 * C, w->out.template as<T>(), C,
                                    w->statistics.template as<W>());
    };
    const std::string name = fmt::format("{}-h{}-m{}", model.name, model.H, M);
    const auto rows = static_cast<double>(M), channels = static_cast<double>(C);
    add("attention_forward", name, 4 * pairs * channels, {4 * rows * channels, 0}, true, [forward] { return forward; });
    add("attention_backward", name, 8 * pairs * channels, {8 * rows * channels, 0}, true, [w, forward, shape, C] {
      forward();  // its result and row statistics are inputs
      return [w, forward, shape, C] {
        kernels::attention_backward<T>(w->pool, shape, w->x.template as<T>(), 3 * C, w->out.template as<T>(), C,
                                       w->statistics.template as<W>(), w->y.template as<T>(), C, w->out2.template as<T>(),
                                       3 * C);
      };
    });
  }

  void add_rows(const ModelShape& model, int64_t M) {
    const auto w = w_;
    const int64_t C = model.C;
    const auto n = static_cast<double>(M * C);
    const std::string name = fmt::format("{}-{}-m{}", model.name, C, M);
    add_run("dropout", name, n, 2 * n,
            [w, M, C] { kernels::dropout<T>(w->pool, M, C, w->x.template as<T>(), w->dropout(), w->out.template as<T>()); });
    add_run("gelu", name, 38 * n, 2 * n,
            [w, M, C] { kernels::gelu<T>(w->pool, M * C, w->x.template as<T>(), w->out.template as<T>()); });
    add_run("layer_norm_forward", name, 9 * n, 4 * n, [w, M, C] {
      W* const statistics = w->statistics.template as<W>();
      kernels::layer_norm_forward<T>(w->pool, M, C, w->x.template as<T>(), w->y.template as<T>(), w->dropout(),
                                     w->weights.template as<W>(), w->weights.template as<W>() + C, static_cast<W>(1e-12),
                                     w->out.template as<T>(), w->out2.template as<T>(), statistics, statistics + kMostRows);
    });
    add_run("layer_norm_backward", name, 14 * n, 4 * n, [w, M, C] {
      W* const statistics = w->statistics.template as<W>();
      W* const parameters = w->flat[0].template as<W>();
      kernels::layer_norm_backward<T>(w->pool, M, C, w->x.template as<T>(), w->y.template as<T>(), statistics,
                                      statistics + kMostRows, w->weights.template as<W>(), w->dropout(),
                                      w->out.template as<T>(), w->out2.template as<T>(), parameters, parameters + C,
                                      statistics + 2 * kMostRows);
    });
    add("embedding_forward", name, 2 * n, {n, 3 * n}, false, ready([w, M, C] {
          const W* const table = w->weights.template as<W>();
          const kernels::EmbeddingTable<T> tables[] = {
              {w->id_M.data(), table}, {w->position_M.data(), table}, {w->position_M.data(), table}};
          kernels::embedding_forward<T>(w->pool, M, C, tables, 3, w->out.template as<T>());
        }));
    add("embedding_backward", name, n, {n, 2 * n}, false, ready([w, M, C] {
          kernels::embedding_backward<T>(w->pool, M, C, w->position_M.data(), w->x.template as<T>(),
                                         w->flat[0].template as<W>());
        }));
    if constexpr (!std::is_same_v<T, W>)
      add("narrow", name, 0, {n, n}, false,
          ready([w, M, C] { kernels::narrow<T>(w->pool, M * C, w->weights.template as<W>(), w->out.template as<T>()); }));
  }

  /// Over parameters and their gradients, which are of type W whatever T is.
  void add_flat() {
    const auto w = w_;
    const auto n = static_cast<double>(kFlatSize);
    const std::string name = fmt::format("n{}", kFlatSize);
    kernels::AdamWStep adamw;
    adamw.learning_rate = 1e-6;
    adamw.step = 10;
    add("adamw", name, 14 * n, {0, 7 * n}, false, [w, adamw] {
      W* const second = w->flat[4].template as<W>();
      std::fill_n(second, kFlatSize, static_cast<W>(1e-4));  // a second moment is never negative
      return [w, adamw, second] {
        kernels::adamw<W>(w->pool, kFlatSize, adamw, w->flat[0].template as<W>(), w->flat[1].template as<W>(),
                          w->flat[2].template as<W>(), second);
      };
    });
    // The same with both packed forms: one matrix of the shape of ffn_in.
    constexpr int64_t kO = 3072, kC = 768;
    const double size = static_cast<double>(kO * kC);
    const auto packed_elements = Elements{2 * size, 7 * size};
    add("adamw_packed", fmt::format("{}x{}", kC, kO), 14 * size, packed_elements, false, [w, adamw] {
      const auto forward = std::make_shared<Buffer>(kernels::packed_bytes<T>(kC, kO));
      const auto backward = std::make_shared<Buffer>(kernels::packed_bytes<T>(kO, kC));
      return [w, adamw, forward, backward] {
        kernels::adamw_packed<T>(w->pool, kO, kC, adamw, w->flat[0].template as<W>(), w->flat[1].template as<W>(),
                                 w->flat[2].template as<W>(), w->flat[4].template as<W>(), forward->data(),
                                 backward->data());
      };
    });
    kernels::SgdStep sgd;
    sgd.learning_rate = 1e-6;
    sgd.momentum = 0.9;
    sgd.step = 10;
    add_run("sgd", name, 4 * n, 5 * n, [w, sgd] {
      kernels::sgd<W>(w->pool, kFlatSize, sgd, w->flat[0].template as<W>(), w->flat[1].template as<W>(),
                      w->flat[2].template as<W>());
    });
    add_run("add", name, n, 3 * n,
            [w] { kernels::add<W>(w->pool, kFlatSize, w->flat[0].template as<W>(), w->flat[3].template as<W>()); });
    const auto sums = std::make_shared<std::vector<double>>(kFlatSize / kernels::kBlockSize + 1);
    add_run("block_sums_of_squares", name, 2 * n, n,
            [w, sums] { kernels::block_sums_of_squares<W>(w->pool, kFlatSize, w->flat[0].template as<W>(), sums->data()); });
    add_run("fill_zero", name, 0, n, [w] { kernels::fill_zero<W>(w->pool, kFlatSize, w->flat[4].template as<W>()); });
  }

 private:
  void add(const char* kernel, std::string shape, double flops, const Elements& elements, bool compute_bound,
           std::function<std::function<void()>()> prepare) {
    const double bytes = elements.narrow * static_cast<double>(sizeof(T)) + elements.wide * static_cast<double>(sizeof(W));
    cases_.push_back(
        {kernel, std::move(shape), std::string(dtype_name(dtype_of<T>())), flops, bytes, compute_bound, std::move(prepare)});
  }
  /// A run that needs no preparation.
  static std::function<std::function<void()>()> ready(std::function<void()> run) {
    return [run] { return run; };
  }
  /// A case that needs no preparation, measured against the bandwidth.
  void add_run(const char* kernel, std::string shape, double flops, double elements, std::function<void()> run) {
    add(kernel, std::move(shape), flops, {elements, 0}, false, ready(std::move(run)));
  }

  /// Forward with the layer's own epilogue, dgrad with that of the layer below it, wgrad, and the packing of the forward weight.
  void add_linear(const ModelShape& model, const char* layer, int64_t M, int64_t K, int64_t N) {
    const auto w = w_;
    const std::string name = fmt::format("{}-{}-{}x{}-m{}", model.name, layer, K, N, M);
    const bool ffn_in = std::string_view(layer) == "ffn_in", ffn_out = std::string_view(layer) == "ffn_out";
    const auto m = static_cast<double>(M), k = static_cast<double>(K), n = static_cast<double>(N);
    const double flops = 2 * m * n * k, elements = m * k + k * n + m * n;
    // B of forward is W^T [K, N], that of dgrad is W [N, K].
    const auto packed = [w](int64_t rows, int64_t cols, int64_t ld, bool transposed) {
      const auto b = std::make_shared<Buffer>(kernels::packed_bytes<T>(rows, cols));
      kernels::pack_matrix<T>(w->pool, rows, cols, w->weights.template as<W>(), ld, transposed, b->data());
      return b;
    };
    add("gemm_forward", name, flops, {elements + (ffn_in ? m * n : 0), 0}, true, [=] {
      return [w, M, N, K, ffn_in, b = packed(K, N, K, true)] {
        kernels::Epilogue<T> epilogue;
        epilogue.bias_N = w->weights.template as<W>();
        epilogue.gelu_output_MN = ffn_in ? w->out2.template as<T>() : nullptr;
        epilogue.ld_gelu_output = N;
        kernels::gemm<T>(w->pool, M, N, K, w->x.template as<T>(), K, b->data(), epilogue, w->out.template as<T>(), N);
      };
    });
    add("gemm_dgrad", name, flops, {elements + m * k, 0}, true, [=] {
      return [w, M, N, K, ffn_out, b = packed(N, K, K, false)] {
        kernels::Epilogue<T> epilogue;
        (ffn_out ? epilogue.gelu_input_MN : epilogue.add_MN) = w->add.template as<T>();
        epilogue.ld_gelu_input = epilogue.ld_add = K;
        kernels::gemm<T>(w->pool, M, K, N, w->y.template as<T>(), N, b->data(), epilogue, w->out.template as<T>(), K);
      };
    });
    add("gemm_wgrad", name, flops, {m * k + m * n, 2 * k * n}, true, [=] {
      return [w, M, N, K] {
        kernels::gemm_wgrad<T>(w->pool, M, N, K, w->y.template as<T>(), N, w->x.template as<T>(), K,
                               w->flat[3].template as<W>(), K, w->flat[0].template as<W>());
      };
    });
    if (M == kMostRows)
      add("pack", fmt::format("{}-{}-{}x{}", model.name, layer, K, N), 0, {k * n, k * n}, false, [=] {
        return [w, K, N, b = packed(K, N, K, true)] {
          kernels::pack_matrix<T>(w->pool, K, N, w->weights.template as<W>(), K, true, b->data());
        };
      });
  }

  std::shared_ptr<Workspace<T>> w_;
  std::vector<KernelCase> cases_;
};

}  // namespace

template <class T>
std::vector<KernelCase> kernel_cases(ThreadPool& pool) {
  Cases<T> cases(pool);
  for (const ModelShape& model : kModels)
    for (const int64_t M : kRows) {
      cases.add_gemms(model, M);
      cases.add_attention(model, M);
    }
  for (const ModelShape& model : kModels) cases.add_rows(model, kMostRows);
  if constexpr (std::is_same_v<T, Wide<T>>) cases.add_flat();
  return cases.take();
}

template std::vector<KernelCase> kernel_cases<float>(ThreadPool&);
template std::vector<KernelCase> kernel_cases<Bf16>(ThreadPool&);

}  // namespace tilefit
