// Safetensors: the reference writer's files byte for byte, every way a file can be wrong and the message it gives, shards, conversions.
#include "tilefit/hub/safetensors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>

#include "tests/support/golden.h"
#include "tilefit/base/error.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

namespace fs = std::filesystem;
using test::error_message;
using test::golden;
using test::TempDir;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string with_length(uint64_t length, const std::string& rest) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xFFu);
  return bytes + rest;
}

/// A file of this header and `data_bytes` zeros.
std::string file_bytes(const std::string& header, size_t data_bytes = 0) {
  return with_length(header.size(), header + std::string(data_bytes, '\0'));
}

SafetensorsContent parse(const std::string& bytes) {
  return parse_safetensors({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, "m.safetensors");
}

std::string message_for(const std::string& bytes) {
  return error_message([&] { parse(bytes); });
}

std::string header_message(const std::string& header, size_t data_bytes = 0) {
  return message_for(file_bytes(header, data_bytes));
}

std::vector<std::string> files_named(const std::string& folder, const std::string& extension) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == extension) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<TensorToWrite> to_write(const std::vector<TensorInfo>& tensors) {
  std::vector<TensorToWrite> out;
  for (const TensorInfo& t : tensors) out.push_back({t.name, t.dtype, t.shape, t.data});
  return out;
}

TEST(Safetensors, WritesEveryReferenceFileByteForByte) {
  const auto models = golden("models");
  if (!models) GTEST_SKIP() << "no golden models";
  const TempDir dir;
  size_t n = 0;
  for (const std::string& path : files_named(*models, ".safetensors")) {
    const SafetensorsFile file(path);
    std::vector<TensorToWrite> tensors = to_write(file.tensors());
    std::reverse(tensors.begin(), tensors.end());  // the writer restores the order
    write_safetensors(dir / "copy", tensors, file.metadata());
    ASSERT_TRUE(read_file(path) == read_file(dir / "copy")) << path;
    ++n;
  }
  EXPECT_GT(n, 0u);
}

TEST(Safetensors, ReadsNamesShapesAndMetadata) {
  const auto path = golden("models/bert-qa/model.safetensors");
  if (!path) GTEST_SKIP() << "no models/bert-qa in the golden files";
  const SafetensorsFile file(*path);
  EXPECT_EQ(file.metadata(), (StringPairs{{"format", "pt"}}));
  const TensorInfo* const tensor = file.find("qa_outputs.weight");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->dtype, DType::kF32);
  EXPECT_EQ(shape_text(tensor->shape), "[2, 32]");
  EXPECT_EQ(tensor->num_elements(), 64);
  EXPECT_EQ(file.find("qa_outputs"), nullptr);
  EXPECT_EQ(error_message([&] { SafetensorsFile("/nowhere/x.safetensors"); }),
            "[/nowhere/x.safetensors] cannot be opened: No such file or directory");
}

TEST(Safetensors, HalfAndBfloat16FilesHoldTheRoundedWeights) {
  const auto folder = golden("models/distilbert-qa");
  if (!folder || !fs::exists(*folder + "/model.bf16.safetensors")) GTEST_SKIP() << "no bf16/fp16 files in the golden files";
  const SafetensorsFile wide(*folder + "/model.safetensors");
  for (const auto& [name, dtype] :
       {std::pair{"/model.bf16.safetensors", DType::kBF16}, {"/model.fp16.safetensors", DType::kF16}}) {
    const SafetensorsFile narrow(*folder + name);
    ASSERT_EQ(narrow.tensors().size(), wide.tensors().size());
    for (const TensorInfo& tensor : wide.tensors()) {
      const TensorInfo* const other = narrow.find(tensor.name);
      ASSERT_TRUE(other && other->dtype == dtype) << tensor.name;
      const auto n = static_cast<size_t>(tensor.num_elements());
      std::vector<float> values(n), back(n);
      std::vector<std::byte> rounded(n * 2);
      convert_to_f32(tensor.dtype, tensor.data, values.data(), tensor.num_elements());
      convert_from_f32(dtype, values.data(), rounded.data(), tensor.num_elements());
      ASSERT_EQ(std::memcmp(rounded.data(), other->data, rounded.size()), 0) << tensor.name;
      convert_to_f32(dtype, other->data, back.data(), tensor.num_elements());
      for (size_t i = 0; i < n; ++i) ASSERT_NEAR(back[i], values[i], std::fabs(values[i]) * 0x1p-8 + 1e-7);
    }
  }
}

TEST(Safetensors, WriterOrdersTypesAsTheReferenceDoes) {
  // The header that safetensors 0.8.0 wrote for these tensors (its metadata has one entry, for it keeps no order of several).
  const std::string expected =
      "{\"__metadata__\":{\"a\":\"\u00e9/\\\"\\t\"},"
      R"("auint64":{"dtype":"U64","shape":[],"data_offsets":[0,8]},)"
      R"("aint64":{"dtype":"I64","shape":[],"data_offsets":[8,16]},"z9":{"dtype":"I64","shape":[1,3],"data_offsets":[16,40]},)"
      R"("afloat64":{"dtype":"F64","shape":[],"data_offsets":[40,48]},"z12":{"dtype":"F64","shape":[2,0],"data_offsets":[48,48]},)"
      R"("afloat32":{"dtype":"F32","shape":[],"data_offsets":[48,52]},"auint32":{"dtype":"U32","shape":[],"data_offsets":[52,56]},)"
      R"("aint32":{"dtype":"I32","shape":[],"data_offsets":[56,60]},"abfloat16":{"dtype":"BF16","shape":[],"data_offsets":[60,62]},)"
      R"("afloat16":{"dtype":"F16","shape":[],"data_offsets":[62,64]},"auint16":{"dtype":"U16","shape":[],"data_offsets":[64,66]},)"
      R"("aint16":{"dtype":"I16","shape":[],"data_offsets":[66,68]},"aint8":{"dtype":"I8","shape":[],"data_offsets":[68,69]},)"
      R"("auint8":{"dtype":"U8","shape":[],"data_offsets":[69,70]},)"
      "\"b\\\"q\u00e9\\n\":"
      R"({"dtype":"U8","shape":[3],"data_offsets":[70,73]},)"
      R"("abool":{"dtype":"BOOL","shape":[],"data_offsets":[73,74]}})";
  const std::array<char, 64> zeros{};
  std::vector<TensorToWrite> tensors = {{"z12", DType::kF64, {2, 0}, nullptr},
                                        {"z9", DType::kI64, {1, 3}, zeros.data()},
                                        {"b\"q\u00e9\n", DType::kU8, {3}, zeros.data()}};
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    tensors.push_back({fmt::format("a{}", dtype_name(dtype)), dtype, {}, zeros.data()});
  }
  const TempDir dir;
  write_safetensors(dir / "f", tensors, {{"a", "\u00e9/\"\t"}});
  const std::string bytes = read_file(dir / "f");
  EXPECT_EQ(bytes.substr(8, expected.size()), expected);
  EXPECT_EQ(bytes.size() % 8, 74u % 8);
  const SafetensorsContent content = parse(bytes);
  EXPECT_EQ(content.tensors.size(), tensors.size());
  EXPECT_EQ(content.metadata, (StringPairs{{"a", "\u00e9/\"\t"}}));

  write_safetensors(dir / "empty", {}, {});
  EXPECT_EQ(read_file(dir / "empty"), with_length(8, "{}      "));
  EXPECT_TRUE(SafetensorsFile(dir / "empty").tensors().empty());
}

TEST(Safetensors, AcceptsWhatTheReferenceAccepts) {
  EXPECT_EQ(parse(file_bytes(R"(  {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":{"y":[{"dtype":1}]}}} )", 4))
                .tensors.size(),
            1u);
  EXPECT_EQ(parse(file_bytes(R"({"__metadata__":null})")).metadata.size(), 0u);
  EXPECT_EQ(parse(file_bytes(R"({"__metadata__":{}})")).tensors.size(), 0u);
  const std::string zero_sized =
      R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("c":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[4,4]}})";
  EXPECT_EQ(parse(file_bytes(zero_sized, 4)).tensors.size(), 3u);
}

TEST(Safetensors, EachMistakeHasItsMessage) {
  const std::string again = ". Try: download it again";
  EXPECT_EQ(message_for("abc"),
            "[hub/safetensors] m.safetensors: the file has 3 bytes, too few for a safetensors file" + again);
  EXPECT_EQ(message_for(with_length(100, std::string(32, ' '))),
            "[hub/safetensors] m.safetensors: header says 100 bytes, the file has 40" + again);
  EXPECT_THAT(message_for(with_length(~uint64_t{0}, "{}")),
              HasSubstr("header says 18446744073709551615 bytes, the file has 10"));
  EXPECT_THAT(message_for(with_length(0, "")), HasSubstr("the header is empty"));
  EXPECT_THAT(message_for("version https://git-lfs.github.com/spec/v1\noid"), HasSubstr("is a Git LFS pointer"));
  EXPECT_THAT(message_for("PK\x03\x04 and more"), HasSubstr("is a file of torch.save, not safetensors"));
  EXPECT_THAT(header_message("{\"a\":"), HasSubstr("the header is not JSON at byte "));
  EXPECT_THAT(header_message("{}x"), HasSubstr("the header is not JSON at byte 3"));
  EXPECT_THAT(header_message(std::string("{}\0", 3)), HasSubstr("the header is not JSON at byte 3: a zero byte"));
  EXPECT_THAT(header_message("{\"\xff\":1}"), HasSubstr("UTF-8"));
  EXPECT_THAT(header_message("[]"), HasSubstr("the header is an array, expected an object"));
  EXPECT_THAT(header_message("3"), HasSubstr("the header is 3, expected an object"));
  EXPECT_THAT(header_message(R"({"a":1})"), HasSubstr("header entry 'a' is 1, expected an object"));
  EXPECT_THAT(header_message(R"({"a":null})"), HasSubstr("header entry 'a' is null, expected an object"));
  EXPECT_THAT(header_message(R"({"a":[1]})"), HasSubstr("header entry 'a' is an array, expected an object"));
  EXPECT_THAT(header_message(R"({"__metadata__":{"k":1}})"), HasSubstr("metadata 'k' is 1, expected a string"));
  EXPECT_THAT(header_message(R"({"__metadata__":{"k":{}}})"), HasSubstr("metadata 'k' is an object, expected a string"));
}

TEST(Safetensors, EachWrongTensorEntryHasItsMessage) {
  const auto entry = [](const std::string& text) { return header_message("{\"a\":{" + text + "}}", 8); };
  EXPECT_THAT(entry(""), HasSubstr("tensor 'a': 'dtype' is missing"));
  EXPECT_THAT(entry(R"("dtype":"F32")"), HasSubstr("tensor 'a': 'shape' is missing"));
  EXPECT_THAT(entry(R"("dtype":"F32","shape":[2])"), HasSubstr("tensor 'a': 'data_offsets' holds 0 numbers, expected 2"));
  EXPECT_THAT(entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])"), HasSubstr("'data_offsets' holds 3 numbers"));
  EXPECT_THAT(entry(R"("dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8])"),
              HasSubstr("tensor 'a': dtype 'F8_E4M3' is not supported"));
  EXPECT_THAT(entry(R"("dtype":7)"), HasSubstr("tensor 'a': 'dtype' is 7"));
  EXPECT_THAT(entry(R"("dtype":["F32"])"), HasSubstr("tensor 'a': 'dtype' is an array"));
  EXPECT_THAT(entry(R"("shape":2)"), HasSubstr("tensor 'a': 'shape' is 2"));
  EXPECT_THAT(entry(R"("shape":{})"), HasSubstr("tensor 'a': 'shape' is an object"));
  EXPECT_THAT(entry(R"("shape":[2.0])"), HasSubstr("tensor 'a': 'shape' holds 2.0, expected whole numbers"));
  EXPECT_THAT(entry(R"("shape":[-1])"), HasSubstr("tensor 'a': 'shape' holds -1, expected whole numbers"));
  EXPECT_THAT(entry(R"("shape":[[1]])"), HasSubstr("tensor 'a': 'shape' holds an array, expected whole numbers"));
  EXPECT_THAT(entry(R"("data_offsets":["0",8])"), HasSubstr("tensor 'a': 'data_offsets' holds a string"));
  EXPECT_THAT(entry(R"("shape":[18446744073709551615])"), HasSubstr("the number 18446744073709551615 is out of range"));
  EXPECT_THAT(entry(R"("dtype":"F32","shape":[4611686018427387904,2],"data_offsets":[0,8])"),
              HasSubstr("tensor 'a': shape [4611686018427387904, 2] of F32 is larger than any file"));
  EXPECT_THAT(entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"),
              HasSubstr("tensor 'a': shape [3] of F32 takes 12 bytes, its offsets are 0 to 8"));
  EXPECT_THAT(entry(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), HasSubstr("its offsets are 8 to 0"));
}

TEST(Safetensors, BytesBelongToExactlyOneTensor) {
  const auto u8 = [](const char* name, int begin, int end) {
    return fmt::format(R"("{}":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}})", name, end - begin, begin, end);
  };
  const auto message = [&](const std::string& a, const std::string& b, size_t bytes) {
    return header_message("{" + a + "," + b + "}", bytes);
  };
  EXPECT_EQ(message(u8("b", 4, 8), u8("a", 0, 4), 8), "");
  EXPECT_THAT(message(u8("a", 0, 4), u8("a", 0, 4), 4), HasSubstr("the name 'a' comes twice"));
  EXPECT_THAT(message(u8("a", 0, 4), u8("b", 2, 6), 6), HasSubstr("tensors 'a' and 'b' share bytes 2 to 4"));
  EXPECT_THAT(message(u8("a", 0, 4), u8("b", 5, 8), 8), HasSubstr("bytes 4 to 5 of the data belong to no tensor"));
  EXPECT_THAT(message(u8("a", 1, 4), u8("b", 4, 8), 8), HasSubstr("bytes 0 to 1 of the data belong to no tensor"));
  EXPECT_THAT(message(u8("a", 0, 4), u8("b", 4, 8), 9), HasSubstr("bytes 8 to 9 of the data belong to no tensor"));
  EXPECT_THAT(message(u8("a", 0, 4), u8("b", 4, 8), 7), HasSubstr("tensor 'b' ends at byte 8 of the data, the file has 7"));
}

TEST(Safetensors, EveryTruncationIsFound) {
  const TempDir dir;
  const std::array<float, 4> values = {1, 2, 3, 4};
  write_safetensors(dir / "whole", {{"w", DType::kF32, {2, 2}, values.data()}, {"b", DType::kF16, {1}, values.data()}});
  const std::string whole = read_file(dir / "whole");
  for (size_t n = 0; n < whole.size(); ++n) {
    const std::string cut = whole.substr(0, n);
    ASSERT_THAT(message_for(cut), StartsWith("[hub/safetensors] m.safetensors: ")) << n << " bytes";
  }
  EXPECT_EQ(message_for(whole), "");
  EXPECT_THAT(message_for(whole + "x"), HasSubstr("belong to no tensor"));
}

TEST(Safetensors, EveryChangedHeaderByteIsSurvived) {
  const TempDir dir;
  const std::array<float, 4> values = {1, 2, 3, 4};
  write_safetensors(dir / "whole", {{"w", DType::kF32, {2, 2}, values.data()}});
  const std::string whole = read_file(dir / "whole");
  for (size_t i = 0; i < whole.size() - sizeof values; ++i) {
    for (const int flip : {1, 4, 0x20, 0x80}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      try {
        for (const TensorInfo& tensor : parse(changed).tensors) {
          ASSERT_GE(reinterpret_cast<const char*>(tensor.data), changed.data());
          ASSERT_LE(reinterpret_cast<const char*>(tensor.data) + tensor.bytes, changed.data() + changed.size());
        }
      } catch (const Error& e) {
        ASSERT_EQ(e.code(), Code::kFailed);
      }
    }
  }
}

TEST(WeightFiles, ShardsReadAsOneFile) {
  const auto sharded = golden("models/bert-seqcls/sharded/model.safetensors.index.json");
  const auto single = golden("models/bert-seqcls/model.safetensors");
  if (!sharded || !single) GTEST_SKIP() << "no sharded model in the golden files";
  const WeightFiles shards(*sharded);
  const WeightFiles file(*single);
  ASSERT_EQ(shards.tensors().size(), file.tensors().size());
  for (const TensorInfo* const tensor : file.tensors()) {
    const TensorInfo* const other = shards.find(tensor->name);
    ASSERT_TRUE(other) << tensor->name;
    EXPECT_EQ(other->shape, tensor->shape);
    ASSERT_EQ(other->bytes, tensor->bytes);
    EXPECT_EQ(std::memcmp(other->data, tensor->data, static_cast<size_t>(tensor->bytes)), 0) << tensor->name;
  }
  EXPECT_EQ(shards.find("none"), nullptr);
}

TEST(WeightFiles, WrongIndexesAreExplained) {
  const TempDir dir;
  const float one = 1, two = 2;
  write_safetensors(dir / "s1.safetensors", {{"a", DType::kF32, {1}, &one}});
  write_safetensors(dir / "s2.safetensors", {{"b", DType::kF32, {1}, &one}, {"a", DType::kF32, {1}, &two}});
  const std::string index = dir / "model.safetensors.index.json";
  const auto open = [&](const std::string& text) {
    write_file_atomic(index, text);
    return error_message([&] { WeightFiles files(index); });
  };
  EXPECT_EQ(open(R"({"weight_map":{"a":"s3.safetensors"}})"),
            "[hub/safetensors] " + index +
                ": the shard 's3.safetensors' is missing. Try: download or copy the model's files again");
  EXPECT_THAT(open(R"({"weight_map":{"c":"s1.safetensors"}})"),
              HasSubstr("tensor 'c' is not in its shard 's1.safetensors'"));
  EXPECT_THAT(open(R"({"weight_map":{"b":"s1.safetensors","a":"s2.safetensors"}})"),
              HasSubstr("tensor 'b' is not in its shard"));
  EXPECT_THAT(open(R"({"metadata":{}})"), HasSubstr("'weight_map' is missing"));
  EXPECT_THAT(open("[]"), HasSubstr("'weight_map' is missing"));
  EXPECT_THAT(open(R"({"weight_map":{"a":1}})"), HasSubstr("weight_map entry 'a' is not a file name"));
  EXPECT_THAT(open(R"({"weight_map":{"a":"../s1.safetensors"}})"), HasSubstr("is not the name of a file beside the index"));
  EXPECT_THAT(open(R"({"weight_map":{"a":""}})"), HasSubstr("is not the name of a file beside the index"));
  EXPECT_THAT(open("{"), HasSubstr("malformed JSON"));

  ASSERT_EQ(open(R"({"weight_map":{"b":"s2.safetensors","a":"s1.safetensors"}})"), "");
  const WeightFiles files(index);
  EXPECT_EQ(files.tensors().size(), 2u);
  float value = 0;
  std::memcpy(&value, files.find("a")->data, sizeof value);
  EXPECT_EQ(value, 1);  // both shards have it; the index says s1
}

TEST(Safetensors, WritingReplacesTheFileAtomically) {
  const TempDir dir;
  const float value = 1;
  write_safetensors(dir / "f", {{"a", DType::kF32, {1}, &value}});
  const SafetensorsFile mapped(dir / "f");  // stays readable while it is replaced
  write_safetensors(dir / "f", {{"b", DType::kF32, {1}, &value}});
  EXPECT_EQ(std::memcmp(mapped.find("a")->data, &value, sizeof value), 0);
  EXPECT_TRUE(SafetensorsFile(dir / "f").find("b"));
  EXPECT_THAT(error_message([&] { write_safetensors(dir / "no/f", {}); }), HasSubstr("cannot be written: No such file"));
}

}  // namespace
}  // namespace tilefit
