// The feature file: round trips, damage of every kind, and a cache that finds by content only.
#include "tilefit/tasks/qa_feature_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <set>
#include <thread>

#include "tilefit/base/files.h"
#include "tilefit/base/log.h"
#include "tilefit/base/sha256.h"
#include "tilefit/tasks/qa_test_support.h"

namespace tilefit {
namespace {

namespace fs = std::filesystem;
using test::error_message;
using test::qa_example;
using test::WordTokenizer;
using testing::HasSubstr;

QaFeatureSet small_set(bool training) {
  const std::vector<QaExample> examples = {qa_example("first", "why", "a bb ccc dddd eeeee", {"dddd"}, {9}),
                                           qa_example("", "what is", "x yy", {"x"}, {0}),
                                           qa_example("third", "who", "a bb ccc dddd", {"bb"}, {2})};
  QaFeatureOptions options;
  options.max_seq_length = 7;
  options.doc_stride = 1;
  options.with_labels = training;
  options.with_offsets = !training;
  ThreadPool pool(1);
  QaFeatureSet set;
  set.stats = {3, 0, 3, 1, 2};
  for (const QaExample& example : examples) set.example_ids.push_back(example.id);
  set.features = build_qa_features(examples, WordTokenizer(), options, pool);
  return set;
}

void expect_equal(const QaFeatureSet& a, const QaFeatureSet& b) {
  EXPECT_EQ(a.example_ids, b.example_ids);
  EXPECT_EQ(a.stats.answers_outside, b.stats.answers_outside);
  EXPECT_EQ(a.stats.duplicate_ids, b.stats.duplicate_ids);
  ASSERT_EQ(a.features.size(), b.features.size());
  for (size_t i = 0; i < a.features.size(); ++i) {
    const QaFeature &x = a.features[i], &y = b.features[i];
    EXPECT_EQ(x.ids, y.ids);
    EXPECT_EQ(x.type_ids, y.type_ids);
    EXPECT_EQ(x.offset_begin, y.offset_begin);
    EXPECT_EQ(x.offset_end, y.offset_end);
    EXPECT_EQ(x.example, y.example);
    EXPECT_EQ(x.start_position, y.start_position);
    EXPECT_EQ(x.end_position, y.end_position);
  }
}

TEST(QaFeatureFile, RoundTrips) {
  for (const bool training : {false, true}) {
    const QaFeatureSet set = small_set(training);
    const std::string body = encode_qa_features(set), file = seal_qa_features(body);
    EXPECT_EQ(open_qa_features(file, "f"), body);
    const QaFeatureSet again = decode_qa_features(body, "f");
    expect_equal(set, again);
    EXPECT_EQ(encode_qa_features(again), body);
  }
}

// When this fails, features or their file have changed: raise kQaFeatureVersion or kQaFeatureFormat, then put the new hashes here.
TEST(QaFeatureFile, VersionsArePinnedToTheirBytes) {
  EXPECT_EQ(kQaFeatureFormat, 1u);
  EXPECT_EQ(kQaFeatureVersion, 1);
  EXPECT_EQ(sha256_hex(encode_qa_features(small_set(true))).substr(0, 16), "64f4d7612d7220df");
  EXPECT_EQ(sha256_hex(encode_qa_features(small_set(false))).substr(0, 16), "ea245068e932b2f2");
}

TEST(QaFeatureFile, EveryCutAndEveryChangedByteIsNoticed) {
  const std::string file = seal_qa_features(encode_qa_features(small_set(false)));
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(error_message([&] { open_qa_features(std::string_view(file).substr(0, size), "f"); }), "") << size;
  for (size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    EXPECT_NE(error_message([&] { open_qa_features(damaged, "f"); }), "") << i;
  }
}

/// small_set's body with the 64-bit word at `offset` replaced.
std::string with_word(size_t offset, uint64_t value) {
  std::string body = encode_qa_features(small_set(true));
  std::memcpy(body.data() + offset, &value, sizeof(value));
  return body;
}

TEST(QaFeatureFile, NumbersAreCheckedBeforeTheyAreUsed) {
  const auto message = [](const std::string& body) { return error_message([&] { decode_qa_features(body, "f"); }); };
  EXPECT_EQ(message(with_word(0, 9)), "[f] has format 9, expected 1");
  EXPECT_THAT(message(with_word(8, 2)), HasSubstr("unknown flags 0x2"));
  EXPECT_THAT(message(with_word(8, 1)), HasSubstr("its counts need"));  // offsets that are not there
  for (const size_t count : {16, 24, 32, 40}) {
    EXPECT_THAT(message(with_word(count, ~uint64_t{0})), HasSubstr("a count larger than the file")) << count;
    EXPECT_THAT(message(with_word(count, uint64_t{1} << 61)), HasSubstr("a count larger than the file")) << count;
    EXPECT_THAT(message(with_word(count, 0)), HasSubstr("its counts need")) << count;
  }
  EXPECT_THAT(message(with_word(88, 1 << 20)), HasSubstr("ids that overlap"));
  EXPECT_THAT(message(with_word(112, 3)), HasSubstr("a feature of example 3 of 3"));
  EXPECT_THAT(message(with_word(112, ~uint64_t{0})), HasSubstr("a feature of example -1 of 3"));
  const size_t features = small_set(true).features.size();
  EXPECT_THAT(message(with_word(112 + 8 * features, 0)), HasSubstr("features that overlap"));
  EXPECT_THAT(message(with_word(112 + 8 * features, 1 << 20)), HasSubstr("features that overlap"));
  EXPECT_THAT(message(with_word(112 + 16 * features, 0xFFFFFFFF)), HasSubstr("negative position"));
  EXPECT_THAT(message(with_word(112 + 24 * features, 0xFFFFFFFF)), HasSubstr("negative token id"));
  EXPECT_THAT(message(""), HasSubstr("is cut off"));
}

TEST(QaFeatureFile, OffsetsAreChecked) {
  const QaFeatureSet set = small_set(false);
  const size_t tokens_at = 88 + 8 * set.example_ids.size() + 24 * set.features.size();
  size_t tokens = 0;
  for (const QaFeature& feature : set.features) tokens += feature.ids.size();
  std::string body = encode_qa_features(set);
  const int32_t begin = 1000;
  std::memcpy(body.data() + tokens_at + 4 * tokens, &begin, 4);
  EXPECT_THAT(error_message([&] { decode_qa_features(body, "f"); }), HasSubstr("has the offsets 1000, -1"));
}

TEST(QaFeatureFile, NothingIsNotKept) {
  EXPECT_THAT(error_message([] { encode_qa_features({}); }), HasSubstr("no features to keep"));
  QaFeatureSet set = small_set(true);
  set.features[0].type_ids[0] = 256;
  EXPECT_THAT(error_message([&] { encode_qa_features(set); }), HasSubstr("token type 256"));
}

class QuietLog {
 public:
  QuietLog() { set_log_level(LogLevel::kError); }
  ~QuietLog() { set_log_level(LogLevel::kInfo); }
};

TEST(QaFeatureCache, KeepsAndFinds) {
  const test::TempDir directory;
  const QaFeatureCache cache(directory / "a/b");
  const std::string key(64, 'e');
  EXPECT_FALSE(cache.load(key));
  cache.store(key, small_set(true));
  const auto found = cache.load(key);
  ASSERT_TRUE(found);
  expect_equal(*found, small_set(true));
  EXPECT_FALSE(cache.load(std::string(64, 'f')));
}

TEST(QaFeatureCache, DamageIsAMissAndIsMended) {
  const QuietLog quiet;
  const test::TempDir directory;
  const QaFeatureCache cache(directory.path());
  const std::string key(64, 'e');
  cache.store(key, small_set(true));
  std::string bytes = read_file(cache.path(key));
  bytes[bytes.size() / 2] ^= 1;
  write_file_atomic(cache.path(key), bytes);
  EXPECT_FALSE(cache.load(key));
  write_file_atomic(cache.path(key), "");
  EXPECT_FALSE(cache.load(key));
  cache.store(key, small_set(true));
  EXPECT_TRUE(cache.load(key));
}

TEST(QaFeatureCache, AFolderThatCannotBeWrittenIsNoFailure) {
  const QuietLog quiet;
  const test::TempDir directory;
  write_file_atomic(directory / "file", "x");
  const QaFeatureCache cache(directory / "file/cache"), nowhere("");
  for (const QaFeatureCache* none : {&cache, &nowhere}) {
    none->store("key", small_set(true));
    EXPECT_FALSE(none->load("key"));
  }
}

TEST(QaFeatureCache, RemovesWhatWasNotUsedForLongest) {
  const test::TempDir directory;
  const auto size = static_cast<int64_t>(seal_qa_features(encode_qa_features(small_set(true))).size());
  const QaFeatureCache cache(directory.path(), 2 * size + 1);
  const auto now = fs::file_time_type::clock::now();
  write_file_atomic(directory / "somebody-elses", std::string(10000, 'x'));
  write_file_atomic(directory / "qa-features-x.bin.tmp-1-1", "");
  fs::last_write_time(directory / "qa-features-x.bin.tmp-1-1", now - std::chrono::hours(25));
  cache.store("old", small_set(true));
  cache.store("older", small_set(true));
  fs::last_write_time(cache.path("old"), now - std::chrono::hours(1));
  fs::last_write_time(cache.path("older"), now - std::chrono::hours(2));
  ASSERT_TRUE(cache.load("older"));  // used: now the youngest
  cache.store("new", small_set(true));
  EXPECT_FALSE(file_exists(cache.path("old")));
  EXPECT_TRUE(file_exists(cache.path("older")));
  EXPECT_TRUE(file_exists(cache.path("new")));
  EXPECT_TRUE(file_exists(directory / "somebody-elses"));
  EXPECT_FALSE(file_exists(directory / "qa-features-x.bin.tmp-1-1"));
  QaFeatureCache(directory.path(), size - 1).store("too large", small_set(true));
  EXPECT_FALSE(file_exists(cache.path("too large")));
  EXPECT_TRUE(file_exists(cache.path("new")));
}

TEST(QaFeatureCache, WritersAndReadersAtOnce) {
  const test::TempDir directory;
  const QaFeatureCache cache(directory.path());
  cache.store("key", small_set(true));
  std::vector<std::thread> threads;
  std::atomic<int> found = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        cache.store("key", small_set(true));
        found += cache.load("key").has_value();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found, 80);
}

TEST(QaFeatureKey, EveryInputChangesIt) {
  const WordTokenizer tokenizer;
  std::set<std::string> keys;
  QaReadOptions reading;
  QaFeatureOptions options;
  const auto add = [&](const char* text = "data") { keys.insert(qa_feature_key(text, reading, options, tokenizer)); };
  add();
  add("Data");
  reading.answers = QaAnswers::kOptional, add();
  reading.max_examples = 3, add();
  options.max_seq_length = 100, add();
  options.doc_stride = 7, add();
  options.with_labels = false, add();
  options.with_offsets = false, add();
  options.pad_to_max_length = true, add();
  options.max_features = 3, add();
  keys.insert(qa_feature_key("data", reading, options, WordTokenizer(std::nullopt, "other words")));
  EXPECT_EQ(keys.size(), 11u);
  const size_t before = keys.size();
  add();
  EXPECT_EQ(keys.size(), before);  // the same inputs, the same key
}

}  // namespace
}  // namespace tilefit
