#include "tilefit/data/sampler.h"

#include <algorithm>
#include <numeric>

#include "tilefit/base/check.h"

namespace tilefit {

int64_t TorchGenerator::next63() {
  const uint64_t high = next32();
  return static_cast<int64_t>((high << 32 | next32()) & 0x7FFF'FFFF'FFFF'FFFFu);
}

std::vector<int64_t> TorchGenerator::randperm(int64_t n) {
  TF_CHECK(n >= 0 && n <= int64_t{1} << 27, "randperm of {}", n);
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (int64_t i = 0; i + 1 < n; ++i) {
    const int64_t jump = next32() % static_cast<uint32_t>(n - i);
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(i + jump)]);
  }
  return order;
}

Sampler::Sampler(const SamplerOptions& options, int64_t num_examples, std::vector<int32_t> lengths)
    : options_(options), num_examples_(num_examples), lengths_(std::move(lengths)) {
  TF_CHECK(options_.strategy != SamplingStrategy::kGroupByLength || std::ssize(lengths_) == num_examples_,
           "{} lengths for {} examples", lengths_.size(), num_examples_);
}

std::vector<int64_t> Sampler::epoch_order(int64_t epoch) const {
  if (options_.strategy == SamplingStrategy::kSequential) {
    std::vector<int64_t> order(static_cast<size_t>(num_examples_));
    std::iota(order.begin(), order.end(), int64_t{0});
    return order;
  }
  const auto draw = [&](TorchGenerator& generator) {
    return options_.strategy == SamplingStrategy::kRandom
               ? generator.randperm(num_examples_)
               : length_grouped_order(lengths_, options_.group_batch_size, generator);
  };
  if (options_.order == DataOrder::kHf5) {
    TorchGenerator generator(options_.data_seed.value_or(options_.seed) + static_cast<uint64_t>(epoch));
    return draw(generator);
  }
  // 4.24 draws the sampler's seed from the freshly seeded global generator, and lets the sampler's generator run on over epochs.
  TorchGenerator generator(options_.data_seed ? *options_.data_seed
                                              : static_cast<uint64_t>(TorchGenerator(options_.seed).next63()));
  for (int64_t earlier = 0; earlier < epoch; ++earlier) draw(generator);
  return draw(generator);
}

std::vector<int64_t> length_grouped_order(std::span<const int32_t> lengths, int64_t batch_size, TorchGenerator& generator) {
  const auto n = static_cast<int64_t>(lengths.size());
  std::vector<int64_t> order = generator.randperm(n);
  if (n == 0) return order;
  const int64_t batches_per_group = std::clamp(n / (batch_size * 4), int64_t{1}, int64_t{50});
  const int64_t group_size = batches_per_group * batch_size;
  const auto length_of = [&](int64_t example) { return lengths[static_cast<size_t>(example)]; };

  int64_t longest_at = 0;  // where the first of the groups' longest examples stands
  for (int64_t begin = 0; begin < n; begin += group_size) {
    const auto first = order.begin() + begin, last = order.begin() + std::min(n, begin + group_size);
    std::stable_sort(first, last, [&](int64_t a, int64_t b) { return length_of(a) > length_of(b); });
    if (length_of(*first) > length_of(order[static_cast<size_t>(longest_at)])) longest_at = begin;
  }
  std::swap(order[0], order[static_cast<size_t>(longest_at)]);
  return order;
}

std::vector<int64_t> shard_round_robin(std::span<const int64_t> order, int64_t world, int64_t rank) {
  const auto n = static_cast<int64_t>(order.size());
  std::vector<int64_t> shard;
  if (n == 0) return shard;
  const int64_t per_rank = (n + world - 1) / world;
  shard.reserve(static_cast<size_t>(per_rank));
  for (int64_t i = 0; i < per_rank; ++i) shard.push_back(order[static_cast<size_t>((i * world + rank) % n)]);
  return shard;
}

std::vector<std::vector<int64_t>> shard_batches(std::span<const int64_t> order, int64_t batch_size, int64_t world,
                                                int64_t rank) {
  const auto n = static_cast<int64_t>(order.size());
  std::vector<std::vector<int64_t>> batches;
  if (n == 0) return batches;
  const int64_t round = batch_size * world;
  const int64_t refill = std::min(n, round);  // missing examples come from the first `refill` ones, over and over
  for (int64_t begin = rank * batch_size; begin < (n + round - 1) / round * round; begin += round) {
    std::vector<int64_t>& batch = batches.emplace_back();
    for (int64_t i = begin; i < begin + batch_size; ++i)
      batch.push_back(order[static_cast<size_t>(i < n ? i : (i - n) % refill)]);
  }
  return batches;
}

}  // namespace tilefit
