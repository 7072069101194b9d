// The order in which training examples are visited: torch's permutations and Hugging Face's samplers, number for number.
// Orders are global: they never depend on how many processes train. shard_* cut an order into the parts that the reference's
// processes would see; tilefit itself deals whole leaves to ranks (train/leaves.h).
#pragma once
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

namespace tilefit {

/// torch.Generator on a CPU: mt19937 seeded with the low 32 bits of the seed.
class TorchGenerator {
 public:
  explicit TorchGenerator(uint64_t seed) : engine_(static_cast<uint32_t>(seed)) {}

  uint32_t next32() { return static_cast<uint32_t>(engine_()); }

  /// torch.empty((), dtype=torch.int64).random_(): two words, the first one high, without the sign bit.
  int64_t next63();

  /// torch.randperm(n). n: 0 .. 2^27 (beyond some 2^27 torch draws 64-bit words).
  std::vector<int64_t> randperm(int64_t n);

 private:
  std::mt19937 engine_;
};

enum class SamplingStrategy { kRandom, kSequential, kGroupByLength };

/// Whose shuffling: transformers 5.x (seed + epoch), or 4.24 with one process (a generator drawn from the seed, running on).
enum class DataOrder { kHf5, kHf4 };

struct SamplerOptions {
  SamplingStrategy strategy = SamplingStrategy::kRandom;
  DataOrder order = DataOrder::kHf5;
  uint64_t seed = 42;
  std::optional<uint64_t> data_seed;  ///< replaces `seed` (4.24: replaces the drawn generator seed)
  int64_t group_batch_size = 8;       ///< kGroupByLength: examples of one step on one process
};

/// Orders of a data set, one per epoch; any epoch can be asked for at any time.
class Sampler {
 public:
  /// lengths: tokens of each example, read by kGroupByLength only (may be empty otherwise).
  Sampler(const SamplerOptions& options, int64_t num_examples, std::vector<int32_t> lengths = {});

  /// Example indices in the order of epoch `epoch` (from 0): a permutation of 0..num_examples-1.
  std::vector<int64_t> epoch_order(int64_t epoch) const;

  int64_t num_examples() const noexcept { return num_examples_; }

 private:
  SamplerOptions options_;
  int64_t num_examples_;
  std::vector<int32_t> lengths_;
};

/// Order in which batches of `batch_size` hold examples of similar length, from a random permutation: runs of up to 50 batches are
/// sorted by falling length, and the longest example of all comes first. Same numbers as transformers'
/// trainer_pt_utils.get_length_grouped_indices (4.24 to 5.x).
std::vector<int64_t> length_grouped_order(std::span<const int32_t> lengths, int64_t batch_size, TorchGenerator& generator);

/// What rank `rank` of `world` sees under torch's DistributedSampler (transformers 4.24 with several processes): the order is
/// filled up from its own beginning to a multiple of `world`, then every world-th example is taken.
std::vector<int64_t> shard_round_robin(std::span<const int64_t> order, int64_t world, int64_t rank);

/// Batches of rank `rank` under accelerate's BatchSamplerShard with even batches (transformers 5.x): batches of `batch_size` are
/// dealt in turn, after filling up from the first world * batch_size examples. With split_batches, pass batch_size / world.
std::vector<std::vector<int64_t>> shard_batches(std::span<const int64_t> order, int64_t batch_size, int64_t world,
                                                int64_t rank);

}  // namespace tilefit
