#include "tilefit/hub/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "tilefit/base/check.h"
#include "tilefit/base/error.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

/// Place of a type in the reference writer's order (safetensors 0.8): wide types first, so that every tensor stays aligned.
int write_order(DType dtype) {
  constexpr std::array kOrder = {DType::kU64, DType::kI64, DType::kF64, DType::kF32, DType::kU32, DType::kI32, DType::kBF16,
                                 DType::kF16, DType::kU16, DType::kI16, DType::kI8,  DType::kU8,  DType::kBool};
  static_assert(kOrder.size() == kNumDTypes);
  return static_cast<int>(std::find(kOrder.begin(), kOrder.end(), dtype) - kOrder.begin());
}

int64_t byte_size(const TensorToWrite& tensor) {
  int64_t bytes = dtype_bytes(tensor.dtype);
  for (const int64_t extent : tensor.shape) bytes *= extent;
  return bytes;
}

/// JSON text of a string with UTF-8 left as it is, as the reference writes it.
std::string quoted(const std::string& text) { return Json(text).dump(); }

std::string header_text(const std::vector<TensorToWrite>& tensors, const StringPairs& metadata) {
  std::string header = "{";
  const auto separate = [&] {
    if (header.size() > 1) header += ',';
  };
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (size_t i = 0; i < metadata.size(); ++i)
      header += fmt::format("{}{}:{}", i ? "," : "", quoted(metadata[i].first), quoted(metadata[i].second));
    header += '}';
  }
  int64_t at = 0;
  for (const TensorToWrite& tensor : tensors) {
    separate();
    const int64_t end = at + byte_size(tensor);
    header += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", quoted(tensor.name),
                          safetensors_dtype_name(tensor.dtype), fmt::join(tensor.shape, ","), at, end);
    at = end;
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return header;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path)
    : map_(path), content_(parse_safetensors({map_.data(), static_cast<size_t>(map_.size())}, path)) {
  by_name_.reserve(content_.tensors.size());
  for (size_t i = 0; i < content_.tensors.size(); ++i) by_name_.emplace(content_.tensors[i].name, i);
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const noexcept {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &content_.tensors[it->second];
}

WeightFiles::WeightFiles(const std::string& path) : path_(path) {
  if (path.ends_with(".json")) open_shards(path);
  else add_file(path);
}

const TensorInfo* WeightFiles::find(std::string_view name) const noexcept {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

void WeightFiles::add_file(const std::string& path) {
  const SafetensorsFile& file = files_.emplace_back(path);
  for (const TensorInfo& tensor : file.tensors())
    if (by_name_.emplace(tensor.name, &tensor).second) tensors_.push_back(&tensor);
}

void WeightFiles::open_shards(const std::string& index_path) {
  const auto fail = [&](const std::string& what) {
    throw Error(Code::kFailed, index_path + ": " + what, "hub/safetensors", "download or copy the model's files again");
  };
  const Json index = read_json_file(index_path);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (map == index.end() || !map->is_object()) fail("'weight_map' is missing");
  std::vector<std::string> shards;
  std::unordered_map<std::string, size_t> shard_number;
  for (const auto& item : map->items()) {
    if (!item.value().is_string()) fail(fmt::format("weight_map entry '{}' is not a file name", item.key()));
    const auto& name = item.value().get_ref<const std::string&>();
    if (!shard_number.emplace(name, shards.size()).second) continue;
    // The index comes with a download: it may only name files beside itself.
    if (name.empty() || name.find('/') != name.npos || name == "..")
      fail(fmt::format("'{}' is not the name of a file beside the index", name));
    shards.push_back(name);
  }
  files_.reserve(shards.size());
  const std::filesystem::path folder = std::filesystem::path(index_path).parent_path();
  for (const std::string& shard : shards) {
    const std::string path = (folder / shard).string();
    if (!file_exists(path)) fail(fmt::format("the shard '{}' is missing", shard));
    add_file(path);
  }
  for (const auto& item : map->items()) {
    const SafetensorsFile& file = files_[shard_number.at(item.value().get_ref<const std::string&>())];
    const TensorInfo* const tensor = file.find(item.key());
    if (!tensor)
      fail(fmt::format("tensor '{}' is not in its shard '{}'", item.key(), item.value().get_ref<const std::string&>()));
    const TensorInfo*& known = by_name_.at(item.key());  // a name in two shards: the one that the index names counts
    if (known != tensor) *std::find(tensors_.begin(), tensors_.end(), known) = tensor, known = tensor;
  }
}

void write_safetensors(const std::string& path, std::vector<TensorToWrite> tensors, const StringPairs& metadata) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
    const int order_a = write_order(a.dtype), order_b = write_order(b.dtype);
    return order_a != order_b ? order_a < order_b : a.name < b.name;
  });
  std::unordered_map<std::string_view, size_t> names;
  for (const TensorToWrite& tensor : tensors)
    TF_CHECK(names.emplace(tensor.name, 0).second, "two tensors are named {}", tensor.name);

  const std::string header = header_text(tensors, metadata);
  std::array<char, 8> length{};
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xFFu);
  AtomicFile file(path);
  file.write(length.data(), 8);
  file.write(header);
  for (const TensorToWrite& tensor : tensors) file.write(tensor.data, byte_size(tensor));
  file.commit();
}

}  // namespace tilefit
