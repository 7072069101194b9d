#include "tilefit/cpu/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "tests/support/alloc_counter.h"
#include "tests/support/golden.h"
#include "tilefit/base/error.h"

namespace tilefit {
namespace {

using ::testing::HasSubstr;

uintptr_t address(const Buffer& buffer) { return reinterpret_cast<uintptr_t>(buffer.data()); }

bool all_zero(const Buffer& buffer) {
  return std::all_of(buffer.data(), buffer.data() + buffer.size(), [](std::byte b) { return b == std::byte{0}; });
}

TEST(BufferTest, IsZeroedAlignedAndWritableToTheLastByte) {
  for (const int64_t size : {int64_t{1}, int64_t{63}, int64_t{4096}, int64_t{4097}, Buffer::kHugePageBytes - 1,
                             Buffer::kHugePageBytes, Buffer::kHugePageBytes + 1, 3 * Buffer::kHugePageBytes + 12345}) {
    Buffer buffer(size);
    ASSERT_NE(buffer.data(), nullptr);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(address(buffer) % (size >= Buffer::kHugePageBytes ? static_cast<uintptr_t>(Buffer::kHugePageBytes) : 4096u),
              0u)
        << size;
    EXPECT_TRUE(all_zero(buffer)) << size;
    std::fill(buffer.data(), buffer.data() + size, std::byte{0xA5});
    EXPECT_EQ(buffer.as<uint8_t>()[size - 1], 0xA5);
  }
}

TEST(BufferTest, EmptyBuffersHaveNoData) {
  EXPECT_EQ(Buffer().data(), nullptr);
  EXPECT_EQ(Buffer(0).data(), nullptr);
  EXPECT_EQ(Buffer(0).size(), 0);
}

TEST(BufferTest, Moves) {
  Buffer a(100);
  a.as<char>()[3] = 'x';
  Buffer b(std::move(a));
  // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): moved-from buffers are empty
  EXPECT_EQ(a.data(), nullptr);
  EXPECT_EQ(a.size(), 0);
  EXPECT_EQ(b.as<char>()[3], 'x');
  Buffer c(Buffer::kHugePageBytes);
  c = std::move(b);
  EXPECT_EQ(c.size(), 100);
  EXPECT_EQ(c.as<char>()[3], 'x');
  c = Buffer();
  EXPECT_EQ(c.data(), nullptr);
}

TEST(BufferTest, GivesMemoryBack) {
  constexpr int64_t kBytes = int64_t{64} << 20;
  const int64_t before = current_rss_bytes();
  {
    Buffer buffer(kBytes);
    EXPECT_LT(current_rss_bytes(), before + kBytes / 2) << "pages must come with the first touch only";
    std::fill(buffer.data(), buffer.data() + kBytes, std::byte{1});
    EXPECT_GE(current_rss_bytes(), before + kBytes * 3 / 4);
  }
  EXPECT_LT(current_rss_bytes(), before + kBytes / 2);
  EXPECT_GE(peak_rss_bytes(), before + kBytes * 3 / 4);
}

TEST(BufferTest, RefusalNamesTheSizeAndTheLimit) {
  const std::string message = test::error_message([] { Buffer(int64_t{1} << 62); });
  EXPECT_THAT(message, HasSubstr("[cpu/memory] no memory for a block of 4.00 EiB"));
  EXPECT_THAT(message, HasSubstr("--per_device_train_batch_size"));
  try {
    Buffer(int64_t{1} << 62);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::kEnvironment);
  }
  EXPECT_THROW(Buffer(INT64_MAX), Error);
}

[[noreturn]] void ask_for_more_than_the_limit() {
  rlimit limit{};
  limit.rlim_cur = limit.rlim_max = rlim_t{3} << 30;
  setrlimit(RLIMIT_AS, &limit);
  const std::string message = test::error_message([] { Buffer(int64_t{8} << 30); });
  std::fprintf(stderr, "%s\n", message.c_str());
  std::_Exit(0);
}

TEST(BufferDeathTest, AnAddressSpaceLimitIsNamed) {
  if (!test::allocations_are_counted()) GTEST_SKIP() << "sanitizers need address space without a limit";
  EXPECT_EXIT(ask_for_more_than_the_limit(), ::testing::ExitedWithCode(0),
              "block of 8.00 GiB; the address space limit \\(ulimit -v\\) is 3.00 GiB");
}

TEST(MemoryTest, UseOfTheProcessIsPlausible) {
  EXPECT_GT(current_rss_bytes(), 1 << 20);
  EXPECT_GE(peak_rss_bytes() + (1 << 20), current_rss_bytes());
  EXPECT_LT(peak_rss_bytes(), int64_t{1} << 40);
}

TEST(MemoryTest, SizesReadWell) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.00 KiB");
  EXPECT_EQ(format_bytes(1536), "1.50 KiB");
  EXPECT_EQ(format_bytes(10239), "10.0 KiB");
  EXPECT_EQ(format_bytes(640 * 1024), "640 KiB");
  EXPECT_EQ(format_bytes((1 << 20) - 1), "1.00 MiB");
  EXPECT_EQ(format_bytes(int64_t{23} << 30), "23.0 GiB");
  EXPECT_EQ(format_bytes(INT64_MAX), "8.00 EiB");
}

}  // namespace
}  // namespace tilefit
