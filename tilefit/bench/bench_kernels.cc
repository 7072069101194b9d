#include "tilefit/bench/bench_kernels.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <chrono>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/bench/bandwidth.h"
#include "tilefit/bench/kernel_cases.h"
#include "tilefit/kernels/dispatch.h"
#include "tilefit/kernels/peak.h"
#include "tilefit/tensor/tensor.h"

namespace tilefit {
namespace {

using Clock = std::chrono::steady_clock;

/// Puts the kernel tables in use back at the end. The table of Bf16 names the choice: several have the same of float.
class IsaGuard {
 public:
  IsaGuard() = default;
  IsaGuard(const IsaGuard&) = delete;
  IsaGuard& operator=(const IsaGuard&) = delete;
  ~IsaGuard() { kernels::select_isa(before_); }

 private:
  Isa before_ = kernels::table<Bf16>().isa;
};

/// One case on one instruction set.
struct Variant {
  Isa isa;
  std::function<void()> run;
  std::vector<double> seconds;
  double spent = 0;
};

bool fits(const std::string& filter, const KernelCase& c, Isa isa) {
  const std::string id = fmt::format("{}/{}/{}/{}", c.kernel, c.shape, isa_name(isa), c.dtype);
  return fnmatch(fmt::format("*{}*", filter).c_str(), id.c_str(), 0) == 0;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void measure(std::vector<Variant>& variants, double budget) {
  for (Variant& v : variants) {
    kernels::select_isa(v.isa);
    v.run();  // warms caches, pages and scratch memory
  }
  for (bool more = true; more;) {
    more = false;
    for (Variant& v : variants) {
      if (!v.seconds.empty() && v.spent >= budget) continue;
      kernels::select_isa(v.isa);
      const auto start = Clock::now();
      v.run();
      v.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
      v.spent += v.seconds.back();
      more = true;
    }
  }
}

KernelRow make_row(const KernelCase& c, const Variant& v) {
  KernelRow row;
  row.kernel = c.kernel;
  row.shape = c.shape;
  row.isa = isa_name(v.isa);
  row.dtype = c.dtype;
  row.seconds = median(v.seconds);
  row.gflops = c.flops / row.seconds / 1e9;
  row.gb_s = c.bytes / row.seconds / 1e9;
  row.intensity = c.flops / c.bytes;
  row.compute_bound = c.compute_bound;
  row.runs = std::ssize(v.seconds);
  return row;
}

/// Instruction sets that have kernels of T of their own and that this CPU has, best first.
template <class T>
std::vector<Isa> isas_of() {
  std::vector<Isa> isas;
  for (const Isa isa : kernels::available_isas()) {
    if (!isa_supported(isa)) continue;
    kernels::select_isa(isa);
    if (kernels::table<T>().isa == isa) isas.push_back(isa);
  }
  return isas;
}

/// Raises the peaks of T, adding them the first time: a peak is the best ever seen, before or after the kernels.
template <class T>
void measure_peaks(ThreadPool& pool, BenchKernelsResult& result) {
  constexpr int kRounds = 2;  // in turns
  const std::string dtype(dtype_name(dtype_of<T>()));
  for (int round = 0; round < kRounds; ++round)
    for (const Isa isa : isas_of<T>()) {
      kernels::select_isa(isa);
      const double gflops = kernels::measure_peak_gflops<T>(pool);
      const auto known = std::find_if(result.peaks.begin(), result.peaks.end(),
                                      [&](const IsaPeak& p) { return p.isa == isa_name(isa) && p.dtype == dtype; });
      if (known == result.peaks.end()) result.peaks.push_back({std::string(isa_name(isa)), dtype, gflops});
      else known->gflops = std::max(known->gflops, gflops);
    }
}

/// Measures the kernels of T on every instruction set; shares are filled in at the end.
template <class T>
void measure_kernels(ThreadPool& pool, const BenchKernelsOptions& options, std::vector<KernelRow>& rows) {
  for (const KernelCase& c : kernel_cases<T>(pool)) {
    std::vector<Variant> variants;
    for (const Isa isa : isas_of<T>()) {
      if (!fits(options.filter, c, isa)) continue;
      kernels::select_isa(isa);
      variants.push_back({isa, c.prepare(), {}, 0});
    }
    measure(variants, options.seconds);
    for (const Variant& v : variants) rows.push_back(make_row(c, v));
  }
}

void fill_shares(BenchKernelsResult& result) {
  for (KernelRow& row : result.rows) {
    if (!row.compute_bound) row.share = row.gb_s / result.bandwidth_gb_s;
    for (const IsaPeak& p : result.peaks)
      if (row.compute_bound && p.isa == row.isa && p.dtype == row.dtype) row.share = row.gflops / p.gflops;
  }
}

}  // namespace

BenchKernelsResult bench_kernels(ThreadPool& pool, const BenchMachine& machine, const BenchKernelsOptions& options) {
  const IsaGuard guard;
  BenchKernelsResult result;
  // Limits are measured before and after: on a shared machine either may come at a bad moment.
  const auto measure_limits = [&] {
    measure_peaks<float>(pool, result);
    measure_peaks<Bf16>(pool, result);
    kernels::select_isa(isas_of<float>().front());
    result.l2_gb_s = std::max(result.l2_gb_s, measure_l2_gb_s(pool, machine.topology.l2_bytes));
    result.bandwidth_gb_s = std::max(result.bandwidth_gb_s, measure_memory_gb_s(pool));
  };
  measure_limits();
  measure_kernels<float>(pool, options, result.rows);
  measure_kernels<Bf16>(pool, options, result.rows);
  if (result.rows.empty())
    throw Error(Code::kUsage, fmt::format("no kernel fits --filter '{}'", options.filter), "bench kernels",
                "'gemm_*', 'adamw', '*/avx2/*': names are kernel/shape/isa/dtype");
  measure_limits();
  fill_shares(result);
  return result;
}

Json bench_kernels_json(const BenchKernelsResult& result, const BenchMachine& machine) {
  Json peaks = Json::array(), rows = Json::array();
  for (const IsaPeak& p : result.peaks) peaks.push_back({{"isa", p.isa}, {"dtype", p.dtype}, {"gflops", p.gflops}});
  for (const KernelRow& r : result.rows)
    rows.push_back({{"kernel", r.kernel},
                    {"isa", r.isa},
                    {"dtype", r.dtype},
                    {"shape", r.shape},
                    {"seconds", r.seconds},
                    {"gflops", r.gflops},
                    {"gb_s", r.gb_s},
                    {"intensity", r.intensity},
                    {"share", r.share},
                    {"share_of", r.compute_bound ? "peak" : "bandwidth"},
                    {"runs", r.runs}});
  return {{"machine", machine_json(machine)},        {"peak_gflops", result.peak_gflops()}, {"peaks", std::move(peaks)},
          {"bandwidth_gb_s", result.bandwidth_gb_s}, {"l2_gb_s", result.l2_gb_s},           {"rows", std::move(rows)}};
}

std::string bench_kernels_text(const BenchKernelsResult& result, const BenchMachine& machine) {
  constexpr const char* kLine = "{:<22}{:<41}{:<13}{:<10}{:>10}{:>10}{:>9}{:>10}\n";
  std::string text = machine_text(machine) + "\n";
  for (const IsaPeak& p : result.peaks) text += fmt::format("peak {:<12} {:<9} {:9.1f} GFLOP/s\n", p.isa, p.dtype, p.gflops);
  text += fmt::format("memory bandwidth (triad) {:7.1f} GB/s\nL2 bandwidth (y += x)    {:7.1f} GB/s\n\n",
                      result.bandwidth_gb_s, result.l2_gb_s);
  const std::string head = fmt::format(kLine, "kernel", "shape", "isa", "dtype", "ms", "GFLOP/s", "GB/s", "share");
  text += head + std::string(head.size() - 1, '-') + "\n";
  for (const KernelRow& r : result.rows)
    text += fmt::format(kLine, r.kernel, r.shape, r.isa, r.dtype, fmt::format("{:.3f}", 1e3 * r.seconds),
                        r.gflops > 0 ? fmt::format("{:.1f}", r.gflops) : "", fmt::format("{:.1f}", r.gb_s),
                        fmt::format("{:.1f} %", 100 * r.share));
  return text +
         "share: of the instruction set's own peak for gemm and attention, of the memory bandwidth for all others (more "
         "than "
         "100 %: from cache)\n";
}

}  // namespace tilefit
