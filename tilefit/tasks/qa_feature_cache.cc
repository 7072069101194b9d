#include "tilefit/tasks/qa_feature_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "tilefit/base/error.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/base/log.h"
#include "tilefit/base/sha256.h"

namespace tilefit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLog = "cache";
constexpr std::string_view kPrefix = "qa-features-", kSuffix = ".bin";
constexpr std::chrono::hours kTemporaryFilesLive{24};

Json optional_json(const std::optional<int64_t>& value) { return value ? Json(*value) : Json(); }

}  // namespace

std::string qa_feature_key(std::string_view text, const QaReadOptions& reading, const QaFeatureOptions& options,
                           const Tokenizer& tokenizer) {
  Json tokenizer_files = Json::object();
  for (const auto& [name, content] : tokenizer.files()) tokenizer_files[name] = sha256_hex(content);
  const Json key = {{"program", TILEFIT_VERSION},
                    {"format", kQaFeatureFormat},
                    {"features", kQaFeatureVersion},
                    {"data", sha256_hex(text)},
                    {"answers", static_cast<int>(reading.answers)},
                    {"max_examples", optional_json(reading.max_examples)},
                    {"tokenizer", std::move(tokenizer_files)},
                    {"max_seq_length", options.max_seq_length},
                    {"doc_stride", options.doc_stride},
                    {"labels", options.with_labels},
                    {"offsets", options.with_offsets},
                    {"pad_to_max_length", options.pad_to_max_length},
                    {"max_features", optional_json(options.max_features)}};
  return sha256_hex(dump_json(key, -1));
}

QaFeatureCache::QaFeatureCache(std::string directory, int64_t max_bytes)
    : directory_(std::move(directory)), max_bytes_(max_bytes) {}

std::string QaFeatureCache::path(const std::string& key) const {
  return fmt::format("{}/{}{}{}", directory_, kPrefix, key, kSuffix);
}

std::optional<QaFeatureSet> QaFeatureCache::load(const std::string& key) const {
  const std::string file = path(key);
  if (directory_.empty() || !file_exists(file)) return std::nullopt;
  try {
    const MappedFile map(file);
    const std::string_view content(reinterpret_cast<const char*>(map.data()), static_cast<size_t>(map.size()));
    QaFeatureSet set = decode_qa_features(open_qa_features(content, file), file);
    std::error_code ignored;  // a folder that only others may write is fine: then its files just do not get younger
    fs::last_write_time(file, fs::file_time_type::clock::now(), ignored);
    return set;
  } catch (const Error& e) {
    log_warning(kLog, "Cached features cannot be used and are built anew: {}", e.what());
    return std::nullopt;
  }
}

void QaFeatureCache::store(const std::string& key, const QaFeatureSet& set) const {
  if (directory_.empty()) return;
  try {
    const std::string content = seal_qa_features(encode_qa_features(set));
    if (static_cast<int64_t>(content.size()) > max_bytes_) return;
    make_directories(directory_);
    AtomicFile file(path(key));
    file.write(content);
    file.commit(Flush::kLater);
    remove_oldest(path(key));
  } catch (const Error& e) {
    log_info(kLog, "Features are not cached: {}", e.what());
  }
}

void QaFeatureCache::remove_oldest(const std::string& keep) const {
  struct File {
    fs::file_time_type used;
    std::string path;
    int64_t size;
  };
  std::vector<File> files;
  int64_t total = 0;
  std::error_code failure;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator it(directory_, failure), end; !failure && it != end; it.increment(failure)) {
    const std::string name = it->path().filename().string();
    std::error_code gone;  // by another process
    const File file{it->last_write_time(gone), it->path().string(), static_cast<int64_t>(it->file_size(gone))};
    if (gone || !name.starts_with(kPrefix)) continue;
    if (!name.ends_with(kSuffix)) {  // what a process that was killed left behind
      if (now - file.used > kTemporaryFilesLive) fs::remove(file.path, gone);
      continue;
    }
    total += file.size;
    if (file.path != keep) files.push_back(file);
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.used < b.used; });
  for (const File& file : files) {
    if (total <= max_bytes_) return;
    std::error_code gone;
    fs::remove(file.path, gone);
    total -= file.size;
  }
}

}  // namespace tilefit
