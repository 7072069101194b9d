// Lengths of SQuAD's question-answering features, for benchmarks that need realistic batches but no data set.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace tilefit {

/// Means of 128 equal shares, ascending, of the token counts of 5,195 features: 5,101 questions of SQuAD v1.1 train, bert-base-uncased
/// vocabulary, max_seq_length 384, doc_stride 128. Mean 174; mean square 35,600.
extern const std::array<int32_t, 128> kSquadFeatureLengths;

/// n lengths drawn from that histogram without replacement, round after round; the same for the same seed.
std::vector<int32_t> draw_squad_lengths(int64_t n, uint64_t seed);

}  // namespace tilefit
