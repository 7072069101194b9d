// Arena and parameters: alignment, growth, measuring, layout order, names.
#include "tilefit/tensor/tensor.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tilefit/tensor/arena.h"
#include "tilefit/tensor/param.h"

namespace tilefit {
namespace {

int64_t address(const Tensor& t) { return static_cast<int64_t>(reinterpret_cast<intptr_t>(t.data)); }

TEST(Tensor, ColumnsShareTheStride) {
  float values[12] = {};
  const Tensor t = {values, DType::kF32, 3, 4, 4};
  const Tensor right = t.columns(1, 2);
  EXPECT_EQ(right.as<float>(), values + 1);
  EXPECT_EQ(right.cols, 2);
  EXPECT_EQ(right.stride, 4);
  EXPECT_DEATH(t.as<double>(), "float32 tensor is used as float64");
  EXPECT_DEATH(t.columns(3, 2), "columns 3..5 of 4");
}

TEST(Arena, AlignsReleasesAndRemembersThePeak) {
  Arena arena;
  const Tensor a = arena.tensor(DType::kF32, 3, 5);
  const Arena::Mark mark = arena.mark();
  const Tensor b = arena.tensor(DType::kF64, 1, 9);
  EXPECT_EQ(address(a) % 64, 0);
  EXPECT_EQ(address(b) % 64, 0);
  EXPECT_EQ(address(b) - address(a), 64);
  EXPECT_EQ(arena.peak_bytes(), 64 + 128);
  arena.release(mark);
  EXPECT_EQ(arena.tensor(DType::kF32, 1, 1).data, b.data);
  EXPECT_EQ(arena.peak_bytes(), 64 + 128);
}

TEST(Arena, GrowsWithoutMovingWhatIsInUseAndMergesWhenEmpty) {
  Arena arena;
  const Arena::Mark start = arena.mark();
  const int64_t large = int64_t{3} << 20;
  auto* const first = static_cast<char*>(arena.take(1000));
  std::memset(first, 7, 1000);
  auto* const second = static_cast<char*>(arena.take(large));
  std::memset(second, 9, static_cast<size_t>(large));
  EXPECT_EQ(first[999], 7);
  arena.release(start);
  const int64_t capacity = arena.capacity_bytes();
  EXPECT_GE(capacity, 1024 + large);
  auto* const a = static_cast<char*>(arena.take(1000));
  auto* const b = static_cast<char*>(arena.take(large));
  EXPECT_EQ(b - a, 1024);
  EXPECT_EQ(arena.capacity_bytes(), capacity);
}

TEST(Arena, MeasuresWithoutMemory) {
  Arena measure(Arena::Mode::kMeasure), real;
  for (Arena* arena : {&measure, &real}) {
    const Arena::Scope scope(*arena);
    arena->tensor(DType::kF32, 100, 7);
    {
      const Arena::Scope inner(*arena);
      arena->take(5000);
    }
    arena->take(10);
  }
  EXPECT_EQ(measure.peak_bytes(), real.peak_bytes());
  EXPECT_EQ(measure.capacity_bytes(), 0);
  EXPECT_TRUE(measure.measuring());
  measure.take(int64_t{1} << 60);
  EXPECT_GE(measure.peak_bytes(), int64_t{1} << 60);
}

TEST(Arena, ReserveMakesLaterTakesFree) {
  Arena arena;
  arena.reserve(int64_t{4} << 20);
  const int64_t capacity = arena.capacity_bytes();
  arena.take(int64_t{4} << 20);
  EXPECT_EQ(arena.capacity_bytes(), capacity);
  EXPECT_DEATH(arena.reserve(1), "the arena is in use");
}

TEST(ParamStore, LaysOutInBackwardOrderAndStacksParts) {
  ParamStore store;
  const ParamScope layer = ParamScope(store) / "layer" / 3;
  Param& fused = store.add({{(layer / "q").name("weight"), {5, 3}}, {(layer / "k").name("weight"), {5, 3}}},
                           ParamKind::kWeight, ParamInit::kNormal);
  Param& bias = store.add({{layer.name("bias"), {7}}}, ParamKind::kBias, ParamInit::kZeros);
  Param& gamma = store.add({{layer.name("weight"), {7}}}, ParamKind::kNorm, ParamInit::kOnes);
  store.finish();
  EXPECT_EQ(gamma.offset, 0);
  EXPECT_EQ(bias.offset, 16);
  EXPECT_EQ(fused.offset, 32);
  EXPECT_EQ(store.size(), 64);
  EXPECT_EQ(store.num_parameters(), 44);
  EXPECT_EQ(store.flat_range(0, 1), (std::pair<int64_t, int64_t>(32, 64)));
  EXPECT_EQ(store.flat_range(1, 3), (std::pair<int64_t, int64_t>(0, 32)));
  EXPECT_TRUE(fused.decays());
  EXPECT_FALSE(bias.decays() || gamma.decays());
  const ParamPartView* key = store.find("layer.3.k.weight");
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(key->offset, 32 + 15);
  EXPECT_EQ(key->size, 15);
  EXPECT_EQ(store.find("layer.3.k"), nullptr);
  ASSERT_EQ(store.parts().size(), 4u);
  EXPECT_EQ(store.parts()[0].part->name, "layer.3.q.weight");
}

TEST(ParamStore, PointsGradientsElsewhereAndCountsChanges) {
  ParamStore store(DType::kF64);
  Param& p = store.add({{"w", {2, 2}}}, ParamKind::kWeight, ParamInit::kNormal);
  store.finish();
  std::vector<double> elsewhere(static_cast<size_t>(store.size()));
  double* const own = p.grad<double>();
  store.set_grad_buffer(elsewhere.data());
  EXPECT_EQ(p.grad<double>(), elsewhere.data() + p.offset);
  store.set_grad_buffer(nullptr);
  EXPECT_EQ(p.grad<double>(), own);
  const uint64_t version = store.version();
  store.values_changed();
  EXPECT_NE(store.version(), version);
}

TEST(ParamStoreDeathTest, RefusesMisuse) {
  EXPECT_DEATH(
      {
        ParamStore store;
        store.add({{"a", {2}}}, ParamKind::kBias, ParamInit::kZeros);
        store.add({{"a", {2}}}, ParamKind::kBias, ParamInit::kZeros);
        store.finish();
      },
      "parameter a is registered twice");
  EXPECT_DEATH(
      {
        ParamStore store;
        store.add({{"a", {2, 3}}, {"b", {2, 4}}}, ParamKind::kWeight, ParamInit::kNormal);
      },
      "b: parts differ in width");
}

}  // namespace
}  // namespace tilefit
