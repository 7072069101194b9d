// Every kernel on every ISA of this machine against the reference in double, at odd sizes and strides.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/amx_emulator.h"
#include "tests/support/executes.h"
#include "tilefit/base/rng.h"
#include "tilefit/cpu/memory.h"
#include "tilefit/kernels/activation.h"
#include "tilefit/kernels/dispatch.h"
#include "tilefit/kernels/reduce.h"

namespace tilefit::kernels {
namespace {

using Doubles = std::vector<double>;
using Floats = std::vector<float>;

float to_float(float x) { return x; }
float to_float(Bf16 x) { return bf16_to_f32(x.bits); }
template <class T>
T from_float(float x) {
  if constexpr (std::is_same_v<T, Bf16>) return Bf16{f32_to_bf16(x)};
  else return x;
}

/// Values in [-scale, scale] that are exact in bf16 (scale a power of two), in T and in double.
template <class T>
struct Values {
  std::vector<T> f;
  Doubles d;
  explicit Values(int64_t n, uint32_t seed, double scale = 1) {
    std::mt19937 generator(seed);
    for (int64_t i = 0; i < n; ++i) {
      d.push_back(scale * (static_cast<double>(generator() % 513) / 256 - 1) / 2);
      f.push_back(from_float<T>(static_cast<float>(d.back())));
    }
  }
};

/// Relative rounding of a stored result, on top of that of float ones.
template <class T>
constexpr double kStored = std::is_same_v<T, Bf16> ? 4e-3 : 0;

/// Rounding of operands of size 1 whose sum is near zero.
constexpr double kFloor = 2e-8;

/// |got - want| <= tolerance * (norm of want / sqrt(n) + |want|): an error relative to the usual size of the result.
template <class T>
void expect_close(const std::vector<T>& got, const Doubles& want, double tolerance, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  double squares = 0;
  for (const double w : want) squares += w * w;
  const double typical = std::sqrt(squares / static_cast<double>(want.size()));
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(to_float(got[i]), want[i], (tolerance + kStored<T>)*(typical + std::fabs(want[i])) + kFloor)
        << what << " at " << i;
}

class KernelTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    const bool masked = GetParam() >= Isa::kAvx512Bf16 && test::executes_avx512_bf16();
    if (!isa_supported(GetParam()) && !masked) GTEST_SKIP() << "this CPU lacks " << cpu_lacks(GetParam(), cpu_features());
    if (GetParam() == Isa::kAmx) emulator.emplace();
    select_isa(GetParam());
  }
  /// False when the ISA has no float kernels of its own: they were tested with the ISA before it.
  static bool own_float() { return table<float>().isa == GetParam(); }
  std::optional<test::AmxEmulator> emulator;
  ThreadPool pool{3};
};

struct GemmSize {
  int64_t M, N, K;
};
constexpr GemmSize kSizes[] = {{1, 1, 1},   {3, 5, 7},     {14, 32, 192},  {15, 33, 193}, {29, 70, 400},
                               {64, 2, 65}, {200, 17, 31}, {173, 96, 389}, {2, 300, 5},   {7, 31, 576}};

template <class T, class TC = T>
void check_gemm(ThreadPool& pool, const GemmSize& size, bool transposed, int parts) {
  const auto& [M, N, K] = size;
  const int64_t lda = K + 3, ldc = N + 5, ldb = (transposed ? K : N) + 2;
  const Values<T> a(M * lda, 1), pre(M * ldc, 4, 4), extra(M * ldc, 5);
  const Values<Wide<T>> b((transposed ? N : K) * ldb, 2), bias(N, 3);
  std::vector<std::byte> memory(static_cast<size_t>(packed_bytes<T>(K, N)) + 64);
  void* packed = memory.data();
  size_t space = memory.size();
  ASSERT_TRUE(std::align(64, memory.size() - 64, packed, space));
  std::vector<TC> c(static_cast<size_t>(M * ldc));
  std::vector<T> g(c.size());
  Doubles packed_d(static_cast<size_t>(packed_bytes<double>(K, N)) / sizeof(double)), c_d(c.size()), g_d(c.size());
  Epilogue<T> e;
  Epilogue<double> e_d;
  if (parts & 1) e.bias_N = bias.f.data(), e_d.bias_N = bias.d.data();
  if (parts & 2) e.gelu_input_MN = pre.f.data(), e_d.gelu_input_MN = pre.d.data(), e.ld_gelu_input = e_d.ld_gelu_input = ldc;
  if (parts & 4) e.add_MN = extra.f.data(), e_d.add_MN = extra.d.data(), e.ld_add = e_d.ld_add = ldc;
  if (parts & 8) e.gelu_output_MN = g.data(), e_d.gelu_output_MN = g_d.data(), e.ld_gelu_output = e_d.ld_gelu_output = ldc;
  pack_matrix<T>(pool, K, N, b.f.data(), ldb, transposed, packed);
  pack_matrix<double>(pool, K, N, b.d.data(), ldb, transposed, packed_d.data());
  gemm(pool, M, N, K, a.f.data(), lda, packed, e, c.data(), ldc);
  gemm(pool, M, N, K, a.d.data(), lda, packed_d.data(), e_d, c_d.data(), ldc);
  const std::string what = fmt::format("M {} N {} K {} transposed {} epilogue {}", M, N, K, transposed, parts);
  const double tolerance = 1e-6 * (2 + static_cast<double>(K) / 64);  // rounding grows with the length of the sum
  expect_close(c, c_d, tolerance, what);
  expect_close(g, g_d, tolerance + 2 * kStored<T>, what + " gelu");  // of the stored product
}

TEST_P(KernelTest, GemmWithEveryEpilogue) {
  for (const GemmSize& size : kSizes)
    for (const bool transposed : {false, true})
      for (int parts = 0; parts < 16; ++parts) {
        if (own_float()) check_gemm<float>(pool, size, transposed, parts);
        check_gemm<Bf16>(pool, size, transposed, parts);
        if (parts < 2) check_gemm<Bf16, float>(pool, size, transposed, parts);
      }
}

/// A product of M x N x K, the same numbers for every call.
template <class T>
std::vector<T> product(ThreadPool& pool, int64_t M, int64_t N, int64_t K, int64_t first_row = 0) {
  const Values<T> a((first_row + M) * K, 1);
  const Values<Wide<T>> b(K * N, 2);
  Buffer packed(packed_bytes<T>(K, N));
  std::vector<T> c(static_cast<size_t>(M * N));
  pack_matrix<T>(pool, K, N, b.f.data(), N, false, packed.data());
  gemm(pool, M, N, K, a.f.data() + first_row * K, K, packed.data(), Epilogue<T>{}, c.data(), N);
  return c;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
void check_rows_do_not_depend(ThreadPool& pool) {
  constexpr int64_t M = 61, N = 75, K = 1810;
  const std::vector<T> whole = product<T>(pool, M, N, K);
  for (int64_t m = 0; m < M; ++m)
    EXPECT_TRUE(same_bits(product<T>(pool, 1, N, K, m), std::vector<T>(whole.begin() + m * N, whole.begin() + (m + 1) * N)))
        << "row " << m;
  // ... nor on how the work is cut.
  for (const GemmBlocking blocking : {GemmBlocking{table<T>().gemm_rows, 64, 32, 0, 0}, GemmBlocking{4096, 32, 64, 0, 0}}) {
    set_gemm_blocking<T>(blocking);
    EXPECT_TRUE(same_bits(product<T>(pool, M, N, K), whole)) << "blocks of " << blocking.rows << " rows";
    set_gemm_blocking<T>({});
  }
}
TEST_P(KernelTest, GemmRowsDoNotDependOnTheirNeighbours) {
  if (own_float()) check_rows_do_not_depend<float>(pool);
  check_rows_do_not_depend<Bf16>(pool);
}

template <class T>
void check_wgrad(ThreadPool& pool, int64_t M, int64_t O, int64_t C) {
  const int64_t ld_dy = O + 1, ld_x = C + 2, ld_dw = C + 3;
  const Values<T> dy(M * ld_dy, 1), x(M * ld_x, 2);
  const Values<Wide<T>> start(O * ld_dw, 3), bias(O, 4);
  Doubles dw_d = start.d, dbias_d = bias.d;
  gemm_wgrad(pool, M, O, C, dy.d.data(), ld_dy, x.d.data(), ld_x, dw_d.data(), ld_dw, dbias_d.data());
  Floats first, first_bias;
  for (const int threads : {1, 2, 5})
    for (const GemmBlocking blocking : {GemmBlocking{}, GemmBlocking{0, 0, 0, 32, 32}}) {
      ThreadPool some(threads);
      Floats dw = start.f, dbias = bias.f;
      set_gemm_blocking<T>(blocking);
      gemm_wgrad(some, M, O, C, dy.f.data(), ld_dy, x.f.data(), ld_x, dw.data(), ld_dw, dbias.data());
      set_gemm_blocking<T>({});
      expect_close(dw, dw_d, 2e-6, fmt::format("O {} C {} M {}", O, C, M));
      expect_close(dbias, dbias_d, 2e-6, fmt::format("bias, O {} C {} M {}", O, C, M));
      if (first.empty()) first = dw, first_bias = dbias;
      EXPECT_EQ(dw, first) << threads << " threads, columns " << blocking.wgrad_cols;
      EXPECT_EQ(dbias, first_bias) << threads << " threads, columns " << blocking.wgrad_cols;
    }
  Floats dw = start.f;
  gemm_wgrad<T>(pool, M, O, C, dy.f.data(), ld_dy, x.f.data(), ld_x, dw.data(), ld_dw, nullptr);
  EXPECT_EQ(dw, first) << "without bias";
}
TEST_P(KernelTest, WgradAddsAndIsTheSameForAnyNumberOfThreads) {
  for (const auto& [O, C, M] : kSizes) {
    if (own_float()) check_wgrad<float>(pool, M, O, C);
    check_wgrad<Bf16>(pool, M, O, C);
  }
}

/// Per-row dropout arrays over `M` rows in two sequences.
struct Rows {
  std::vector<uint64_t> key;
  std::vector<int32_t> position;
  DropoutRows rows;
  Rows(int64_t M, double p) {
    for (int64_t m = 0; m < M; ++m) {
      key.push_back(mix64(m < M / 2 ? 7 : 8));
      position.push_back(static_cast<int32_t>(m < M / 2 ? m : m - M / 2));
    }
    rows = {key.data(), position.data(), 12345, p};
  }
};

template <class T>
void check_dropout(ThreadPool& pool, int64_t C) {
  constexpr int64_t M = 40;
  const Values<T> x(M * C, 1);
  const Rows rows(M, 0.1);
  std::vector<T> y(x.f.size());
  Doubles y_d(x.d.size());
  dropout(pool, M, C, x.f.data(), rows.rows, y.data());
  dropout(pool, M, C, x.d.data(), rows.rows, y_d.data());
  expect_close(y, y_d, 1e-6, "dropout");
  if (C == 768) {
    const auto dropped = static_cast<double>(std::count(y_d.begin(), y_d.end(), 0.0));
    EXPECT_NEAR(dropped / static_cast<double>(M * C), 0.1, 0.006);
  }
}
TEST_P(KernelTest, DropoutDropsTheSameElementsAsTheDefinitionAtTheRightRate) {
  for (const int64_t C : {1, 5, 16, 33, 768}) {
    check_dropout<float>(pool, C);
    check_dropout<Bf16>(pool, C);
  }
}

template <class T>
void check_layer_norm(ThreadPool& pool, int64_t C, double p, bool with_residual) {
  constexpr int64_t M = 131;
  const size_t n = static_cast<size_t>(M * C);
  const Values<T> a(M * C, 1), residual(M * C, 2), dy(M * C, 5);
  const Values<Wide<T>> gamma(C, 3), beta(C, 4), start(2 * C, 6);
  const Rows rows(M, p);
  std::vector<T> s(n), y(n), ds(n), da(n);
  Floats mean(M), rstd(M), dparam = start.f, work(static_cast<size_t>(layer_norm_workspace(M, C)));
  Doubles s_d(n), y_d(n), mean_d(M), rstd_d(M), ds_d(n), da_d(n), dparam_d = start.d, work_d(work.size());
  layer_norm_forward(pool, M, C, a.f.data(), with_residual ? residual.f.data() : nullptr, rows.rows, gamma.f.data(),
                     beta.f.data(), 1e-5f, s.data(), y.data(), mean.data(), rstd.data());
  layer_norm_forward(pool, M, C, a.d.data(), with_residual ? residual.d.data() : nullptr, rows.rows, gamma.d.data(),
                     beta.d.data(), 1e-5, s_d.data(), y_d.data(), mean_d.data(), rstd_d.data());
  layer_norm_backward(pool, M, C, dy.f.data(), s.data(), mean.data(), rstd.data(), gamma.f.data(), rows.rows, ds.data(),
                      da.data(), dparam.data(), dparam.data() + C, work.data());
  layer_norm_backward(pool, M, C, dy.d.data(), s_d.data(), mean_d.data(), rstd_d.data(), gamma.d.data(), rows.rows,
                      ds_d.data(), da_d.data(), dparam_d.data(), dparam_d.data() + C, work_d.data());
  if (C < 3) return;  // the gradient of s cancels to rounding noise there; the sizes still must not fault
  const std::string what = fmt::format("C {} p {} residual {}", C, p, with_residual);
  // The stored s is rounded: with few channels the row's statistics feel it.
  const double rounding = kStored<T> * (C < 16 ? 8 : 2);
  expect_close(y, y_d, 1e-5 + rounding, what + " y");
  expect_close(rstd, rstd_d, 1e-5 + rounding, what + " rstd");
  expect_close(ds, ds_d, 3e-5 + rounding, what + " ds");
  expect_close(da, da_d, 3e-5 + rounding, what + " da");
  expect_close(dparam, dparam_d, 1e-5 + rounding, what + " dgamma, dbeta");
}
TEST_P(KernelTest, LayerNormForwardAndBackward) {
  for (const int64_t C : {1, 3, 16, 31, 100, 384})
    for (const double p : {0.0, 0.3})
      for (const bool with_residual : {false, true}) {
        check_layer_norm<float>(pool, C, p, with_residual);
        check_layer_norm<Bf16>(pool, C, p, with_residual);
      }
}

template <class T>
void check_attention(ThreadPool& pool, int64_t D, double p) {
  constexpr int64_t H = 3;
  const int64_t C = H * D, ld = 3 * C + 1;
  const std::vector<SequenceSpan> sequences = {{0, 1, 1, 11}, {1, 37, 37, 12}, {38, 130, 100, 13}, {168, 60, 17, 14}};
  constexpr int64_t M = 228;
  const Values<T> qkv(M * ld, 1, 2), dout(M * C, 2);
  AttentionShape shape{sequences.data(), static_cast<int64_t>(sequences.size()), H, D, 1 / std::sqrt(double(D)), p, 99};
  std::vector<T> out(static_cast<size_t>(M * C)), dqkv(static_cast<size_t>(M * ld));
  Floats logsum(M * H);
  Doubles out_d(out.size()), logsum_d(M * H), dqkv_d(dqkv.size());
  attention_forward(pool, shape, qkv.f.data(), ld, out.data(), C, logsum.data());
  attention_forward(pool, shape, qkv.d.data(), ld, out_d.data(), C, logsum_d.data());
  attention_backward(pool, shape, qkv.f.data(), ld, out.data(), C, logsum.data(), dout.f.data(), C, dqkv.data(), ld);
  attention_backward(pool, shape, qkv.d.data(), ld, out_d.data(), C, logsum_d.data(), dout.d.data(), C, dqkv_d.data(), ld);
  const std::string what = fmt::format("D {} p {}", D, p);
  expect_close(out, out_d, 3e-6 + 3 * kStored<T>, what + " out");
  expect_close(logsum, logsum_d, 1e-6 + kStored<T>, what + " logsum");  // the scaled query is rounded
  expect_close(dqkv, dqkv_d, 1e-5 + 10 * kStored<T>, what + " dqkv");
}
TEST_P(KernelTest, AttentionForwardAndBackward) {
  for (const int64_t D : {1, 8, 24, 32, 64, 65})
    for (const double p : {0.0, 0.2}) {
      if (own_float()) check_attention<float>(pool, D, p);
      check_attention<Bf16>(pool, D, p);
    }
}

template <class T>
void check_attention_alone(ThreadPool& pool) {
  constexpr int64_t H = 2, D = 32, C = H * D, M = 150;
  const std::vector<SequenceSpan> both = {{0, 90, 90, 5}, {90, 60, 60, 6}};
  const Values<T> qkv(M * 3 * C, 1);
  AttentionShape shape{both.data(), 2, H, D, 0.2, 0.1, 3};
  std::vector<T> out(M * C), alone(M * C);
  Floats logsum(M * H);
  attention_forward(pool, shape, qkv.f.data(), 3 * C, out.data(), C, logsum.data());
  ThreadPool one(1);
  for (const SequenceSpan& seq : both) {
    shape.sequences = &seq;
    shape.num_sequences = 1;
    attention_forward(one, shape, qkv.f.data(), 3 * C, alone.data(), C, logsum.data());
  }
  EXPECT_TRUE(same_bits(out, alone));
}
TEST_P(KernelTest, AttentionIsTheSameForAnyNumberOfThreadsAndAnyBatch) {
  if (own_float()) check_attention_alone<float>(pool);
  check_attention_alone<Bf16>(pool);
}

template <class T>
void check_embedding(ThreadPool& pool, int64_t C) {
  constexpr int64_t M = 77, V = 9;
  const Values<Wide<T>> word(V * C, 1), position(M * C, 2), start(V * C, 4);
  const Values<T> dout(M * C, 3);
  std::vector<int32_t> ids, positions;
  for (int64_t m = 0; m < M; ++m) {
    ids.push_back(static_cast<int32_t>(m * m % V));
    positions.push_back(static_cast<int32_t>(m));
  }
  const EmbeddingTable<T> tables[] = {{ids.data(), word.f.data()}, {positions.data(), position.f.data()}};
  const EmbeddingTable<double> tables_d[] = {{ids.data(), word.d.data()}, {positions.data(), position.d.data()}};
  std::vector<T> out(static_cast<size_t>(M * C));
  Floats dword = start.f;
  Doubles out_d(out.size()), dword_d = start.d;
  embedding_forward(pool, M, C, tables, 2, out.data());
  embedding_forward(pool, M, C, tables_d, 2, out_d.data());
  embedding_backward(pool, M, C, ids.data(), dout.f.data(), dword.data());
  embedding_backward(pool, M, C, ids.data(), dout.d.data(), dword_d.data());
  expect_close(out, out_d, 1e-6, "embedding");
  expect_close(dword, dword_d, 1e-6, "embedding gradient");
}
TEST_P(KernelTest, EmbeddingForwardAndBackward) {
  for (const int64_t C : {1, 17, 64, 150}) {
    check_embedding<float>(pool, C);
    check_embedding<Bf16>(pool, C);
  }
}

TEST_P(KernelTest, SpanCrossEntropy) {
  const std::vector<SequenceSpan> sequences = {{0, 1, 1, 0}, {1, 50, 50, 0}, {51, 33, 20, 0}, {84, 16, 16, 0}};
  const int32_t targets[] = {0, 49, 3, -1};
  const Values<float> x(200, 1, 16);
  Floats loss(4), dx(200);
  Doubles loss_d(4), dx_d(200);
  span_cross_entropy(pool, sequences.data(), 4, x.f.data(), 2, targets, 0.25f, loss.data(), dx.data());
  span_cross_entropy(pool, sequences.data(), 4, x.d.data(), 2, targets, 0.25, loss_d.data(), dx_d.data());
  expect_close(loss, loss_d, 1e-6, "loss");
  expect_close(dx, dx_d, 1e-6, "gradient");
  EXPECT_EQ(loss[3], 0.0f);
}

TEST_P(KernelTest, SpanCrossEntropyPassesNaNOn) {
  const SequenceSpan sequence{0, 20, 20, 0};
  const int32_t target = 1;
  Floats x(20), loss(1), dx(20);
  x[7] = std::numeric_limits<float>::quiet_NaN();
  span_cross_entropy(pool, &sequence, 1, x.data(), 1, &target, 1.0f, loss.data(), dx.data());
  EXPECT_TRUE(std::isnan(loss[0]));
}

TEST_P(KernelTest, OptimizersFollowTheDefinition) {
  constexpr int64_t n = 5003;
  const Values<float> gradient(n, 1), weight(n, 2);
  for (const bool decay_after : {false, true}) {
    Floats w = weight.f, m(n), v(n);
    Doubles w_d = weight.d, m_d(n), v_d(n);
    for (int64_t step = 1; step <= 5; ++step) {
      const AdamWStep s{1e-2, 0.9, 0.999, 1e-8, 0.1, 0.5, step, decay_after};
      adamw(pool, n, s, gradient.f.data(), w.data(), m.data(), v.data());
      adamw(pool, n, s, gradient.d.data(), w_d.data(), m_d.data(), v_d.data());
    }
    expect_close(w, w_d, 2e-6, "adamw");
  }
  for (const double momentum : {0.0, 0.9})
    for (const bool nesterov : {false, true}) {
      Floats w = weight.f, buffer(n);
      Doubles w_d = weight.d, buffer_d(n);
      for (int64_t step = 1; step <= 4; ++step) {
        const SgdStep s{1e-2, momentum, 0.1, 0.05, 2, nesterov, step};
        sgd(pool, n, s, gradient.f.data(), w.data(), buffer.data());
        sgd(pool, n, s, gradient.d.data(), w_d.data(), buffer_d.data());
      }
      expect_close(w, w_d, 1e-6, "sgd");
    }
}

TEST_P(KernelTest, SumsKeepTheirOrder) {
  constexpr int64_t n = 3 * kBlockSize + 17;
  const Values<float> x(n, 3);
  double blocks[4] = {}, blocks_d[4] = {};
  block_sums_of_squares(pool, n, x.f.data(), blocks);
  block_sums_of_squares(pool, n, x.d.data(), blocks_d);
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(blocks[i], blocks_d[i], 1e-12 * blocks_d[i]);
  EXPECT_NEAR(tree_sum(blocks, 4), blocks[0] + blocks[1] + (blocks[2] + blocks[3]), 1e-9);
  Floats y(n, 1.0f);
  add(pool, n, x.f.data(), y.data());
  for (int64_t i = 0; i < n; ++i) ASSERT_EQ(y[static_cast<size_t>(i)], 1.0f + x.f[static_cast<size_t>(i)]);
  fill_zero(pool, n, y.data());
  EXPECT_EQ(y, Floats(n));
}

/// Same weights and same packed forms as AdamW and packing one after the other.
template <class T>
void check_adamw_packed(ThreadPool& pool, int64_t O, int64_t C) {
  const int64_t n = O * C;
  const Values<Wide<T>> gradient(n, 1), weight(n, 2);
  const AdamWStep step{1e-2, 0.9, 0.999, 1e-8, 0.1, 0.5, 3, false};
  auto w = weight.f, apart = weight.f;
  std::vector<Wide<T>> m(w.size()), v(w.size()), m_apart(w.size()), v_apart(w.size());
  Buffer forward(packed_bytes<T>(C, O)), backward(packed_bytes<T>(O, C));
  Buffer forward_apart(forward.size()), backward_apart(backward.size());
  adamw_packed<T>(pool, O, C, step, gradient.f.data(), w.data(), m.data(), v.data(), forward.data(), backward.data());
  adamw(pool, n, step, gradient.f.data(), apart.data(), m_apart.data(), v_apart.data());
  pack_matrix<T>(pool, C, O, apart.data(), C, true, forward_apart.data());
  pack_matrix<T>(pool, O, C, apart.data(), C, false, backward_apart.data());
  EXPECT_EQ(w, apart);
  EXPECT_EQ(m, m_apart);
  EXPECT_EQ(v, v_apart);
  EXPECT_EQ(std::memcmp(forward.data(), forward_apart.data(), static_cast<size_t>(forward.size())), 0) << O << " " << C;
  EXPECT_EQ(std::memcmp(backward.data(), backward_apart.data(), static_cast<size_t>(backward.size())), 0) << O << " " << C;
}
TEST_P(KernelTest, AdamWPacksWhatItHasUpdated) {
  for (const auto& [O, C] : {std::pair<int64_t, int64_t>{1, 1}, {2, 65}, {64, 96}, {75, 33}, {100, 300}}) {
    if (own_float()) check_adamw_packed<float>(pool, O, C);
    check_adamw_packed<Bf16>(pool, O, C);
    check_adamw_packed<double>(pool, O, C);
  }
}

template <class T>
void check_gelu(ThreadPool& pool) {
  const Values<T> x(1003, 1, 16);
  std::vector<T> y(x.f.size());
  Doubles y_d(x.d.size());
  gelu(pool, std::ssize(y), x.f.data(), y.data());
  gelu(pool, std::ssize(y_d), x.d.data(), y_d.data());
  expect_close(y, y_d, 1e-6, "gelu");
}
TEST_P(KernelTest, Gelu) {
  check_gelu<float>(pool);
  check_gelu<Bf16>(pool);
}

/// Round to nearest even, infinities and NaN kept: the scalar definition is in base/bf16.h.
TEST_P(KernelTest, NarrowRoundsAsTheDefinition) {
  Floats x = {0.0f,
              -0.0f,
              1.0f,
              1.00390625f,
              1.01171875f,
              -3.4e38f,
              3.4028e38f,
              std::numeric_limits<float>::infinity(),
              -std::numeric_limits<float>::infinity()};
  std::mt19937 generator(5);
  while (x.size() < 1000) {
    const auto magnitude = static_cast<uint32_t>(generator() % 0x7F000000u) + 0x00800000u;
    x.push_back(std::bit_cast<float>(magnitude | (generator() % 2 ? 0x80000000u : 0u)));
  }
  std::vector<Bf16> y(x.size());
  narrow(pool, std::ssize(x), x.data(), y.data());
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i].bits, f32_to_bf16(x[i])) << x[i];
  const float nan = std::numeric_limits<float>::quiet_NaN();
  narrow(pool, 1, &nan, y.data());
  EXPECT_TRUE(std::isnan(to_float(y[0])));
}

TEST_P(KernelTest, PeakLoopCountsItsWork) {
  EXPECT_GT(table<float>().peak_flops(1000), 1000.0);
  EXPECT_GT(table<Bf16>().peak_flops(1000), 1000.0);
}

INSTANTIATE_TEST_SUITE_P(Isas, KernelTest, testing::ValuesIn(available_isas().begin(), available_isas().end()),
                         [](const auto& param) { return std::string(isa_name(param.param)); });

}  // namespace
}  // namespace tilefit::kernels
