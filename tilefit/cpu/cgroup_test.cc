#include "tilefit/cpu/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/golden.h"

namespace tilefit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A file system of text files below a temporary folder.
class FakeRoot {
 public:
  FakeRoot& file(const std::string& path, const std::string& text) {
    const std::filesystem::path full = dir_ / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
    return *this;
  }
  const std::string& path() const { return dir_.path(); }

 private:
  test::TempDir dir_;
};

constexpr const char* kMountV2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kMountsV1 =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "34 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

TEST(CgroupTest, CpuMax) {
  EXPECT_EQ(parse_cpu_max("max 100000\n"), std::nullopt);
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(parse_cpu_max("50000 100000"), 0.5);
  EXPECT_EQ(parse_cpu_max("9600000 100000\n"), 96.0);
  for (const char* bad :
       {"", "\n", "100000", "x 100000", "100000 0", "-5 100000", "1 2 3", "100000 100000x", "99999999999999999999 1"})
    EXPECT_EQ(parse_cpu_max(bad), std::nullopt) << bad;
}

TEST(CgroupTest, CfsQuota) {
  EXPECT_EQ(parse_cfs_quota("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(parse_cfs_quota("250000\n", "100000\n"), 2.5);
  EXPECT_EQ(parse_cfs_quota("", "100000"), std::nullopt);
  EXPECT_EQ(parse_cfs_quota("100000", "0"), std::nullopt);
}

TEST(CgroupTest, MemoryLimit) {
  EXPECT_EQ(parse_memory_limit("max\n"), std::nullopt);
  EXPECT_EQ(parse_memory_limit("8589934592\n"), int64_t{8} << 30);
  EXPECT_EQ(parse_memory_limit("9223372036854771712\n"), std::nullopt) << "how version 1 writes no limit";
  for (const char* bad : {"", "0", "-1", "12G", "99999999999999999999"})
    EXPECT_EQ(parse_memory_limit(bad), std::nullopt) << bad;
}

TEST(CgroupTest, FoldersOfVersion2GoUpToTheMount) {
  EXPECT_THAT(cgroup_folders(kMountV2, "0::/a.slice/job 7.scope\n"),
              ElementsAre("/sys/fs/cgroup/a.slice/job 7.scope", "/sys/fs/cgroup/a.slice", "/sys/fs/cgroup"));
  EXPECT_THAT(cgroup_folders(kMountV2, "0::/\n"), ElementsAre("/sys/fs/cgroup"));
}

TEST(CgroupTest, FoldersOfVersion1FollowEachController) {
  EXPECT_THAT(cgroup_folders(kMountsV1, "7:memory:/m\n3:cpuset:/s\n2:cpu,cpuacct:/c\n"),
              ElementsAre("/sys/fs/cgroup/cpu,cpuacct/c", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory/m",
                          "/sys/fs/cgroup/memory"));
}

TEST(CgroupTest, FoldersOfAContainerAreBelowItsMount) {
  // The mount shows the part of the hierarchy below /docker/abc.
  const char* mount = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup cgroup rw,memory\n";
  EXPECT_THAT(cgroup_folders(mount, "4:memory:/docker/abc/child\n"), ElementsAre("/sys/fs/cgroup/child", "/sys/fs/cgroup"));
  EXPECT_THAT(cgroup_folders(mount, "4:memory:/docker/abc\n"), ElementsAre("/sys/fs/cgroup"));
  EXPECT_THAT(cgroup_folders(mount, "4:memory:/docker/abcdef\n"), ElementsAre("/sys/fs/cgroup"))
      << "another container's name";
  EXPECT_THAT(cgroup_folders(mount, "4:memory:/elsewhere\n"), ElementsAre("/sys/fs/cgroup"));
  EXPECT_THAT(cgroup_folders(kMountV2, "0::/../../other\n"), ElementsAre("/sys/fs/cgroup")) << "never leaves the mount";
}

TEST(CgroupTest, OddLinesAreSkippedAndEscapesUndone) {
  EXPECT_THAT(cgroup_folders("", ""), IsEmpty());
  EXPECT_THAT(cgroup_folders("nonsense\n1 2 - cgroup2 x y\n1 2 3 / /m rw - cgroup2\n", "0::/x\nbad\n1:only\n"), IsEmpty());
  EXPECT_THAT(cgroup_folders("30 23 0:26 / /my\\040groups\\134x rw - cgroup2 c rw", "0::/"), ElementsAre("/my groups\\x"));
}

TEST(CgroupTest, TheTightestLimitOnTheWayUpCounts) {
  FakeRoot root;
  root.file("proc/self/mountinfo", kMountV2).file("proc/self/cgroup", "0::/job/step\n");
  root.file("sys/fs/cgroup/job/step/cpu.max", "max 100000\n").file("sys/fs/cgroup/job/step/memory.max", "4294967296\n");
  root.file("sys/fs/cgroup/job/cpu.max", "250000 100000\n").file("sys/fs/cgroup/job/memory.max", "1073741824\n");
  root.file("sys/fs/cgroup/cpu.max", "800000 100000\n");
  const CgroupLimits limits = read_cgroup_limits(root.path());
  EXPECT_EQ(limits.cpus, 2.5);
  EXPECT_EQ(limits.memory_bytes, 1 << 30);
}

TEST(CgroupTest, Version1LimitsAreRead) {
  FakeRoot root;
  root.file("proc/self/mountinfo", kMountsV1).file("proc/self/cgroup", "7:memory:/m\n2:cpu,cpuacct:/c\n0::/\n");
  root.file("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "50000\n")
      .file("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
  root.file("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "2147483648\n");
  root.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const CgroupLimits limits = read_cgroup_limits(root.path());
  EXPECT_EQ(limits.cpus, 0.5);
  EXPECT_EQ(limits.memory_bytes, int64_t{2} << 30);
}

TEST(CgroupTest, NothingToReadIsNoLimit) {
  const FakeRoot empty;
  EXPECT_EQ(read_cgroup_limits(empty.path()).cpus, std::nullopt);
  EXPECT_EQ(read_cgroup_limits(empty.path()).memory_bytes, std::nullopt);
}

}  // namespace
}  // namespace tilefit
