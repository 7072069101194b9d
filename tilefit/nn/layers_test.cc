// Every layer's backward against its forward: packed and padded rows, odd sizes, dropout on and off, recomputation on and off.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/golden.h"
#include "tilefit/nn/embedding.h"
#include "tilefit/nn/gradient_check.h"
#include "tilefit/nn/span_head.h"
#include "tilefit/nn/stack.h"

namespace tilefit {
namespace {

constexpr int64_t kC = 15, kHeads = 3, kF = 22;
constexpr double kDropout = 0.3;

RowLayout make_layout(const std::vector<kernels::SequenceSpan>& sequences) {
  RowLayout layout;
  for (kernels::SequenceSpan s : sequences) {
    s.row_begin = layout.num_rows;
    layout.sequences.push_back(s);
    layout.num_rows += s.num_rows;
    for (int32_t t = 0; t < s.num_rows; ++t) {
      layout.position_M.push_back(t);
      layout.key_M.push_back(s.dropout_key);
    }
  }
  return layout;
}

struct NamedLayout {
  const char* name;
  RowLayout rows;
};

const std::vector<NamedLayout>& layouts() {
  static const std::vector<NamedLayout> all = {{"packed", make_layout({{0, 5, 5, 11}, {0, 1, 1, 12}, {0, 9, 9, 13}})},
                                               {"padded", make_layout({{0, 7, 7, 21}, {0, 7, 3, 22}, {0, 7, 1, 23}})}};
  return all;
}

void copy_tensor(const Tensor& from, const Tensor& to) {
  std::memcpy(to.data, from.data, static_cast<size_t>(from.rows * from.cols * dtype_bytes(from.dtype)));
}

Tensor zeros(Ctx& ctx, int64_t rows, int64_t cols) {
  const Tensor t = ctx.tensor(rows, cols);
  std::memset(t.data, 0, static_cast<size_t>(rows * cols * dtype_bytes(ctx.dtype)));
  return t;
}

constexpr AttentionNames kAttentionNames = {"q", "k", "v", "o"};
constexpr BlockNames kBlockNames = {kAttentionNames, "norm1", "in", "out", "norm2"};

BlockShape block_shape() {
  BlockShape shape;
  shape.hidden_size = kC;
  shape.num_heads = kHeads;
  shape.ffn_size = kF;
  shape.attention_dropout = shape.attention_output_dropout = shape.ffn_output_dropout = kDropout;
  return shape;
}

LayerUnderTest linear_case(ParamStore& store) {
  const ParamScope root(store);
  auto layer = std::make_shared<Linear>(std::array{root / "a", root / "b"}, kC, 7);
  return {kC, 14, [=](Ctx& ctx, const Tensor& x, const Tensor& y) { layer->forward(ctx, x, y); },
          [=](Ctx& ctx, const Tensor& dy, const Tensor& x, const Tensor& dx) { layer->backward(ctx, dy, x, dx); }};
}

/// y = LN(x + dropout(x)): both inputs of the layer in one.
LayerUnderTest layer_norm_case(ParamStore& store) {
  auto layer = std::make_shared<LayerNorm>(ParamScope(store) / "norm", kC, 1e-5, kDropout, 5);
  auto stash = std::make_shared<LayerNorm::Stash>();
  return {kC, kC,
          [=](Ctx& ctx, const Tensor& x, const Tensor& y) {
            const Tensor a = ctx.tensor(x.rows, x.cols);
            copy_tensor(x, a);
            layer->forward(ctx, a, x, y, stash.get());
          },
          [=](Ctx& ctx, const Tensor& dy, const Tensor&, const Tensor& dx) {
            const Tensor da = layer->backward(ctx, dy, *stash);
            const auto add = [&](auto zero) {
              using T = decltype(zero);
              for (int64_t i = 0; i < dx.rows * dx.cols; ++i) dx.as<T>()[i] = dy.as<T>()[i] + da.as<T>()[i];
            };
            if (ctx.dtype == DType::kF32) add(float());
            else add(double());
          }};
}

template <class Layer>
LayerUnderTest residual_case(std::shared_ptr<Layer> layer) {
  auto stash = std::make_shared<typename Layer::Stash>();
  return {kC, kC, [=](Ctx& ctx, const Tensor& x, const Tensor& y) { layer->forward(ctx, x, y, stash.get()); },
          [=](Ctx& ctx, const Tensor& dy, const Tensor& x, const Tensor& dx) {
            layer->backward(ctx, dy, x, zeros(ctx, dx.rows, dx.cols), dx, *stash);
          }};
}

LayerUnderTest attention_case(ParamStore& store) {
  return residual_case(std::make_shared<Attention>(ParamScope(store), kAttentionNames, kC, kHeads, kDropout, 9));
}

LayerUnderTest ffn_case(ParamStore& store) {
  return residual_case(std::make_shared<Ffn>(ParamScope(store) / "in", ParamScope(store) / "out", kC, kF));
}

LayerUnderTest block_case(ParamStore& store) {
  auto layer = std::make_shared<PostNormBlock>(ParamScope(store), kBlockNames, block_shape(), 2);
  auto stash = std::make_shared<PostNormBlock::Stash>();
  return {kC, kC, [=](Ctx& ctx, const Tensor& x, const Tensor& y) { layer->forward(ctx, x, y, stash.get()); },
          [=](Ctx& ctx, const Tensor& dy, const Tensor&, const Tensor& dx) {
            copy_tensor(dy, dx);
            layer->backward(ctx, dx, *stash);
          }};
}

LayerUnderTest stack_case(ParamStore& store) {
  auto layer = std::make_shared<Stack>(ParamScope(store) / "layer", kBlockNames, block_shape(), 3);
  auto stash = std::make_shared<Stack::Stash>();
  return {kC, kC, [=](Ctx& ctx, const Tensor& x, const Tensor& y) { copy_tensor(layer->forward(ctx, x, stash.get()), y); },
          [=](Ctx& ctx, const Tensor& dy, const Tensor&, const Tensor& dx) {
            copy_tensor(dy, dx);
            layer->backward(ctx, dx, *stash);
          }};
}

LayerUnderTest embedding_case(ParamStore& store) {
  EmbeddingShape shape;
  shape.vocab_size = 6;
  shape.type_vocab_size = 2;
  shape.max_positions = 12;
  shape.hidden_size = kC;
  shape.pad_token_id = 2;
  shape.dropout = kDropout;
  auto layer = std::make_shared<Embedding>(ParamScope(store), shape);
  auto stash = std::make_shared<Embedding::Stash>();
  auto ids = std::make_shared<std::pair<std::vector<int32_t>, std::vector<int32_t>>>();
  const auto lookup = [ids](const Ctx& ctx) {
    const auto M = static_cast<size_t>(ctx.rows->num_rows);
    ids->first.resize(M);
    ids->second.resize(M);
    for (size_t m = 0; m < M; ++m) {
      ids->first[m] = static_cast<int32_t>(m * 5 % 6);
      ids->second[m] = m % 3 == 0;
    }
    return EmbeddingIds{ids->first, ids->second, ctx.rows->position_M};
  };
  return {0, kC, [=](Ctx& ctx, const Tensor&, const Tensor& y) { layer->forward(ctx, lookup(ctx), y, stash.get()); },
          [=](Ctx& ctx, const Tensor& dy, const Tensor&, const Tensor&) { layer->backward(ctx, lookup(ctx), dy, *stash); }};
}

LayerUnderTest span_head_case(ParamStore& store) {
  auto layer = std::make_shared<SpanHead>(ParamScope(store), kC, kDropout);
  auto stash = std::make_shared<SpanHead::Stash>();
  return {kC, 2, [=](Ctx& ctx, const Tensor& x, const Tensor& y) { layer->forward(ctx, x, y, stash.get()); },
          [=](Ctx& ctx, const Tensor& dy, const Tensor&, const Tensor& dx) { layer->backward(ctx, dy, dx, *stash); }};
}

struct Case {
  const char* name;  ///< the layer's class
  LayerUnderTest (*build)(ParamStore&);
};

/// Every layer has a row here; see EveryLayerIsChecked.
constexpr Case kCases[] = {{"Linear", linear_case},       {"LayerNorm", layer_norm_case},
                           {"Attention", attention_case}, {"Ffn", ffn_case},
                           {"PostNormBlock", block_case}, {"Stack", stack_case},
                           {"Embedding", embedding_case}, {"SpanHead", span_head_case}};

TEST(Layers, EveryLayerIsChecked) {
  std::set<std::string> checked;
  for (const Case& c : kCases) checked.insert(c.name);
  int layers = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(TILEFIT_SOURCE_DIR) / "tilefit/nn")) {
    if (entry.path().extension() != ".h") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    std::smatch name;
    const std::string code = text.str();
    if (code.find(" backward(Ctx& ctx") == std::string::npos ||
        !std::regex_search(code, name, std::regex("class (\\w+) \\{")))
      continue;
    ++layers;
    EXPECT_TRUE(checked.contains(name[1])) << name[1] << " has a backward pass and no row in kCases";
  }
  EXPECT_GE(layers, 8);
}

TEST(Layers, BackwardIsTheDerivativeOfForward) {
  ThreadPool pool(2);
  for (const Case& c : kCases)
    for (const NamedLayout& layout : layouts())
      for (const bool training : {false, true})
        for (const bool recompute : {false, true}) {
          if (recompute && std::string(c.name) != "Stack") continue;
          const std::string where = fmt::format("{} {} training {} recompute {}", c.name, layout.name, training, recompute);
          GradientCheckOptions options;
          options.training = training;
          options.recompute = recompute;
          const GradientReport report = check_gradients(pool, layer_subject(layout.rows, c.build), options);
          EXPECT_LT(report.worst_derivative, 1e-6) << where << ": " << report.worst_name;
          EXPECT_GT(report.gradient_norm, 0.1) << where;
          EXPECT_LT(report.float_error, 2e-6) << where;
          EXPECT_LT(report.worst_float_error, 1e-5) << where;
        }
}

// The checker itself must notice a gradient that is a little wrong.
TEST(GradientCheck, SeesAWrongGradient) {
  ThreadPool pool(1);
  const auto wrong = [](ParamStore& store) {
    LayerUnderTest layer = linear_case(store);
    layer.backward = [right = layer.backward, &store](Ctx& ctx, const Tensor& dy, const Tensor& x, const Tensor& dx) {
      right(ctx, dy, x, dx);
      const int64_t last = store.find("b.weight")->offset + 3;
      if (ctx.dtype == DType::kF64) store.grads<double>()[last] += 1e-3;
    };
    return layer;
  };
  const GradientReport report = check_gradients(pool, layer_subject(layouts()[0].rows, wrong), {});
  EXPECT_GT(report.worst_derivative, 1e-5);
}

TEST(Layers, GradientsAreAddedNotSet) {
  ThreadPool pool(2);
  for (const Case& c : kCases) {
    std::unique_ptr<GradientSubject> subject = layer_subject(layouts()[0].rows, c.build)(DType::kF32);
    ParamStore& store = subject->params();
    for (int64_t i = 0; i < store.size(); ++i) store.values<float>()[i] = 0.1f * static_cast<float>(i % 7 - 3);
    store.values_changed();
    Arena arena;
    Ctx ctx{pool, arena};
    subject->run(ctx, true);
    const std::vector<float> once(store.grads<float>(), store.grads<float>() + store.size());
    subject->run(ctx, true);
    for (size_t i = 0; i < once.size(); ++i)
      ASSERT_NEAR(store.grads<float>()[i], 2 * once[i], 1e-4 * (1 + std::fabs(once[i]))) << c.name;
  }
}

TEST(SpanLoss, IgnoresTargetsOutsideAndTakesMeans) {
  ThreadPool pool(1);
  Arena arena;
  Ctx ctx{pool, arena, DType::kF64};
  const RowLayout& rows = layouts()[0].rows;  // 5, 1 and 9 rows
  ctx.rows = &rows;
  const Tensor logits = zeros(ctx, rows.num_rows, 2), dlogits = zeros(ctx, rows.num_rows, 2);
  logits.as<double>()[2 * 2] = 1.0;  // start logit of row 2 of the first sequence
  const double log_sum = std::log(4 + std::exp(1.0));
  const int32_t starts[] = {2, 7, -3}, ends[] = {0, 0, 8};
  // Starts: the second is past its sequence's end, the third counts as 0. Ends: all count; one of one row costs nothing.
  const double start_loss = (log_sum - 1 + std::log(9.0)) / 2, end_loss = (std::log(5.0) + 0 + std::log(9.0)) / 3;
  EXPECT_NEAR(span_loss(ctx, logits, starts, ends, dlogits), (start_loss + end_loss) / 2, 1e-14);
  EXPECT_NEAR(dlogits.as<double>()[2 * 2], (std::exp(1.0 - log_sum) - 1) / 4, 1e-14);
  EXPECT_EQ(dlogits.as<double>()[2 * 5], 0);
  const int32_t outside[] = {9, 9, 9};
  EXPECT_EQ(span_loss(ctx, logits, outside, outside, dlogits), 0);
  EXPECT_EQ(dlogits.as<double>()[0], 0);
}

TEST(Ffn, NamesTheActivationsItKnows) {
  check_activation("gelu", "hidden_act", "config.json");
  EXPECT_EQ(
      test::error_message([] { check_activation("relu", "hidden_act", "m/config.json"); }),
      "[m/config.json] hidden_act 'relu' is not supported (supported: gelu). Try: a model whose feed-forward layers use the "
      "exact GELU");
}

}  // namespace
}  // namespace tilefit
