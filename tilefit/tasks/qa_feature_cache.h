// Features of earlier runs on disk, found again by content: the file name is a hash of everything that features depend on, so that a
// changed input never gives stale features. Safe for several processes: files appear whole, and their checksum is verified when read.
// Never an error: what cannot be read or written is logged, and the run builds its features itself.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tilefit/tasks/qa_feature_file.h"

namespace tilefit {

/// Raised whenever the same inputs give other features than before (a mended tokenizer or reader, say).
inline constexpr int kQaFeatureVersion = 1;

/// Name of the features of a data set: 64 hexadecimal digits. text: the whole data file, unpacked.
std::string qa_feature_key(std::string_view text, const QaReadOptions& reading, const QaFeatureOptions& options,
                           const Tokenizer& tokenizer);

/// A folder of feature files.
class QaFeatureCache {
 public:
  /// directory: made when the first file is written; "": nothing is kept. max_bytes: of all files; the ones not used for longest go first.
  explicit QaFeatureCache(std::string directory, int64_t max_bytes = int64_t{2} << 30);

  /// Features that store() kept under that key; nullopt when there are none, or none that are whole (with a warning).
  std::optional<QaFeatureSet> load(const std::string& key) const;

  /// Keeps features under a key.
  void store(const std::string& key, const QaFeatureSet& set) const;

  std::string path(const std::string& key) const;

 private:
  void remove_oldest(const std::string& keep) const;

  std::string directory_;
  int64_t max_bytes_;
};

}  // namespace tilefit
