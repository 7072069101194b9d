#include "tilefit/bench/kernel_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tilefit/base/rng.h"
#include "tilefit/cpu/memory.h"
#include "tilefit/data/squad_lengths.h"
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

/// Inputs and outputs that all cases share. Inputs are small values and never written, so that no run meets infinities or denormals.
template <class T>
struct Workspace {
  ThreadPool& pool;
  Buffer x, y, add, out, out2, weights, packed, flat[4], statistics;
  std::vector<int32_t> id_M, position_M;
  std::vector<uint64_t> key_M;

  explicit Workspace(ThreadPool& threads) : pool(threads) {
    const int64_t matrix = kMostRows * kMostColumns;
    for (Buffer* b : {&x, &y, &add}) *b = filled(matrix, 1);
    for (Buffer* b : {&out, &out2}) *b = filled(matrix, 0);
    weights = filled(kVocabulary * kModels[0].C, 0.05);
    for (Buffer& b : flat) b = filled(kFlatSize, 0.01);
    statistics = filled(4 * kMostRows + kernels::layer_norm_workspace(kMostRows, kMostColumns), 0.5);
    for (int64_t m = 0; m < kMostRows; ++m) {
      id_M.push_back(static_cast<int32_t>(mix64(static_cast<uint64_t>(m)) % kVocabulary));
      position_M.push_back(static_cast<int32_t>(m % 384));
      key_M.push_back(mix64(static_cast<uint64_t>(m / 384)));
    }
  }

  /// n values in [-scale, scale]. The pool's threads touch the pages first.
  Buffer filled(int64_t n, double scale) {
    Buffer buffer(n * static_cast<int64_t>(sizeof(T)));
    T* const values = buffer.as<T>();
    constexpr int64_t kRun = 65536;
    pool.parallel_for((n + kRun - 1) / kRun, [&](int64_t task, int) {
      for (int64_t i = task * kRun; i < std::min(n, (task + 1) * kRun); ++i) {
        const double unit = static_cast<double>(mix64(static_cast<uint64_t>(i)) >> 11) * 0x1p-53;
        values[i] = static_cast<T>(scale * (2 * unit - 1));
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

template <class T>
class Cases {
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
                                    w->statistics.template as<T>());
    };
    const std::string name = fmt::format("{}-h{}-m{}", model.name, model.H, M);
    const auto rows = static_cast<double>(M), channels = static_cast<double>(C);
    add("attention_forward", name, 4 * pairs * channels, 4 * rows * channels, true, [forward] { return forward; });
    add("attention_backward", name, 8 * pairs * channels, 8 * rows * channels, true, [w, forward, shape, C] {
      forward();  // its result and row statistics are inputs
      return [w, forward, shape, C] {
        kernels::attention_backward<T>(w->pool, shape, w->x.template as<T>(), 3 * C, w->out.template as<T>(), C,
                                       w->statistics.template as<T>(), w->y.template as<T>(), C, w->out2.template as<T>(),
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
    add_run("layer_norm_forward", name, 9 * n, 4 * n, [w, M, C] {
      T* const statistics = w->statistics.template as<T>();
      kernels::layer_norm_forward<T>(w->pool, M, C, w->x.template as<T>(), w->y.template as<T>(), w->dropout(),
                                     w->weights.template as<T>(), w->weights.template as<T>() + C, static_cast<T>(1e-12),
                                     w->out.template as<T>(), w->out2.template as<T>(), statistics, statistics + kMostRows);
    });
    add_run("layer_norm_backward", name, 14 * n, 4 * n, [w, M, C] {
      T* const statistics = w->statistics.template as<T>();
      T* const parameters = w->flat[0].template as<T>();
      kernels::layer_norm_backward<T>(w->pool, M, C, w->x.template as<T>(), w->y.template as<T>(), statistics,
                                      statistics + kMostRows, w->weights.template as<T>(), w->dropout(),
                                      w->out.template as<T>(), w->out2.template as<T>(), parameters, parameters + C,
                                      statistics + 2 * kMostRows);
    });
    add_run("column_sums", name, n, n, [w, M, C] {
      kernels::add_column_sums<T>(w->pool, M, C, w->x.template as<T>(), C, w->flat[0].template as<T>());
    });
    add_run("embedding_forward", name, 2 * n, 4 * n, [w, M, C] {
      const T* const table = w->weights.template as<T>();
      const kernels::EmbeddingTable<T> tables[] = {
          {w->id_M.data(), table}, {w->position_M.data(), table}, {w->position_M.data(), table}};
      kernels::embedding_forward<T>(w->pool, M, C, tables, 3, w->out.template as<T>());
    });
    add_run("embedding_backward", name, n, 3 * n, [w, M, C] {
      kernels::embedding_backward<T>(w->pool, M, C, w->position_M.data(), w->x.template as<T>(),
                                     w->flat[0].template as<T>());
    });
  }

  void add_flat() {
    const auto w = w_;
    const auto n = static_cast<double>(kFlatSize);
    const std::string name = fmt::format("n{}", kFlatSize);
    kernels::AdamWStep adamw;
    adamw.learning_rate = 1e-6;
    adamw.step = 10;
    add("adamw", name, 14 * n, 7 * n, false, [w, adamw] {
      T* const second = w->out2.template as<T>();
      std::fill_n(second, kFlatSize, static_cast<T>(1e-4));  // a second moment is never negative
      return [w, adamw, second] {
        kernels::adamw<T>(w->pool, kFlatSize, adamw, w->flat[0].template as<T>(), w->flat[1].template as<T>(),
                          w->flat[2].template as<T>(), second);
      };
    });
    kernels::SgdStep sgd;
    sgd.learning_rate = 1e-6;
    sgd.momentum = 0.9;
    sgd.step = 10;
    add_run("sgd", name, 4 * n, 5 * n, [w, sgd] {
      kernels::sgd<T>(w->pool, kFlatSize, sgd, w->flat[0].template as<T>(), w->flat[1].template as<T>(),
                      w->flat[2].template as<T>());
    });
    add_run("add", name, n, 3 * n,
            [w] { kernels::add<T>(w->pool, kFlatSize, w->flat[0].template as<T>(), w->flat[3].template as<T>()); });
    const auto sums = std::make_shared<std::vector<double>>(kFlatSize / kernels::kBlockSize + 1);
    add_run("block_sums_of_squares", name, 2 * n, n,
            [w, sums] { kernels::block_sums_of_squares<T>(w->pool, kFlatSize, w->flat[0].template as<T>(), sums->data()); });
    add_run("fill_zero", name, 0, n, [w] { kernels::fill_zero<T>(w->pool, kFlatSize, w->out2.template as<T>()); });
  }

 private:
  void add(const char* kernel, std::string shape, double flops, double elements, bool compute_bound,
           std::function<std::function<void()>()> prepare) {
    cases_.push_back({kernel, std::move(shape), std::string(dtype_name(dtype_of<T>())), flops,
                      elements * static_cast<double>(sizeof(T)), compute_bound, std::move(prepare)});
  }
  /// A case that needs no preparation, measured against the bandwidth.
  void add_run(const char* kernel, std::string shape, double flops, double elements, std::function<void()> run) {
    add(kernel, std::move(shape), flops, elements, false, [run] { return run; });
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
      const auto b = std::make_shared<Buffer>(kernels::packed_size<T>(rows, cols) * static_cast<int64_t>(sizeof(T)));
      kernels::pack_matrix<T>(w->pool, rows, cols, w->weights.template as<T>(), ld, transposed, b->template as<T>());
      return b;
    };
    add("gemm_forward", name, flops, elements + (ffn_in ? m * n : 0), true, [=] {
      return [w, M, N, K, ffn_in, b = packed(K, N, K, true)] {
        kernels::Epilogue<T> epilogue;
        epilogue.bias_N = w->weights.template as<T>();
        epilogue.gelu_output_MN = ffn_in ? w->out2.template as<T>() : nullptr;
        epilogue.ld_gelu_output = N;
        kernels::gemm<T>(w->pool, M, N, K, w->x.template as<T>(), K, b->template as<T>(), epilogue, w->out.template as<T>(),
                         N);
      };
    });
    add("gemm_dgrad", name, flops, elements + m * k, true, [=] {
      return [w, M, N, K, ffn_out, b = packed(N, K, K, false)] {
        kernels::Epilogue<T> epilogue;
        (ffn_out ? epilogue.gelu_input_MN : epilogue.add_MN) = w->add.template as<T>();
        epilogue.ld_gelu_input = epilogue.ld_add = K;
        kernels::gemm<T>(w->pool, M, K, N, w->y.template as<T>(), N, b->template as<T>(), epilogue, w->out.template as<T>(),
                         K);
      };
    });
    add("gemm_wgrad", name, flops, elements + k * n, true, [=] {
      return [w, M, N, K] {
        kernels::gemm_wgrad<T>(w->pool, M, N, K, w->y.template as<T>(), N, w->x.template as<T>(), K,
                               w->flat[3].template as<T>(), K);
      };
    });
    if (M == kMostRows)
      add("pack", fmt::format("{}-{}-{}x{}", model.name, layer, K, N), 0, 2 * k * n, false, [=] {
        return [w, K, N, b = packed(K, N, K, true)] {
          kernels::pack_matrix<T>(w->pool, K, N, w->weights.template as<T>(), K, true, b->template as<T>());
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
  cases.add_flat();
  return cases.take();
}

template std::vector<KernelCase> kernel_cases<float>(ThreadPool&);

}  // namespace tilefit
