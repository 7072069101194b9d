// The safetensors format (https://huggingface.co/docs/safetensors, format of version 0.8): an 8-byte little-endian header length, a JSON
// header, the bytes of the tensors. Reading maps the file and checks the whole header before anything is used, so that a damaged or
// hostile file ends in a message, never in a wild read. Names are taken as they are; weight_names.h knows their variants.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tilefit/base/files.h"
#include "tilefit/tensor/dtype.h"

namespace tilefit {

/// Longest header accepted, as in the reference reader.
inline constexpr int64_t kMaxSafetensorsHeaderBytes = 100'000'000;

using StringPairs = std::vector<std::pair<std::string, std::string>>;

/// One tensor of a file. data points into the file's map, lives as long as the file object, and may be unaligned for its type:
/// read it by memcpy or convert_to_f32.
struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  const std::byte* data = nullptr;
  int64_t bytes = 0;

  int64_t num_elements() const noexcept { return bytes / dtype_bytes(dtype); }
};

/// "[3, 768]", as messages write shapes.
std::string shape_text(std::span<const int64_t> shape);

struct SafetensorsContent {
  std::vector<TensorInfo> tensors;  ///< in the order of their bytes
  StringPairs metadata;             ///< in header order
};

/// Reads a whole file's bytes; the tensors point into `file`. Throws Error(kFailed) that names `path`: header too long, cut or not JSON,
/// unknown dtype, size and offsets that disagree, bytes outside the file, shared or owned by no tensor, a name that comes twice.
SafetensorsContent parse_safetensors(std::span<const std::byte> file, const std::string& path);

/// A mapped file. Thread-safe once constructed; throws Error as MappedFile and parse_safetensors do.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const noexcept { return map_.path(); }
  const std::vector<TensorInfo>& tensors() const noexcept { return content_.tensors; }
  const StringPairs& metadata() const noexcept { return content_.metadata; }
  /// The tensor of that name, or null.
  const TensorInfo* find(std::string_view name) const noexcept;

 private:
  MappedFile map_;
  SafetensorsContent content_;
  std::unordered_map<std::string_view, size_t> by_name_;  ///< keys point into content_
};

/// The weights of a model: one file, or the shards that a model.safetensors.index.json names.
class WeightFiles {
 public:
  /// path: a .safetensors file or an index (its name ends in ".json"). Throws Error(kFailed): as SafetensorsFile; an index without
  /// weight_map, a shard that is missing, or a tensor that its shard lacks (the shard is named).
  explicit WeightFiles(const std::string& path);

  const std::string& path() const noexcept { return path_; }
  /// All tensors, shard by shard (shards in the order the index first names them).
  const std::vector<const TensorInfo*>& tensors() const noexcept { return tensors_; }
  /// The tensor of that name, or null.
  const TensorInfo* find(std::string_view name) const noexcept;

 private:
  void open_shards(const std::string& index_path);
  void add_file(const std::string& path);

  std::string path_;
  std::vector<SafetensorsFile> files_;
  std::vector<const TensorInfo*> tensors_;
  std::unordered_map<std::string_view, const TensorInfo*> by_name_;
};

/// A tensor to be written; data: num_elements contiguous values of that dtype.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  const void* data = nullptr;
};

/// Writes a file as the reference writer does, byte for byte: tensors by alignment (widest type first) and then name, the header padded
/// with spaces to a multiple of 8. Atomic: the old file stays until the new one is on disk. Throws Error(kEnvironment): disk full, no
/// permission. Two tensors of one name are a TF_CHECK failure.
void write_safetensors(const std::string& path, std::vector<TensorToWrite> tensors,
                       const StringPairs& metadata = {{"format", "pt"}});

}  // namespace tilefit
