// parse_safetensors: the header as a stream of JSON events. No document is built, so memory stays in proportion to the file, and a name
// that comes twice is seen.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/hub/safetensors.h"

namespace tilefit {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(Code::kFailed, path + ": " + what, "hub/safetensors", "download it again");
}

/// Product of the shape and the element size; nothing when it does not fit.
std::optional<int64_t> byte_size(std::span<const int64_t> shape, DType dtype) {
  int64_t bytes = dtype_bytes(dtype);
  for (const int64_t extent : shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  return bytes;
}

/// Receives nlohmann's parse events of a header: {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets"}, ...}.
/// Unknown keys inside a tensor's entry are skipped, as the reference does.
class HeaderEvents : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderEvents(const std::string& path) : path_(path) {}

  struct Entry {
    TensorInfo info;
    int64_t begin = 0, end = 0;
  };
  std::vector<Entry> entries;
  StringPairs metadata;

  bool null() override {
    if (level_ == 1 && key_ == "__metadata__") return true;
    return value(false, "null");
  }
  bool boolean(bool) override { return value(false, "a boolean"); }
  bool number_float(double, const std::string& text) override { return value(false, text); }
  bool number_integer(int64_t number) override { return value(false, std::to_string(number)); }
  bool binary(Json::binary_t&) override { return false; }

  bool number_unsigned(uint64_t number) override {
    const bool shape = in(List::kShape), offsets = in(List::kOffsets);
    if (!shape && !offsets) return value(false, std::to_string(number));
    if (number > static_cast<uint64_t>(INT64_MAX)) entry_fail(fmt::format("the number {} is out of range", number));
    (shape ? entries.back().info.shape : offsets_).push_back(static_cast<int64_t>(number));
    return true;
  }

  bool string(std::string& text) override {
    if (level_ == 2 && in_metadata_) {
      metadata.emplace_back(key_, text);
      return true;
    }
    if (level_ != 2 || key_ != "dtype") return value(false, "a string");
    const auto dtype = parse_safetensors_dtype(text);
    if (!dtype) entry_fail(fmt::format("dtype '{}' is not supported", text.substr(0, 40)));
    entries.back().info.dtype = *dtype;
    has_dtype_ = true;
    return true;
  }

  bool start_object(size_t) override {
    if (level_ == 1) start_entry();
    else if (level_ > 1) value(true, "an object");
    ++level_;
    return true;
  }
  bool key(std::string& text) override {
    if (level_ <= 2) key_ = text;
    return true;
  }
  bool end_object() override {
    if (--level_ == 1 && !in_metadata_) end_entry();
    if (level_ == 1) in_metadata_ = false;
    return true;
  }

  bool start_array(size_t) override {
    if (level_ < 2) return value(false, "an array");
    value(true, "an array");
    if (level_ == 2 && !in_metadata_)
      list_ = key_ == "shape" ? List::kShape : key_ == "data_offsets" ? List::kOffsets : List::kNone;
    ++level_;
    if (in(List::kShape)) entries.back().info.shape.clear();
    if (in(List::kOffsets)) offsets_.clear();
    return true;
  }
  bool end_array() override {
    if (in(List::kShape)) has_shape_ = true;
    if (--level_ == 2) list_ = List::kNone;
    return true;
  }

  bool parse_error(size_t byte, const std::string&, const nlohmann::detail::exception& e) override {
    const std::string_view text = e.what();
    const size_t at = text.find(": ");
    fail(path_, fmt::format("the header is not JSON at byte {}: {}", byte, at == text.npos ? text : text.substr(at + 2)));
  }

 private:
  enum class List { kNone, kShape, kOffsets };

  bool in(List list) const { return level_ == 3 && list_ == list; }

  [[noreturn]] void entry_fail(const std::string& what) {
    fail(path_, fmt::format("tensor '{}': {}", entries.back().info.name, what));
  }

  /// A value that is not the one its place needs: fine below an unknown key, else an error.
  bool value(bool is_container, const std::string& found) {
    if (level_ == 0) fail(path_, fmt::format("the header is {}, expected an object", found));
    if (in_metadata_) fail(path_, fmt::format("metadata '{}' is {}, expected a string", key_, found));
    if (level_ == 1) fail(path_, fmt::format("header entry '{}' is {}, expected an object", key_, found));
    if (in(List::kShape) || in(List::kOffsets))
      entry_fail(fmt::format("'{}' holds {}, expected whole numbers", key_, found));
    const bool list_key = key_ == "shape" || key_ == "data_offsets";
    if (level_ == 2 && (key_ == "dtype" || (list_key && !(is_container && found == "an array"))))
      entry_fail(fmt::format("'{}' is {}", key_, found));
    return true;
  }

  void start_entry() {
    if (!names_.insert(key_).second) fail(path_, fmt::format("the name '{}' comes twice", key_));
    in_metadata_ = key_ == "__metadata__";
    if (in_metadata_) return;
    entries.emplace_back().info.name = key_;
    has_dtype_ = has_shape_ = false;
    offsets_.clear();
  }

  void end_entry() {
    Entry& entry = entries.back();
    TensorInfo& info = entry.info;
    if (!has_dtype_) entry_fail("'dtype' is missing");
    if (!has_shape_) entry_fail("'shape' is missing");
    if (offsets_.size() != 2) entry_fail(fmt::format("'data_offsets' holds {} numbers, expected 2", offsets_.size()));
    entry.begin = offsets_[0];
    entry.end = offsets_[1];
    const auto bytes = byte_size(info.shape, info.dtype);
    const auto type = safetensors_dtype_name(info.dtype);
    if (!bytes) entry_fail(fmt::format("shape {} of {} is larger than any file", shape_text(info.shape), type));
    if (entry.end < entry.begin || entry.end - entry.begin != *bytes)
      entry_fail(fmt::format("shape {} of {} takes {} bytes, its offsets are {} to {}", shape_text(info.shape), type, *bytes,
                             entry.begin, entry.end));
    info.bytes = *bytes;
  }

  const std::string& path_;
  int level_ = 0;  ///< containers open around the next value
  List list_ = List::kNone;
  bool in_metadata_ = false, has_dtype_ = false, has_shape_ = false;
  std::string key_;
  std::vector<int64_t> offsets_;
  std::unordered_set<std::string> names_;
};

/// Length of the JSON header, checked against the limit and the file; the usual wrong files get a message of their own.
int64_t header_length(std::span<const std::byte> file, const std::string& path) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.starts_with("version https://git-lfs"))
    throw Error(Code::kFailed, path + ": is a Git LFS pointer, not the weights themselves", "hub/safetensors",
                "git lfs pull");
  if (text.starts_with("PK\x03\x04") || text.starts_with("\x80\x02\x8a"))
    throw Error(Code::kFailed, path + ": is a file of torch.save, not safetensors", "hub/safetensors",
                "model.save_pretrained(DIR, safe_serialization=True) in transformers");
  if (text.size() < 8) fail(path, fmt::format("the file has {} bytes, too few for a safetensors file", text.size()));
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(text[static_cast<size_t>(i)]);
  if (length > text.size() - 8) fail(path, fmt::format("header says {} bytes, the file has {}", length, text.size()));
  if (length > kMaxSafetensorsHeaderBytes)
    fail(path, fmt::format("header says {} bytes, the limit is {}", length, kMaxSafetensorsHeaderBytes));
  return static_cast<int64_t>(length);
}

/// Every byte of the data belongs to exactly one tensor.
void check_coverage(std::span<const HeaderEvents::Entry> sorted, int64_t data_bytes, const std::string& path) {
  int64_t at = 0;
  const std::string* before = nullptr;
  for (const auto& [info, begin, end] : sorted) {
    if (end > data_bytes)
      fail(path, fmt::format("tensor '{}' ends at byte {} of the data, the file has {}", info.name, end, data_bytes));
    if (begin < at)
      fail(path, fmt::format("tensors '{}' and '{}' share bytes {} to {}", *before, info.name, begin, std::min(at, end)));
    if (begin > at) fail(path, fmt::format("bytes {} to {} of the data belong to no tensor", at, begin));
    at = end;
    before = &info.name;
  }
  if (at != data_bytes) fail(path, fmt::format("bytes {} to {} of the data belong to no tensor", at, data_bytes));
}

}  // namespace

std::string shape_text(std::span<const int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

SafetensorsContent parse_safetensors(std::span<const std::byte> file, const std::string& path) {
  const int64_t length = header_length(file, path);
  const char* const header = reinterpret_cast<const char*>(file.data()) + 8;
  HeaderEvents events(path);
  if (length == 0) fail(path, "the header is empty");
  // The JSON library takes a zero byte for the end of the text.
  if (const void* const zero = std::memchr(header, 0, static_cast<size_t>(length)))
    fail(path, fmt::format("the header is not JSON at byte {}: a zero byte", static_cast<const char*>(zero) - header + 1));
  Json::sax_parse(header, header + length, static_cast<nlohmann::json_sax<Json>*>(&events));

  std::vector<HeaderEvents::Entry>& entries = events.entries;
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  check_coverage(entries, static_cast<int64_t>(file.size()) - 8 - length, path);

  SafetensorsContent content;
  content.metadata = std::move(events.metadata);
  content.tensors.reserve(entries.size());
  for (auto& entry : entries) {
    entry.info.data = file.data() + 8 + length + entry.begin;
    content.tensors.push_back(std::move(entry.info));
  }
  return content;
}

}  // namespace tilefit
