#include "tilefit/cpu/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "tests/support/golden.h"
#include "tilefit/base/error.h"
#include "tilefit/cpu/affinity.h"

namespace tilefit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Core core(std::vector<int> cpus, int socket, int numa_node) {
  Core made;
  made.cpus = std::move(cpus);
  made.socket = socket;
  made.numa_node = numa_node;
  return made;
}

// Two sockets of two cores with two SMT siblings each, numbered as Linux does: siblings are n and n + 4.
Topology server() {
  Topology t;
  t.cores = {core({0, 4}, 0, 0), core({1, 5}, 0, 0), core({2, 6}, 1, 1), core({3, 7}, 1, 1)};
  t.l2_bytes = 2 << 20;
  t.l3_bytes = 60 << 20;
  t.memory_bytes = int64_t{256} << 30;
  return t;
}

Code code_of(const char* omp_num_threads) {
  try {
    compute_cpus(server(), omp_num_threads);
  } catch (const Error& e) {
    return e.code();
  }
  return Code::kResumable;
}

TEST(TopologyTest, ThisMachineIsPlausibleAndQuicklyRead) {
  read_topology();
  const auto start = std::chrono::steady_clock::now();
  const Topology t = read_topology();
  const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
  RecordProperty("read_ms", std::to_string(passed.count()));
  EXPECT_LT(passed.count(), 500.0);

  std::set<int> seen;
  for (const Core& c : t.cores) {
    EXPECT_TRUE(std::is_sorted(c.cpus.begin(), c.cpus.end()));
    for (const int cpu : c.cpus) EXPECT_TRUE(seen.insert(cpu).second) << "CPU " << cpu << " is in two cores";
  }
  EXPECT_EQ(std::vector<int>(seen.begin(), seen.end()), process_cpus()) << "all usable CPUs, and no others";
  EXPECT_GE(t.num_sockets(), 1);
  EXPECT_GE(t.num_numa_nodes(), 1);
  EXPECT_GT(t.usable_memory_bytes(), 64 << 20);
  EXPECT_LE(t.usable_memory_bytes(), t.memory_bytes);
  EXPECT_EQ(default_num_threads(), static_cast<int>(compute_cpus(t, std::getenv("OMP_NUM_THREADS")).size()));
}

TEST(TopologyTest, ReadingDoesNotMoveThisThread) {
  read_topology();
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_EQ(CPU_COUNT(&set), static_cast<int>(process_cpus().size()));
}

TEST(TopologyTest, PinnedThreadsStillSeeTheWholeMachine) {
  const size_t before = read_topology().cores.size();
  ASSERT_TRUE(pin_this_thread(process_cpus().back()));
  EXPECT_EQ(read_topology().cores.size(), before);
  unpin_this_thread();
}

TEST(TopologyTest, Counts) {
  EXPECT_EQ(server().num_sockets(), 2);
  EXPECT_EQ(server().num_numa_nodes(), 2);
  EXPECT_EQ(server().num_cpus(), 8);
  Topology t = server();
  t.limits.memory_bytes = 1 << 30;
  EXPECT_EQ(t.usable_memory_bytes(), 1 << 30);
  t.limits.memory_bytes = int64_t{1} << 50;
  EXPECT_EQ(t.usable_memory_bytes(), int64_t{256} << 30);
}

TEST(ComputeCpusTest, OnePerPhysicalCore) {
  EXPECT_THAT(compute_cpus(server(), nullptr), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(compute_cpus(server(), ""), ElementsAre(0, 1, 2, 3));
}

TEST(ComputeCpusTest, TheQuotaRoundsUp) {
  Topology t = server();
  t.limits.cpus = 1.5;
  EXPECT_THAT(compute_cpus(t, nullptr), ElementsAre(0, 1));
  t.limits.cpus = 0.1;
  EXPECT_THAT(compute_cpus(t, nullptr), ElementsAre(0));
  t.limits.cpus = 1e18;
  EXPECT_THAT(compute_cpus(t, nullptr), ElementsAre(0, 1, 2, 3));
}

TEST(ComputeCpusTest, OmpNumThreadsIsObeyed) {
  EXPECT_THAT(compute_cpus(server(), "1"), ElementsAre(0));
  EXPECT_THAT(compute_cpus(server(), " 3 "), ElementsAre(0, 1, 2));
  EXPECT_THAT(compute_cpus(server(), "2,4"), ElementsAre(0, 1)) << "the first of OpenMP's nesting levels";
  EXPECT_THAT(compute_cpus(server(), "6"), ElementsAre(0, 1, 2, 3, 4, 5)) << "siblings only after all cores";
  EXPECT_THAT(compute_cpus(server(), "9"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 0));
  Topology t = server();
  t.limits.cpus = 1;
  EXPECT_THAT(compute_cpus(t, "3"), ElementsAre(0, 1, 2)) << "what the user says counts more than the quota";
}

TEST(ComputeCpusTest, CoresWithDifferentNumbersOfSiblings) {
  Topology t;
  t.cores = {core({0, 1}, 0, 0), core({2}, 0, 0), core({3, 4, 5, 6}, 0, 0)};
  EXPECT_THAT(compute_cpus(t, "7"), ElementsAre(0, 2, 3, 1, 4, 5, 6));
}

TEST(ComputeCpusTest, BadOmpNumThreadsIsAUsageError) {
  for (const char* bad : {"0", "-2", "two", "4x", "1.5", ",2", "4001", "99999999999999999999"})
    EXPECT_EQ(code_of(bad), Code::kUsage) << bad;
  EXPECT_EQ(test::error_message([] { compute_cpus(server(), "many"); }),
            "[cpu/topology] OMP_NUM_THREADS is 'many', expected a number of threads from 1 to 4000. Try: OMP_NUM_THREADS=4, "
            "or leave "
            "it unset");
}

TEST(ThreadPlanTest, PinsOnlyWhenEveryCoreIsUsed) {
  EXPECT_THAT(plan_threads(server(), nullptr).cpus, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(plan_threads(server(), "2").cpus, IsEmpty());
  EXPECT_EQ(plan_threads(server(), "2").num_threads, 2);
  Topology t = server();
  t.limits.cpus = 3;
  EXPECT_THAT(plan_threads(t, nullptr).cpus, IsEmpty());
  EXPECT_EQ(plan_threads(t, nullptr).num_threads, 3);
}

TEST(ThreadPlanTest, TooManyThreadsAreObeyedWithAWarning) {
  EXPECT_EQ(plan_threads(server(), "4").warning, "");
  const ThreadPlan siblings = plan_threads(server(), "8");
  EXPECT_EQ(siblings.num_threads, 8);
  EXPECT_EQ(siblings.cpus.size(), 8u);
  EXPECT_EQ(siblings.warning,
            "OMP_NUM_THREADS asks for 8 threads, but this process has 4 cores: that is slower, not faster. Try: "
            "OMP_NUM_THREADS=4");
  EXPECT_THAT(plan_threads(server(), "9").cpus, IsEmpty());
  Topology t = server();
  t.limits.cpus = 1.5;
  EXPECT_THAT(plan_threads(t, "3").warning,
              HasSubstr("a cgroup allows 1.5 CPUs: that is slower, not faster. Try: OMP_NUM_THREADS=2"));
}

TEST(DescribeTest, CpuLists) {
  EXPECT_EQ(format_cpus({}), "");
  EXPECT_EQ(format_cpus({5}), "5");
  EXPECT_EQ(format_cpus({0, 1, 2, 3}), "0-3");
  EXPECT_EQ(format_cpus({8, 1, 0, 3}), "0-1,3,8");
}

TEST(DescribeTest, OneLineSaysWhatTheRunUses) {
  CpuFeatures features;
  features.model_name = "Test CPU";
  Topology t = server();
  EXPECT_EQ(describe_machine(t, plan_threads(t, nullptr), features, Isa::kAvx512),
            "Test CPU, 2 sockets, 2 NUMA nodes, 4 cores (8 CPUs), L2 2.00 MiB, L3 60.0 MiB, 256 GiB memory, avx512, 4 "
            "threads pinned "
            "to 0-3");
  t.limits.cpus = 1.5;
  t.limits.memory_bytes = int64_t{8} << 30;
  t.l3_bytes = 0;
  EXPECT_EQ(describe_machine(t, plan_threads(t, "1"), features, Isa::kBaseline),
            "Test CPU, 2 sockets, 2 NUMA nodes, 4 cores (8 CPUs) (cgroup allows 1.5), L2 2.00 MiB, 8.00 GiB memory (cgroup "
            "limit), "
            "baseline, 1 thread");
}

}  // namespace
}  // namespace tilefit
