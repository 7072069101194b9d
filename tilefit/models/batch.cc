#include "tilefit/models/batch.h"

#include <fmt/format.h>

#include <limits>

#include "tilefit/base/error.h"

namespace tilefit {
namespace {

void check_sequence(const TokenSequence& sequence, size_t index, const Padding& padding) {
  const auto fail = [&](const std::string& what) {
    throw Error(Code::kFailed, fmt::format("sequence {} {}", index, what), "models/batch");
  };
  const size_t n = sequence.ids.size();
  if (n == 0) fail("has no tokens");
  if (!sequence.type_ids.empty() && sequence.type_ids.size() != n)
    fail(fmt::format("has {} tokens but {} token types", n, sequence.type_ids.size()));
  if (padding.length > 0 && static_cast<int64_t>(n) > padding.length)
    fail(fmt::format("has {} tokens, more than the padded length {}", n, padding.length));
  if (n > static_cast<size_t>(std::numeric_limits<int32_t>::max())) fail("is too long");
}

}  // namespace

void make_batch(std::span<const TokenSequence> sequences, const Padding& padding, TokenBatch& batch) {
  if (sequences.empty()) throw Error(Code::kFailed, "a batch needs at least one sequence", "models/batch");
  RowLayout& layout = batch.layout;
  batch.id_M.clear();
  batch.type_id_M.clear();
  layout.sequences.clear();
  layout.position_M.clear();
  layout.key_M.clear();
  for (size_t b = 0; b < sequences.size(); ++b) {
    const TokenSequence& sequence = sequences[b];
    check_sequence(sequence, b, padding);
    const auto num_keys = static_cast<int32_t>(sequence.ids.size());
    const int32_t num_rows = padding.length > 0 ? static_cast<int32_t>(padding.length) : num_keys;
    layout.sequences.push_back({static_cast<int64_t>(batch.id_M.size()), num_rows, num_keys, sequence.example_key});
    for (int32_t t = 0; t < num_rows; ++t) {
      const bool token = t < num_keys;
      batch.id_M.push_back(token ? sequence.ids[static_cast<size_t>(t)] : padding.pad_id);
      batch.type_id_M.push_back(token && !sequence.type_ids.empty() ? sequence.type_ids[static_cast<size_t>(t)] : 0);
      layout.position_M.push_back(t);
      layout.key_M.push_back(sequence.example_key);
    }
  }
  layout.num_rows = static_cast<int64_t>(batch.id_M.size());
}

}  // namespace tilefit
