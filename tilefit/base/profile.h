// Where the time of a step goes: named phases with wall time, calls, work and lost thread time, and on request the single spans.
// A Profile is handed on by pointer; a null pointer switches measuring off at the cost of one test. Belongs to one thread, the one
// that runs the step: what worker threads do shows as the phase that waits for them. No global state.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tilefit/base/json_fwd.h"

namespace tilefit {

enum class PhaseCategory : uint8_t { kGemm, kAttention, kRows, kOptimizer, kData, kOther };

/// "gemm", "attention", "rows", "optimizer", "data", "other".
std::string_view category_name(PhaseCategory category) noexcept;

/// What a phase is called: "qkv" "forward", or one word alone. The texts live as long as the program (literals). Equal texts are one phase.
struct Phase {
  const char* subject;
  const char* part = nullptr;
  PhaseCategory category = PhaseCategory::kOther;
};

/// What a call had to do: useful floating-point operations, and bytes that it must read and write at least once.
struct PhaseWork {
  double flops = 0, bytes = 0;
};

/// The sums of one phase. Self time leaves out the phases inside it, so self times add up to the outermost phases' totals.
struct PhaseTotal {
  std::string name;  ///< "qkv forward"
  PhaseCategory category = PhaseCategory::kOther;
  int64_t calls = 0;
  int64_t self_ns = 0, total_ns = 0;
  int64_t idle_ns = 0;  ///< thread time lost in self time: see Profile::watch_idle
  PhaseWork work;
};

/// One run of a phase; times since the profile was made.
struct PhaseSpan {
  int32_t phase = 0;  ///< index in Profile::phases()
  int64_t begin_ns = 0, end_ns = 0;
};

class Profile {
 public:
  static constexpr int kMaxDepth = 16;

  /// max_spans: how many spans are kept, the first ones; 0: none. Their memory is taken here.
  explicit Profile(int64_t max_spans = 0);
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// idle_ns: a counter of lost thread time that only grows (ThreadPool::idle_ns), read when phases begin and end; null: none.
  void watch_idle(const int64_t* idle_ns) noexcept { idle_ns_ = idle_ns; }

  /// Sets all sums to zero, between phases. Phases and spans stay.
  void reset() noexcept;

  /// In order of first use. A phase that ran the first time takes memory; later ones do not.
  const std::vector<PhaseTotal>& phases() const noexcept { return phases_; }
  /// The sums of the phase of that name; null when it never ran.
  const PhaseTotal* find(std::string_view name) const noexcept;

  /// The first spans, in order of their beginning; those of open phases are left out.
  std::vector<PhaseSpan> spans() const;
  /// Spans that found no room.
  int64_t spans_dropped() const noexcept { return spans_dropped_; }

 private:
  friend class ProfileScope;
  struct Frame {
    int32_t phase;
    int64_t span;  ///< index, or -1
    int64_t begin_ns, idle_begin_ns;
    int64_t inner_ns, inner_idle_ns;  ///< of the phases inside
  };
  /// A pair of literals seen before: the same text may have several addresses.
  struct Alias {
    const char *subject = nullptr, *part = nullptr;
    int32_t phase = 0;
  };

  void begin(const Phase& phase, const PhaseWork& work);
  void end() noexcept;
  int32_t index_of(const Phase& phase);
  int64_t now_ns() const noexcept;

  const int64_t start_ns_;
  const int64_t* idle_ns_ = nullptr;
  std::vector<PhaseTotal> phases_;
  std::array<Alias, 512> aliases_;  ///< hash table with open addressing
  std::array<Frame, kMaxDepth> stack_;
  int depth_ = 0;
  std::vector<PhaseSpan> spans_;
  int64_t max_spans_, spans_dropped_ = 0;
};

/// A phase that lasts as long as this object, or until end(). Scopes end in reverse order of their beginning.
class [[nodiscard]] ProfileScope {
 public:
  ProfileScope(Profile* profile, const Phase& phase, const PhaseWork& work = {}) : profile_(profile) {
    if (profile_) profile_->begin(phase, work);
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;
  ~ProfileScope() { end(); }

  void end() noexcept {
    if (profile_) profile_->end();
    profile_ = nullptr;
  }

 private:
  Profile* profile_;
};

/// The result of body(), which runs as a phase.
template <class Body>
decltype(auto) profiled(Profile* profile, const Phase& phase, const PhaseWork& work, Body&& body) {
  const ProfileScope scope(profile, phase, work);
  return body();
}

/// The kept spans in the trace event format of Chrome, which ui.perfetto.dev reads: complete events ("ph": "X") on one thread, times in
/// microseconds. process: name of the process shown.
Json chrome_trace(const Profile& profile, const std::string& process);

}  // namespace tilefit
