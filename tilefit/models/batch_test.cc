// Packed and padded batches: rows, positions, keys, reuse, and sequences that cannot be batched.
#include "tilefit/models/batch.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"

namespace tilefit {
namespace {

const std::vector<int32_t> kFirst = {5, 6, 7}, kSecond = {8}, kTypes = {0, 0, 1};

TEST(Batch, PacksRowsBackToBack) {
  TokenBatch batch;
  const TokenSequence sequences[] = {{kFirst, kTypes, 100}, {kSecond, {}, 101}};
  make_batch(sequences, Padding::packed(), batch);
  EXPECT_EQ(batch.num_rows(), 4);
  EXPECT_EQ(batch.id_M, (std::vector<int32_t>{5, 6, 7, 8}));
  EXPECT_EQ(batch.type_id_M, (std::vector<int32_t>{0, 0, 1, 0}));
  EXPECT_EQ(batch.position_M(), (std::vector<int32_t>{0, 1, 2, 0}));
  EXPECT_EQ(batch.layout.key_M, (std::vector<uint64_t>{100, 100, 100, 101}));
  ASSERT_EQ(batch.num_sequences(), 2);
  EXPECT_EQ(batch.layout.sequences[1].row_begin, 3);
  EXPECT_EQ(batch.layout.sequences[1].num_rows, 1);
  EXPECT_EQ(batch.layout.sequences[1].num_keys, 1);
  EXPECT_EQ(batch.layout.sequences[1].dropout_key, 101u);
}

TEST(Batch, PadsAsTransformersDoes) {
  TokenBatch batch;
  const TokenSequence sequences[] = {{kFirst, kTypes, 1}, {kSecond, {}, 2}};
  make_batch(sequences, Padding::packed(), batch);
  make_batch(sequences, Padding::padded_to(4, 9), batch);  // the same object again
  EXPECT_EQ(batch.id_M, (std::vector<int32_t>{5, 6, 7, 9, 8, 9, 9, 9}));
  EXPECT_EQ(batch.type_id_M, (std::vector<int32_t>{0, 0, 1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(batch.position_M(), (std::vector<int32_t>{0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(batch.layout.sequences[1].row_begin, 4);
  EXPECT_EQ(batch.layout.sequences[1].num_rows, 4);
  EXPECT_EQ(batch.layout.sequences[1].num_keys, 1);
}

TEST(Batch, RefusesSequencesThatDoNotFit) {
  TokenBatch batch;
  const auto message = [&](TokenSequence sequence, Padding padding) {
    return test::error_message([&] { make_batch(std::span(&sequence, 1), padding, batch); });
  };
  EXPECT_EQ(message({{}, {}, 0}, Padding::packed()), "[models/batch] sequence 0 has no tokens");
  EXPECT_EQ(message({kSecond, kTypes, 0}, Padding::packed()), "[models/batch] sequence 0 has 1 tokens but 3 token types");
  EXPECT_EQ(message({kFirst, {}, 0}, Padding::padded_to(2, 0)),
            "[models/batch] sequence 0 has 3 tokens, more than the padded length 2");
  EXPECT_EQ(test::error_message([&] { make_batch({}, Padding::packed(), batch); }),
            "[models/batch] a batch needs at least one sequence");
}

}  // namespace
}  // namespace tilefit
