// How a job runs. state_ packs [job number | open flag | workers inside] into one word. The caller fills in the job and stores a
// new number with the flag set; a worker that sees a new number joins by adding one while the flag is up. When the tasks run out
// the caller takes the flag down and waits for the workers inside to leave. A worker that wakes too late finds the flag down and
// goes back to wait: the caller never waits for a thread the system has not scheduled. Missing a job is harmless, so the
// number may wrap around.
#include "tilefit/cpu/thread_pool.h"

#include <immintrin.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "tilefit/base/check.h"
#include "tilefit/base/error.h"
#include "tilefit/cpu/affinity.h"

namespace tilefit {
namespace {

constexpr uint32_t kInsideMask = 0xFFF;
constexpr uint32_t kOpen = 0x1000;
constexpr uint32_t kJobStep = 0x2000;
static_assert(ThreadPool::kMaxThreads <= static_cast<int>(kInsideMask));

constexpr uint32_t job_of(uint32_t state) { return state / kJobStep; }

// How long an idle thread spins before it sleeps. Waking a sleeper costs 5-50 us, gaps between kernels are shorter.
constexpr int64_t kSpinNs = 40'000;
// With more threads than CPUs a spinning thread keeps the CPU from one that has work.
constexpr int64_t kSpinOversubscribedNs = 1'000;

int64_t clock_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Which pool's task this thread is running, and as which thread.
thread_local const ThreadPool* t_pool = nullptr;
thread_local int t_thread = 0;

// Marks the calling thread as thread `thread` of `pool` while it lives.
class Membership {
 public:
  Membership(const ThreadPool* pool, int thread) noexcept : pool_(t_pool), thread_(t_thread) {
    t_pool = pool;
    t_thread = thread;
  }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  ~Membership() {
    t_pool = pool_;
    t_thread = thread_;
  }

 private:
  const ThreadPool* pool_;
  int thread_;
};

// Spins until done() is true or spin_ns are over; the last value of done(). Soon yields between looks: when the system has put two
// threads on one CPU, the one that has work gets it.
template <class F>
bool spin_until(int64_t spin_ns, F&& done) noexcept {
  using Clock = std::chrono::steady_clock;
  constexpr int kPausesPerLook = 8;
  constexpr std::chrono::nanoseconds kBeforeYield(3'000);
  const auto start = Clock::now();
  for (std::chrono::nanoseconds passed{0}; passed.count() < spin_ns; passed = Clock::now() - start) {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (done()) return true;
      _mm_pause();
    }
    if (passed > kBeforeYield) std::this_thread::yield();
  }
  return done();
}

}  // namespace

ThreadPool::ThreadPool(int num_threads, std::span<const int> cpus) : num_threads_(num_threads) {
  TF_CHECK(num_threads >= 1 && num_threads <= kMaxThreads, "num_threads is {}", num_threads);
  busy_.resize(static_cast<size_t>(num_threads));
  const int num_cpus = static_cast<int>(process_cpus().size());
  spin_ns_ = num_threads > num_cpus ? kSpinOversubscribedNs : kSpinNs;
  const auto cpu_of = [&](int thread) { return cpus.empty() ? -1 : cpus[static_cast<size_t>(thread) % cpus.size()]; };
  workers_.reserve(static_cast<size_t>(num_threads - 1));
  try {
    for (int thread = 1; thread < num_threads; ++thread)
      workers_.emplace_back([this, thread, cpu = cpu_of(thread)] { worker_main(thread, cpu); });
  } catch (const std::system_error& e) {
    const size_t started = workers_.size() + 1;
    stop_workers();
    throw Error(Code::kEnvironment,
                fmt::format("the system refused thread {} of {} ({})", started + 1, num_threads, e.what()),
                "cpu/thread_pool", "OMP_NUM_THREADS with fewer threads, or a higher limit of processes (ulimit -u)");
  }
  if (!cpus.empty()) pinned_caller_ = pin_this_thread(cpu_of(0));
}

ThreadPool::~ThreadPool() {
  stop_workers();
  if (pinned_caller_) unpin_this_thread();
}

void ThreadPool::stop_workers() noexcept {
  stop_.store(true, std::memory_order_relaxed);
  state_.fetch_add(kJobStep, std::memory_order_release);
  state_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void ThreadPool::parallel_for(int64_t num_tasks, Body body) {
  if (t_pool == this) {
    for (int64_t task = 0; task < num_tasks; ++task) body(task, t_thread);
    return;
  }
  const std::lock_guard lock(callers_);
  const Membership here(this, 0);
  const int64_t begin_ns = measuring_ ? clock_ns() : 0;
  if (num_tasks <= 1 || num_threads_ == 1) {
    for (int64_t task = 0; task < num_tasks; ++task) body(task, 0);
    if (measuring_) idle_ns_ += (num_threads_ - 1) * (clock_ns() - begin_ns);
    return;
  }
  body_ = &body;
  num_tasks_ = num_tasks;
  next_task_.store(0, std::memory_order_relaxed);
  const uint32_t job = job_of(state_.load(std::memory_order_relaxed)) + 1;
  state_.store(job * kJobStep | kOpen, std::memory_order_release);
  state_.notify_all();

  run_measured(0);
  wait_for_workers();
  if (measuring_) add_idle(clock_ns() - begin_ns);
  if (failed_.load(std::memory_order_relaxed)) {
    failed_.store(false, std::memory_order_relaxed);
    std::rethrow_exception(std::exchange(error_, nullptr));
  }
}

void ThreadPool::run_tasks(int thread) noexcept {
  const int64_t num_tasks = num_tasks_;
  for (;;) {
    const int64_t task = next_task_.fetch_add(1, std::memory_order_relaxed);
    if (task >= num_tasks) return;
    try {
      (*body_)(task, thread);
    } catch (...) {
      if (!failed_.exchange(true, std::memory_order_relaxed)) error_ = std::current_exception();
      next_task_.store(num_tasks, std::memory_order_relaxed);
    }
  }
}

void ThreadPool::run_measured(int thread) noexcept {
  const int64_t begin_ns = measuring_ ? clock_ns() : 0;
  run_tasks(thread);
  if (measuring_) busy_[static_cast<size_t>(thread)].ns = clock_ns() - begin_ns;
}

void ThreadPool::add_idle(int64_t loop_ns) noexcept {
  int64_t lost_ns = num_threads_ * loop_ns;
  for (BusyTime& busy : busy_) lost_ns -= std::exchange(busy.ns, 0);  // a thread that missed the job was idle throughout
  idle_ns_ += lost_ns;
}

void ThreadPool::wait_for_workers() noexcept {
  state_.fetch_and(~kOpen, std::memory_order_relaxed);
  const auto nobody_inside = [this] { return (state_.load(std::memory_order_acquire) & kInsideMask) == 0; };
  if (spin_until(spin_ns_, nobody_inside)) return;
  for (;;) {
    const uint32_t done = done_.load(std::memory_order_acquire);
    if (nobody_inside()) return;
    done_.wait(done, std::memory_order_acquire);
  }
}

void ThreadPool::worker_main(int thread, int cpu) noexcept {
  pthread_setname_np(pthread_self(), fmt::format("tilefit-{}", thread).c_str());
  if (cpu >= 0) pin_this_thread(cpu);
  const Membership here(this, thread);
  for (uint32_t seen = 0;;) {
    wait_for_job(seen);
    if (stop_.load(std::memory_order_relaxed)) return;
    if (!join_job(seen)) continue;
    run_measured(thread);
    const uint32_t before = state_.fetch_sub(1, std::memory_order_acq_rel);
    if ((before & (kOpen | kInsideMask)) == 1) {
      done_.fetch_add(1, std::memory_order_release);
      done_.notify_one();
    }
  }
}

void ThreadPool::wait_for_job(uint32_t seen) noexcept {
  // A worker on its way into a job may have taken the number that stop_workers() drew for that of a job it missed: it would wait for
  // the next one for ever, so the flag counts beside the number.
  const auto new_job = [&](uint32_t state) { return job_of(state) != seen || stop_.load(std::memory_order_relaxed); };
  if (spin_until(spin_ns_, [&] { return new_job(state_.load(std::memory_order_acquire)); })) return;
  for (;;) {
    const uint32_t state = state_.load(std::memory_order_acquire);
    if (new_job(state)) return;
    state_.wait(state, std::memory_order_acquire);
  }
}

bool ThreadPool::join_job(uint32_t& seen) noexcept {
  uint32_t state = state_.load(std::memory_order_relaxed);
  while (state & kOpen) {
    if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
      seen = job_of(state);
      return true;
    }
  }
  seen = job_of(state);
  return false;
}

}  // namespace tilefit
