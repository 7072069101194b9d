// The thread pool: workers that share numbered tasks with the calling thread. Hot calls cost microseconds and allocate nothing.
// It decides who runs a task, never what a task is: callers cut work at fixed places, so that results do not depend on threads.
#pragma once
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "tilefit/base/function_ref.h"

namespace tilefit {

/// num_threads - 1 workers and the calling thread. Workers live until the destructor, which joins them.
class ThreadPool {
 public:
  /// A task: its number, and the index of the thread that runs it (0..num_threads-1; two tasks with the same thread index never
  /// run at the same time, so the index may choose scratch memory).
  using Body = FunctionRef<void(int64_t task, int thread)>;

  /// Most threads a pool may have.
  static constexpr int kMaxThreads = 4000;

  /// num_threads: 1..kMaxThreads. cpus: where thread i is pinned (cpus[i % size]; the constructing thread is thread 0, and gets
  /// its own mask back in the destructor); empty: nobody is pinned. A CPU that cannot be had leaves its thread unpinned.
  /// Throws Error(kEnvironment) when the system refuses a thread.
  explicit ThreadPool(int num_threads, std::span<const int> cpus = {});
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  int num_threads() const noexcept { return num_threads_; }

  /// Calls body(task, thread) once for every task in 0..num_tasks-1, in any order, and returns when all are done: what tasks
  /// wrote is visible to the caller. Tasks are handed out one by one, so their costs may differ. num_tasks <= 1, a pool of one
  /// thread and a call from inside one of this pool's tasks run in the calling thread, in order. The first exception of a body
  /// skips the tasks not yet begun and is rethrown here. Calls from several threads queue up.
  void parallel_for(int64_t num_tasks, Body body);

  /// Starts or stops counting the thread time that parallel loops lose; two looks at the clock per loop and thread while on. Call it
  /// between loops.
  void measure_idle(bool on) noexcept { measuring_ = on; }
  /// Thread time lost in loops while measuring: the loop's time times all threads, less the time in which they ran tasks. Grows
  /// when a loop ends; read it from the thread that calls parallel_for.
  const int64_t& idle_ns() const noexcept { return idle_ns_; }

 private:
  /// On cache lines of their own: every thread writes one.
  struct alignas(64) BusyTime {
    int64_t ns = 0;
  };

  void stop_workers() noexcept;
  void worker_main(int thread, int cpu) noexcept;
  void run_tasks(int thread) noexcept;
  void run_measured(int thread) noexcept;
  void add_idle(int64_t loop_ns) noexcept;
  bool join_job(uint32_t& seen) noexcept;
  void wait_for_job(uint32_t seen) noexcept;
  void wait_for_workers() noexcept;

  const int num_threads_;
  bool pinned_caller_ = false;
  int64_t spin_ns_ = 0;
  bool measuring_ = false;
  int64_t idle_ns_ = 0;
  std::vector<BusyTime> busy_;  ///< of each thread in the job at hand
  std::vector<std::thread> workers_;
  std::mutex callers_;

  // The job at hand: written by the caller while no worker is in, read by workers that joined.
  const Body* body_ = nullptr;
  int64_t num_tasks_ = 0;
  std::exception_ptr error_;
  std::atomic<bool> failed_ = false;
  std::atomic<bool> stop_ = false;

  // Apart from each other, lest the threads that wait slow down those that take tasks.
  alignas(64) std::atomic<uint32_t> state_ = 0;  ///< Job number, open flag and workers inside (thread_pool.cc).
  alignas(64) std::atomic<int64_t> next_task_ = 0;
  alignas(64) std::atomic<uint32_t> done_ = 0;  ///< Bumped when the last worker leaves a closed job.
};

}  // namespace tilefit
