// The bytes in which question-answering features are kept between runs. Only the format: where files are, what they are named after
// and when they are used is qa_feature_cache.h. Little-endian; lengths and counts have 64 bits.
//
//   "tilefitQ", 64 hexadecimal digits: SHA-256 of all that follows (the body)
//   body: format version, flags (1: offsets), numbers of examples, id bytes, features, tokens; QaReadStats  11 x u64
//     end of each example's id                                                                      examples x u64
//     example of each feature, end of its tokens, start and end position           features x (i64, u64, i32, i32), column by column
//     ids; with offsets begin and end of each; type ids                            tokens x (i32, [i32, i32], u8), column by column
//     the examples' ids, one after the other                                       id bytes
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tilefit/tasks/qa_features.h"

namespace tilefit {

/// Raised whenever the layout above changes.
inline constexpr uint64_t kQaFeatureFormat = 1;

/// Features, the ids of the examples they index, and what was odd about these.
struct QaFeatureSet {
  std::vector<std::string> example_ids;
  std::vector<QaFeature> features;
  QaReadStats stats;
};

/// The body. Throws Error(kFailed): no features, or type ids outside 0..255.
std::string encode_qa_features(const QaFeatureSet& set);

/// The features of a body; every number is checked before it is used. where: file name for messages. Throws Error(kFailed): another
/// format version, a length that does not fit the counts, numbers that no features have.
QaFeatureSet decode_qa_features(std::string_view body, std::string_view where);

/// The whole file of a body, and the body of a whole file, whose checksum is verified: Error(kFailed).
std::string seal_qa_features(std::string_view body);
std::string_view open_qa_features(std::string_view file, std::string_view where);

}  // namespace tilefit
