// Reading plain and gzip files, whole and damaged; writing that leaves either the old file or the new one.
#include "tilefit/base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <filesystem>
#include <string>

#include "tests/support/golden.h"
#include "tilefit/base/error.h"

namespace tilefit {
namespace {

using test::error_message;
using test::TempDir;
using ::testing::HasSubstr;

std::string gzipped(const std::string& text) {
  const TempDir dir;
  const gzFile file = gzopen((dir / "x.gz").c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  const MappedFile map(dir / "x.gz");
  return std::string(reinterpret_cast<const char*>(map.data()), static_cast<size_t>(map.size()));
}

size_t files_in(const std::string& folder) {
  size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++n;
  return n;
}

TEST(Files, ReadsPlainEmptyAndGzip) {
  const TempDir dir;
  std::string text(3 << 20, 'x');
  for (size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>(i * 31 % 251);
  write_file_atomic(dir / "plain", text);
  write_file_atomic(dir / "packed.gz", gzipped(text));
  write_file_atomic(dir / "empty", "");
  EXPECT_TRUE(read_file(dir / "plain") == text);
  EXPECT_TRUE(read_file(dir / "packed.gz") == text);
  EXPECT_EQ(read_file(dir / "empty"), "");
  EXPECT_EQ(MappedFile(dir / "empty").size(), 0);
}

TEST(Files, EveryTruncationOfAGzipFileIsFound) {
  const TempDir dir;
  const std::string whole = gzipped("a short text, a short text, a short text, and its end");
  for (size_t n = 2; n < whole.size(); ++n) {  // one byte is not yet a gzip file
    write_file_atomic(dir / "cut.gz", whole.substr(0, n));
    EXPECT_THAT(error_message([&] { read_file(dir / "cut.gz"); }), HasSubstr("cannot be read")) << n << " bytes";
  }
  std::string damaged = whole;
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);  // the check sum
  write_file_atomic(dir / "bad.gz", damaged);
  EXPECT_THAT(error_message([&] { read_file(dir / "bad.gz"); }), HasSubstr("bad.gz] cannot be read"));
}

TEST(Files, LimitAppliesToTheUnpackedSize) {
  const TempDir dir;
  write_file_atomic(dir / "bomb.gz", gzipped(std::string(8 << 20, ' ')));
  EXPECT_THAT(error_message([&] { read_file(dir / "bomb.gz", 1 << 20); }),
              HasSubstr("larger than the limit of 1048576 bytes"));
  write_file_atomic(dir / "exact", "12345");
  EXPECT_EQ(read_file(dir / "exact", 5), "12345");
  EXPECT_THAT(error_message([&] { read_file(dir / "exact", 4); }), HasSubstr("larger than the limit"));
}

TEST(Files, MessagesNameTheFile) {
  const TempDir dir;
  EXPECT_THAT(error_message([&] { read_file(dir / "none.json"); }), HasSubstr("none.json] cannot be opened: No such file"));
  EXPECT_THAT(error_message([&] { read_file(dir.path()); }), HasSubstr("is a directory, expected a file"));
  EXPECT_THAT(error_message([&] { MappedFile map(dir / "none"); }), HasSubstr("none] cannot be opened: No such file"));
  EXPECT_THAT(error_message([&] { MappedFile map(dir.path()); }), HasSubstr("is not a regular file"));
}

TEST(Files, ExistenceFollowsLinks) {
  const TempDir dir;
  write_file_atomic(dir / "file", "x");
  std::filesystem::create_symlink("file", dir / "link");
  std::filesystem::create_symlink("nowhere", dir / "broken");
  EXPECT_TRUE(file_exists(dir / "link"));
  EXPECT_FALSE(file_exists(dir / "broken"));
  EXPECT_FALSE(file_exists(dir.path()));
  EXPECT_TRUE(directory_exists(dir.path()));
  EXPECT_FALSE(directory_exists(dir / "file"));
}

TEST(Files, MapsMoveTheirBytes) {
  const TempDir dir;
  write_file_atomic(dir / "file", "bytes");
  MappedFile first(dir / "file");
  MappedFile second(std::move(first));
  ASSERT_EQ(second.size(), 5);
  EXPECT_EQ(static_cast<char>(second.data()[4]), 's');
  MappedFile third(dir / "file");
  third = std::move(second);
  EXPECT_EQ(third.path(), dir / "file");
  EXPECT_EQ(third.size(), 5);
}

TEST(AtomicFile, WithoutCommitTheOldFileStays) {
  const TempDir dir;
  write_file_atomic(dir / "file", "old");
  {
    AtomicFile file(dir / "file");
    file.write("new");
    EXPECT_EQ(read_file(dir / "file"), "old");
    EXPECT_EQ(files_in(dir.path()), 2u);
  }
  EXPECT_EQ(read_file(dir / "file"), "old");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(AtomicFile, TwoWritersOfOneFileDoNotMix) {
  const TempDir dir;
  AtomicFile a(dir / "file"), b(dir / "file");
  a.write("aaaa");
  b.write("bb");
  b.commit();
  EXPECT_EQ(read_file(dir / "file"), "bb");
  a.commit();
  EXPECT_EQ(read_file(dir / "file"), "aaaa");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(AtomicFile, FailuresAreOfTheEnvironmentAndLeaveNothing) {
  const TempDir dir;
  EXPECT_THAT(error_message([&] { write_file_atomic(dir / "no/file", "x"); }),
              HasSubstr("no/file] cannot be written: No such file"));
  ::mkdir((dir / "taken").c_str(), 0777);
  write_file_atomic(dir / "taken/inside", "x");
  try {
    write_file_atomic(dir / "taken", "x");  // a folder of that name is in the way
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::kEnvironment);
    EXPECT_THAT(e.what(), HasSubstr("Try: free disk space or another --output_dir"));
  }
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(Files, MakesNestedFolders) {
  const TempDir dir;
  make_directories(dir / "a/b/c");
  make_directories(dir / "a/b/c");
  EXPECT_TRUE(directory_exists(dir / "a/b/c"));
}

}  // namespace
}  // namespace tilefit
