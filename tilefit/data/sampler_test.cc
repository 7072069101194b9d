#include "tilefit/data/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <regex>

#include "tests/support/golden.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

using ::testing::ElementsAre;

std::string sha_of(const std::vector<int64_t>& order) {
  return test::sha256_hex(order.data(), order.size() * sizeof(int64_t));
}

/// Numbers in a key such as "seed42_n10_world2_epoch0".
std::vector<int64_t> numbers_of(const std::string& key) {
  std::vector<int64_t> numbers;
  const std::regex digits("[0-9]+");
  for (auto it = std::sregex_iterator(key.begin(), key.end(), digits); it != std::sregex_iterator(); ++it)
    numbers.push_back(static_cast<int64_t>(std::stoull(it->str())));
  return numbers;
}

class GoldenOrder : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = test::golden("training/order.json.gz");
    if (!path) GTEST_SKIP() << "training/order.json.gz is not in the compact reference set";
    golden_ = read_json_file(*path);
  }
  Json golden_;
};

std::vector<int64_t> epoch_order(DataOrder order, int64_t seed, int64_t n, int64_t epoch) {
  SamplerOptions options;
  options.order = order;
  options.seed = static_cast<uint64_t>(seed);
  return Sampler(options, n).epoch_order(epoch);
}

TEST_F(GoldenOrder, GeneratorWordsAreTorchs) {
  for (const auto& [seed, stream] : golden_["raw_mt19937"].items()) {
    TorchGenerator generator(std::stoull(seed));
    for (const Json& word : stream["words"])
      EXPECT_EQ(generator.next63() & 0xFFFF'FFFF, word.get<int64_t>()) << "seed " << seed;
  }
}

TEST_F(GoldenOrder, RandpermIsTorchs) {
  for (const auto& [key, expected] : golden_["randperm"].items()) {
    const auto numbers = numbers_of(key);
    TorchGenerator generator(static_cast<uint64_t>(numbers[0]));
    EXPECT_EQ(sha_of(generator.randperm(numbers[1])), expected["sha256_int64_le"]) << key;
  }
}

TEST_F(GoldenOrder, Transformers4OneProcess) {
  for (const auto& [key, expected] : golden_["trainer_4_24_single"].items()) {
    const auto numbers = numbers_of(key);
    for (size_t epoch = 0; epoch < expected["epochs"].size(); ++epoch)
      EXPECT_EQ(sha_of(epoch_order(DataOrder::kHf4, numbers[0], numbers[1], static_cast<int64_t>(epoch))),
                expected["epochs"][epoch]["sha256_int64_le"])
          << key << " epoch " << epoch;
  }
}

TEST_F(GoldenOrder, Transformers5Trainer) {
  for (const auto& [key, expected] : golden_["trainer_installed"]["runs"].items()) {
    const auto numbers = numbers_of(key);
    std::vector<int64_t> seen;
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      const auto order = epoch_order(DataOrder::kHf5, numbers[0], numbers[1], epoch);
      seen.insert(seen.end(), order.begin(), order.end());
    }
    EXPECT_EQ(seen, expected.get<std::vector<int64_t>>()) << key;
  }
  for (const auto& [key, expected] : golden_["accelerate_seedable"].items()) {
    const auto numbers = numbers_of(key);
    for (size_t epoch = 0; epoch < expected.size(); ++epoch)
      EXPECT_EQ(sha_of(epoch_order(DataOrder::kHf5, numbers[0], numbers[1], static_cast<int64_t>(epoch))),
                expected[epoch]["sha256_int64_le"])
          << key;
  }
}

TEST_F(GoldenOrder, DistributedSampler) {
  for (const auto& [key, expected] : golden_["distributed_sampler"].items()) {
    const auto numbers = numbers_of(key);
    const auto order = epoch_order(DataOrder::kHf5, numbers[0], numbers[1], numbers[3]);  // seed + epoch, as 5.x
    for (const Json& shard : expected)
      EXPECT_EQ(sha_of(shard_round_robin(order, numbers[2], shard["rank"].get<int64_t>())), shard["sha256_int64_le"]) << key;
  }
}

TEST_F(GoldenOrder, BatchSamplerShard) {
  int checked = 0;
  for (const auto& [key, expected] : golden_["batch_sampler_shard"].items()) {
    if (expected.is_string()) continue;  // the reference refuses batch sizes that the world does not divide
    const auto numbers = numbers_of(key);
    const int64_t n = numbers[0], world = numbers[2], batch_size = numbers[3] ? numbers[1] / world : numbers[1];
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    for (int64_t rank = 0; rank < world; ++rank) {
      EXPECT_EQ(shard_batches(order, batch_size, world, rank),
                expected[static_cast<size_t>(rank)].get<std::vector<std::vector<int64_t>>>())
          << key << " rank " << rank;
      ++checked;
    }
  }
  EXPECT_GT(checked, 0);
}

TEST(Sampler, SmallKnownPermutation) {  // torch.randperm(10, generator=torch.Generator().manual_seed(42))
  TorchGenerator generator(42);
  EXPECT_THAT(generator.randperm(10), ElementsAre(2, 6, 1, 8, 4, 5, 0, 9, 3, 7));
}

TEST(Sampler, DataSeedReplacesSeed) {
  SamplerOptions options;
  options.seed = 1;
  options.data_seed = 42;
  EXPECT_THAT(Sampler(options, 10).epoch_order(0), ElementsAre(2, 6, 1, 8, 4, 5, 0, 9, 3, 7));
  EXPECT_THAT(Sampler(options, 10).epoch_order(1), ElementsAre(8, 4, 9, 0, 5, 1, 6, 7, 2, 3));
}

TEST(Sampler, SequentialIsFileOrder) {
  SamplerOptions options;
  options.strategy = SamplingStrategy::kSequential;
  EXPECT_THAT(Sampler(options, 4).epoch_order(3), ElementsAre(0, 1, 2, 3));
  EXPECT_TRUE(Sampler(options, 0).epoch_order(0).empty());
}

TEST(Sampler, GroupByLengthIsAPermutationWithTheLongestFirst) {
  std::vector<int32_t> lengths;
  for (int i = 0; i < 1003; ++i) lengths.push_back(20 + (i * 7919) % 360);
  lengths[511] = 500;
  SamplerOptions options;
  options.strategy = SamplingStrategy::kGroupByLength;
  options.group_batch_size = 8;
  const auto order = Sampler(options, std::ssize(lengths), lengths).epoch_order(0);
  EXPECT_EQ(order[0], 511);
  // 1003 / 32 = 31 batches a group: inside a group (the head of each apart) lengths fall.
  for (size_t i = 1; i + 1 < order.size(); ++i) {
    if ((i + 1) % 248 == 0 || i % 248 == 0) continue;
    EXPECT_GE(lengths[static_cast<size_t>(order[i])], lengths[static_cast<size_t>(order[i + 1])]) << i;
  }
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], static_cast<int64_t>(i));
  EXPECT_NE(order, Sampler(options, std::ssize(lengths), lengths).epoch_order(1));
}

}  // namespace
}  // namespace tilefit
