#include "tilefit/cpu/thread_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/support/alloc_counter.h"
#include "tests/support/golden.h"
#include "tilefit/cpu/affinity.h"

namespace tilefit {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

// Work the compiler cannot remove.
int64_t busy(int64_t rounds) {
  volatile int64_t sum = 0;
  for (int64_t i = 0; i < rounds; ++i) sum = sum + i;
  return sum;
}

class ThreadPoolSizes : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolSizes, ::testing::Values(1, 2, 3, 4, 5));

TEST_P(ThreadPoolSizes, RunsEveryTaskOnceForAnyNumberOfTasks) {
  ThreadPool pool(GetParam());
  ASSERT_EQ(pool.num_threads(), GetParam());
  for (const int64_t n : {-1, 0, 1, 2, 3, 7, 64, 1000}) {
    std::vector<int> runs(static_cast<size_t>(std::max<int64_t>(n, 0)));
    pool.parallel_for(n, [&](int64_t task, int thread) {
      ASSERT_GE(thread, 0);
      ASSERT_LT(thread, pool.num_threads());
      ++runs[static_cast<size_t>(task)];
    });
    EXPECT_THAT(runs, Each(1)) << n << " tasks";
  }
}

TEST_P(ThreadPoolSizes, ManySmallJobsInARowSeeEachOthersWrites) {
  ThreadPool pool(GetParam());
  std::vector<int64_t> values(16, 0);
  constexpr int kJobs = 3000;
  for (int job = 0; job < kJobs; ++job)
    pool.parallel_for(16, [&](int64_t task, int) { values[static_cast<size_t>(task)] += 1; });
  EXPECT_THAT(values, Each(kJobs));
}

TEST_P(ThreadPoolSizes, JobsFarApartWakeSleepingWorkers) {
  ThreadPool pool(GetParam());
  int64_t sum = 0;
  for (int job = 0; job < 20; ++job) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::vector<int64_t> out(40);
    pool.parallel_for(40, [&](int64_t task, int) { out[static_cast<size_t>(task)] = task; });
    sum += std::accumulate(out.begin(), out.end(), int64_t{0});
  }
  EXPECT_EQ(sum, 20 * 40 * 39 / 2);
}

TEST_P(ThreadPoolSizes, UnequalTasksWithScratchPerThread) {
  ThreadPool pool(GetParam());
  std::vector<int64_t> per_thread(static_cast<size_t>(pool.num_threads()), 0);  // Unsynchronised on purpose.
  pool.parallel_for(300, [&](int64_t task, int thread) {
    busy(task % 50 == 0 ? 200'000 : 100);
    per_thread[static_cast<size_t>(thread)] += task;
  });
  EXPECT_EQ(std::accumulate(per_thread.begin(), per_thread.end(), int64_t{0}), 300 * 299 / 2);
}

TEST_P(ThreadPoolSizes, ExceptionReachesTheCallerAndThePoolLivesOn) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> runs = 0;
    const std::string message = test::error_message([&] {
      pool.parallel_for(1000, [&](int64_t task, int) {
        runs.fetch_add(1);
        if (task == 5) throw std::runtime_error("task 5 failed");
      });
    });
    ASSERT_EQ(message, "task 5 failed");
    ASSERT_GE(runs, 1);
    std::atomic<int> after = 0;
    pool.parallel_for(10, [&](int64_t, int) { after.fetch_add(1); });
    ASSERT_EQ(after, 10);
  }
}

TEST_P(ThreadPoolSizes, WhenEveryTaskThrowsOneErrorArrives) {
  ThreadPool pool(GetParam());
  const std::string message = test::error_message(
      [&] { pool.parallel_for(100, [](int64_t task, int) { throw std::runtime_error("task " + std::to_string(task)); }); });
  EXPECT_THAT(message, HasSubstr("task "));
}

TEST_P(ThreadPoolSizes, NestedCallsRunInlineInTheSameThread) {
  ThreadPool pool(GetParam());
  std::atomic<int64_t> sum = 0;
  pool.parallel_for(20, [&](int64_t outer, int outer_thread) {
    const auto id = std::this_thread::get_id();
    int64_t next = 0;
    pool.parallel_for(10, [&](int64_t inner, int inner_thread) {
      ASSERT_EQ(inner, next++);
      ASSERT_EQ(inner_thread, outer_thread);
      ASSERT_EQ(std::this_thread::get_id(), id);
      sum.fetch_add(outer * inner);
    });
  });
  EXPECT_EQ(sum, 190 * 45);
}

TEST(ThreadPoolTest, ExceptionOfANestedCallReachesTheCaller) {
  ThreadPool pool(2);
  EXPECT_EQ(test::error_message([&] {
              pool.parallel_for(
                  4, [&](int64_t, int) { pool.parallel_for(4, [](int64_t, int) { throw std::runtime_error("inner"); }); });
            }),
            "inner");
}

TEST(ThreadPoolTest, CallsFromSeveralThreadsQueueUp) {
  ThreadPool pool(3);
  std::vector<int64_t> per_thread(3, 0);  // Unsynchronised: an index must never be used by two tasks at a time.
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&, c] {
      for (int job = 0; job < 200; ++job)
        pool.parallel_for(c == 0 ? 1 : 8, [&](int64_t, int thread) { ++per_thread[static_cast<size_t>(thread)]; });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(std::accumulate(per_thread.begin(), per_thread.end(), int64_t{0}), 200 * (1 + 3 * 8));
}

TEST(ThreadPoolTest, ManyPoolsSideBySideAndNestedInEachOther) {
  std::vector<std::unique_ptr<ThreadPool>> pools;
  for (int i = 0; i < 20; ++i) pools.push_back(std::make_unique<ThreadPool>(1 + i % 4));
  std::atomic<int> runs = 0;
  for (int round = 0; round < 10; ++round)
    for (auto& pool : pools) pool->parallel_for(6, [&](int64_t, int) { runs.fetch_add(1); });
  EXPECT_EQ(runs, 10 * 20 * 6);

  runs = 0;
  pools[3]->parallel_for(5, [&](int64_t, int) { pools[2]->parallel_for(7, [&](int64_t, int) { runs.fetch_add(1); }); });
  EXPECT_EQ(runs, 35);
}

TEST(ThreadPoolTest, PoolsComeAndGoWithoutWork) {
  for (int i = 0; i < 100; ++i) {
    ThreadPool pool(1 + i % 5);
    if (i % 3 == 0) pool.parallel_for(3, [](int64_t, int) {});
  }
}

TEST(ThreadPoolTest, AllThreadsTakePart) {
  ThreadPool pool(2);
  std::atomic<int> inside = 0;
  pool.parallel_for(2, [&](int64_t, int) {
    inside.fetch_add(1);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (inside < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  });
  EXPECT_EQ(inside, 2) << "both tasks must have run at the same time";
}

TEST(ThreadPoolTest, PinsThreadsAndGivesTheCallerItsMaskBack) {
  const std::vector<int> before = process_cpus();
  ASSERT_FALSE(before.empty());
  {
    ThreadPool pool(3, before);
    std::vector<int> cpus(3, -1);
    std::atomic<int> arrived = 0;
    pool.parallel_for(3, [&](int64_t, int thread) {
      arrived.fetch_add(1);
      while (arrived < 3) std::this_thread::yield();
      cpus[static_cast<size_t>(thread)] = sched_getcpu();
    });
    for (size_t i = 0; i < cpus.size(); ++i) EXPECT_EQ(cpus[i], before[i % before.size()]) << "thread " << i;
  }
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_EQ(CPU_COUNT(&set), static_cast<int>(before.size()));
  EXPECT_EQ(process_cpus(), before);
}

TEST(ThreadPoolTest, CpusThatDoNotExistAreIgnored) {
  const std::vector<int> nonsense = {-7, 16000, 1 << 30};
  ThreadPool pool(3, nonsense);
  std::atomic<int> runs = 0;
  pool.parallel_for(30, [&](int64_t, int) { runs.fetch_add(1); });
  EXPECT_EQ(runs, 30);
}

TEST(ThreadPoolTest, ThreadCountsOutOfRangeAreOurMistake) {
  EXPECT_DEATH(ThreadPool(0), "num_threads is 0");
  EXPECT_DEATH(ThreadPool(ThreadPool::kMaxThreads + 1), "num_threads is 4001");
}

TEST(ThreadPoolTest, CallsDoNotAllocate) {
  if (!test::allocations_are_counted()) GTEST_SKIP() << "a sanitizer owns operator new";
  ThreadPool pool(3);
  pool.parallel_for(3, [](int64_t, int) {});
  int64_t sums[3] = {};
  const test::AllocationScope scope;
  for (int i = 0; i < 100; ++i) pool.parallel_for(12, [&](int64_t task, int thread) { sums[thread] += task; });
  EXPECT_EQ(scope.count(), 0);
  EXPECT_EQ(sums[0] + sums[1] + sums[2], 100 * 66);
  EXPECT_NE(std::make_unique<std::string>("proof that counting works").get(), nullptr);
  EXPECT_GE(scope.count(), 1);
}

// Both threads must meet inside every call, or a call would measure the calling thread alone. The best of many short rounds, for
// the machine may be busy: one round in which both threads kept their CPUs is enough.
TEST(ThreadPoolTest, HotCallTakesMicroseconds) {
  constexpr double kBound_us = 5.0;
  constexpr int kCalls = 20;
  if (process_cpus().size() < 2) GTEST_SKIP() << "two threads cannot meet quickly on one CPU";
  ThreadPool pool(2, process_cpus());
  double best_us = 1e9;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (best_us >= kBound_us && std::chrono::steady_clock::now() < give_up) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; ++i) {
      std::atomic<int> inside = 0;
      pool.parallel_for(2, [&](int64_t, int) {
        inside.fetch_add(1);
        while (inside < 2) std::this_thread::yield();
      });
    }
    const std::chrono::duration<double, std::micro> passed = std::chrono::steady_clock::now() - start;
    best_us = std::min(best_us, passed.count() / kCalls);
  }
  EXPECT_LT(best_us, kBound_us * (test::allocations_are_counted() ? 1 : 20)) << "sanitizers may take longer";
}

TEST(ThreadPoolTest, EndsAlsoWhenAWorkerIsJustWakingForTheLastJob) {
  constexpr int kPools = 3000;
  std::atomic<int64_t> done = 0;
  for (int i = 0; i < kPools; ++i) {
    ThreadPool pool(5);
    pool.parallel_for(5, [&](int64_t, int) { done.fetch_add(1, std::memory_order_relaxed); });
  }
  EXPECT_EQ(done, 5 * kPools);
}

TEST(ThreadPoolIdle, CountsThreadsThatWaitForTheLastTask) {
  const auto sleep = [](int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); };
  ThreadPool pool(3);
  pool.parallel_for(3, [&](int64_t, int) { sleep(1); });
  EXPECT_EQ(pool.idle_ns(), 0) << "not asked for";

  pool.measure_idle(true);
  pool.parallel_for(2, [&](int64_t task, int) { sleep(task == 0 ? 40 : 0); });
  const int64_t uneven = pool.idle_ns();
  EXPECT_GE(uneven, 2 * 30'000'000) << "two of three threads waited some 40 ms";
  EXPECT_LE(uneven, 2 * 400'000'000LL);

  pool.parallel_for(1, [&](int64_t, int) { sleep(10); });
  EXPECT_GE(pool.idle_ns() - uneven, 2 * 9'000'000) << "one task keeps one thread busy";

  pool.measure_idle(false);
  const int64_t before = pool.idle_ns();
  pool.parallel_for(2, [&](int64_t, int) { sleep(1); });
  EXPECT_EQ(pool.idle_ns(), before);
}

}  // namespace
}  // namespace tilefit
