#include "tilefit/tasks/qa_feature_file.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>

#include "tilefit/base/error.h"
#include "tilefit/base/sha256.h"

namespace tilefit {
namespace {

static_assert(std::endian::native == std::endian::little, "columns are copied as they are");

constexpr std::string_view kMagic = "tilefitQ";
constexpr size_t kDigestSize = 64;
constexpr uint64_t kOffsetsFlag = 1;

struct Header {
  uint64_t format = kQaFeatureFormat;
  uint64_t flags = 0;
  uint64_t num_examples = 0, num_id_bytes = 0, num_features = 0, num_tokens = 0;
  QaReadStats stats;

  bool with_offsets() const { return flags == kOffsetsFlag; }
  /// Length of a body with this header; each count is below 2^48.
  uint64_t body_size() const {
    return sizeof(Header) + 8 * num_examples + 24 * num_features + (with_offsets() ? 13 : 5) * num_tokens + num_id_bytes;
  }
};
static_assert(sizeof(Header) == 88);

[[noreturn]] void fail(const std::string& what, std::string_view where) {
  throw Error(Code::kFailed, what, std::string(where));
}

/// Appends values to a body whose size is known.
class Writer {
 public:
  explicit Writer(uint64_t size) { body_.reserve(size); }

  template <class T>
  void put(T value) {
    put_all(&value, 1);
  }
  template <class T>
  void put_all(const T* values, size_t count) {
    if (count > 0) body_.append(reinterpret_cast<const char*>(values), count * sizeof(T));
  }
  std::string take() { return std::move(body_); }

 private:
  std::string body_;
};

/// A column of a body: values that may lie at any address.
template <class T>
class Column {
 public:
  /// Takes the column off the front of `rest`, which is long enough.
  Column(std::string_view& rest, uint64_t count) : bytes_(rest.substr(0, count * sizeof(T))) {
    rest.remove_prefix(bytes_.size());
  }
  T operator[](uint64_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  std::vector<T> slice(uint64_t begin, uint64_t end) const {
    std::vector<T> values(end - begin);
    if (end > begin) std::memcpy(values.data(), bytes_.data() + begin * sizeof(T), (end - begin) * sizeof(T));
    return values;
  }

 private:
  std::string_view bytes_;
};

Header header_of(const QaFeatureSet& set) {
  if (set.features.empty()) fail("there are no features to keep", "tasks/qa_feature_file");
  Header header;
  header.num_examples = set.example_ids.size();
  for (const std::string& id : set.example_ids) header.num_id_bytes += id.size();
  header.num_features = set.features.size();
  for (const QaFeature& feature : set.features) header.num_tokens += feature.ids.size();
  header.stats = set.stats;
  header.flags = set.features[0].offset_begin.empty() ? 0 : kOffsetsFlag;
  return header;
}

Header read_header(std::string_view body, std::string_view where) {
  Header header;
  if (body.size() < sizeof(Header)) fail("is cut off", where);
  std::memcpy(&header, body.data(), sizeof(Header));
  if (header.format != kQaFeatureFormat)
    fail(fmt::format("has format {}, expected {}", header.format, kQaFeatureFormat), where);
  if (header.flags > kOffsetsFlag) fail(fmt::format("has unknown flags {:#x}", header.flags), where);
  // Everything counted takes at least a byte, so no sum below overflows.
  for (const uint64_t count : {header.num_examples, header.num_id_bytes, header.num_features, header.num_tokens})
    if (count > body.size() || count >= uint64_t{1} << 48) fail("has a count larger than the file", where);
  if (header.body_size() != body.size())
    fail(fmt::format("has {} bytes, its counts need {}", body.size(), header.body_size()), where);
  if (header.num_features == 0) fail("has no features", where);
  return header;
}

void check_feature(const QaFeature& feature, uint64_t num_examples, int64_t previous_example, std::string_view where) {
  if (feature.example < previous_example || feature.example >= static_cast<int64_t>(num_examples))
    fail(fmt::format("has a feature of example {} of {}", feature.example, num_examples), where);
  if (feature.start_position < 0 || feature.end_position < 0) fail("has a negative position", where);
  for (const int32_t id : feature.ids)
    if (id < 0) fail("has a negative token id", where);
  for (size_t i = 0; i < feature.offset_begin.size(); ++i) {
    const int32_t begin = feature.offset_begin[i], end = feature.offset_end[i];
    if (begin < -1 || end < begin || (begin == -1 && end != -1))
      fail(fmt::format("has the offsets {}, {}", begin, end), where);
  }
}

}  // namespace

std::string encode_qa_features(const QaFeatureSet& set) {
  const Header header = header_of(set);
  Writer out(header.body_size());
  out.put(header);
  uint64_t end = 0;
  for (const std::string& id : set.example_ids) out.put(end += id.size());
  for (const QaFeature& feature : set.features) out.put(feature.example);
  end = 0;
  for (const QaFeature& feature : set.features) out.put(end += feature.ids.size());
  for (const QaFeature& feature : set.features) out.put(feature.start_position);
  for (const QaFeature& feature : set.features) out.put(feature.end_position);
  for (const QaFeature& feature : set.features) out.put_all(feature.ids.data(), feature.ids.size());
  if (header.with_offsets()) {
    for (const QaFeature& feature : set.features) out.put_all(feature.offset_begin.data(), feature.offset_begin.size());
    for (const QaFeature& feature : set.features) out.put_all(feature.offset_end.data(), feature.offset_end.size());
  }
  for (const QaFeature& feature : set.features)
    for (const int32_t type : feature.type_ids) {
      if (type < 0 || type > 255) fail(fmt::format("token type {} is not kept", type), "tasks/qa_feature_file");
      out.put(static_cast<uint8_t>(type));
    }
  for (const std::string& id : set.example_ids) out.put_all(id.data(), id.size());
  std::string body = out.take();
  if (body.size() != header.body_size()) fail("the features' columns differ in length", "tasks/qa_feature_file");
  return body;
}

QaFeatureSet decode_qa_features(std::string_view body, std::string_view where) {
  const Header header = read_header(body, where);
  std::string_view rest = body.substr(sizeof(Header));
  const Column<uint64_t> id_ends(rest, header.num_examples);
  const Column<int64_t> examples(rest, header.num_features);
  const Column<uint64_t> token_ends(rest, header.num_features);
  const Column<int32_t> starts(rest, header.num_features), ends(rest, header.num_features);
  const uint64_t num_offsets = header.with_offsets() ? header.num_tokens : 0;
  const Column<int32_t> ids(rest, header.num_tokens), offset_begins(rest, num_offsets), offset_ends(rest, num_offsets);
  const Column<uint8_t> types(rest, header.num_tokens);

  QaFeatureSet set;
  set.stats = header.stats;
  set.example_ids.reserve(header.num_examples);
  uint64_t at = 0;
  for (uint64_t i = 0; i < header.num_examples; ++i) {
    const uint64_t end = id_ends[i];
    if (end < at || end > rest.size()) fail("has ids that overlap", where);
    set.example_ids.emplace_back(rest.substr(at, end - at));
    at = end;
  }
  if (at != header.num_id_bytes) fail("has ids that do not fill their place", where);

  set.features.resize(header.num_features);
  at = 0;
  int64_t example = 0;
  for (uint64_t i = 0; i < header.num_features; ++i) {
    QaFeature& feature = set.features[i];
    const uint64_t end = token_ends[i];
    if (end <= at || end > header.num_tokens) fail("has features that overlap", where);
    feature.example = examples[i];
    feature.start_position = starts[i];
    feature.end_position = ends[i];
    feature.ids = ids.slice(at, end);
    if (header.with_offsets()) {
      feature.offset_begin = offset_begins.slice(at, end);
      feature.offset_end = offset_ends.slice(at, end);
    }
    feature.type_ids.resize(end - at);
    for (uint64_t t = at; t < end; ++t) feature.type_ids[t - at] = types[t];
    check_feature(feature, header.num_examples, example, where);
    example = feature.example;
    at = end;
  }
  if (at != header.num_tokens) fail("has tokens that belong to no feature", where);
  return set;
}

std::string seal_qa_features(std::string_view body) {
  std::string file;
  file.reserve(kMagic.size() + kDigestSize + body.size());
  file += kMagic;
  file += sha256_hex(body);
  file += body;
  return file;
}

std::string_view open_qa_features(std::string_view file, std::string_view where) {
  if (file.substr(0, kMagic.size()) != kMagic) fail("is no file of features", where);
  if (file.size() < kMagic.size() + kDigestSize) fail("is cut off", where);
  const std::string_view body = file.substr(kMagic.size() + kDigestSize);
  if (sha256_hex(body) != file.substr(kMagic.size(), kDigestSize)) fail("does not match its checksum", where);
  return body;
}

}  // namespace tilefit
