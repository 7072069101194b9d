// What a profile of training steps says, as a table, as JSON and as files: where the time of a step went, how fast each phase was, and
// how much thread time was lost waiting. Phases are timed by nn/ and the trainer; here they are only added up.
#pragma once
#include <string>
#include <vector>

#include "tilefit/base/json_fwd.h"
#include "tilefit/base/profile.h"
#include "tilefit/cpu/thread_pool.h"
#include "tilefit/tensor/dtype.h"

namespace tilefit {

/// The phase around a whole optimizer step; all others are inside.
inline constexpr Phase kStepPhase{"step"};

/// One phase; times and calls are per step.
struct PhaseRow {
  std::string name;
  PhaseCategory category = PhaseCategory::kOther;
  double calls = 0;
  double seconds = 0;        ///< wall time without the phases inside
  double share = 0;          ///< of the step's thread time: what threads spent working in it
  double idle_share = 0;     ///< of the phase's thread time: what threads lost waiting for the last task
  double gflops = 0;         ///< 0: no arithmetic counted
  double share_of_peak = 0;  ///< gflops / peak
  double gb_s = 0;           ///< bytes at least read and written per second, 1e9; 0: not counted
};

/// Shares of rows, idle and other add up to 1.
struct PhaseReport {
  int64_t steps = 0;
  double step_s = 0;           ///< mean
  double peak_gflops = 0;      ///< 0: not known
  double idle_share = 0;       ///< thread time lost waiting in parallel loops
  double other_share = 0;      ///< the rest of the step: time in no phase
  std::vector<PhaseRow> rows;  ///< longest first
};

/// Adds up the steps of a profile whose outermost phase is kStepPhase. threads: of the pool whose idle time the profile watched.
PhaseReport make_phase_report(const Profile& profile, int threads, double peak_gflops);

/// {"phases": [{name, category, seconds, share, calls, idle_share, gflops, share_of_peak, gb_s}, ...], "idle": {seconds, share},
/// "other": {seconds, share}, "profiled_steps", "profiled_step_s"}; figures that a phase has not are left out.
Json phase_report_json(const PhaseReport& report);

/// The same as a table, with a line of shares by category.
std::string phase_report_text(const PhaseReport& report);

/// The multiply-add peak that products of `dtype` (kF32, kBF16) are measured against: kernels::measure_peak_gflops of that type.
double measure_peak_gflops(ThreadPool& pool, DType dtype);

/// Measures the peak for a run in `dtype`, writes directory/trace.json (chrome_trace) and returns the table with a line that names the file and says how many
/// steps it holds. Throws Error as write_file_atomic.
std::string write_profile(const Profile& profile, ThreadPool& pool, DType dtype, const std::string& directory);

}  // namespace tilefit
