#include "tilefit/bench/bench_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "tilefit/base/files.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

constexpr int kFormat = 1;

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(now));
}

const char* compiler() {
#ifdef __clang__
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

/// "gemm_forward ffn_in" of "gemm_forward" and "distilbert-ffn_in-768x3072-m6144".
std::string short_label(const KernelRow& row) {
  const size_t layer = row.shape.find('-');
  std::string label = row.kernel;
  if (row.kernel.starts_with("gemm_") && layer != std::string::npos)
    label = row.kernel.substr(5) + " " + row.shape.substr(layer + 1, row.shape.find('-', layer + 1) - layer - 1);
  for (char& c : label)
    if (c == '_') c = ' ';
  return label;
}

/// Whether a row is drawn: at every shape dots would lie upon each other.
bool is_drawn(const KernelRow& row, const IsaPeak& best) {
  if (row.isa != best.isa || row.dtype != best.dtype || row.gflops <= 0) return false;
  const bool named = row.kernel.starts_with("attention") || row.shape.find("ffn_in") != std::string::npos;
  if (row.dtype != "float32" && !(row.compute_bound && named)) return false;
  return row.shape.find("minilm") == std::string::npos && row.shape.find("-m2048") == std::string::npos;
}

}  // namespace

Roofline make_roofline(const BenchKernelsResult& result, const std::string& title, const std::string& subtitle) {
  Roofline r;
  r.title = title;
  r.subtitle = subtitle;
  r.memory_gb_s = result.bandwidth_gb_s;
  r.l2_gb_s = result.l2_gb_s;
  r.groups = {"matrix products", "attention", "rows and optimizer", "in bfloat16"};
  // The best instruction set of an element type is the first that was measured.
  std::vector<const IsaPeak*> best;
  for (const IsaPeak& p : result.peaks)
    if (std::none_of(best.begin(), best.end(), [&](const IsaPeak* b) { return b->dtype == p.dtype; })) best.push_back(&p);
  for (const IsaPeak* peak : best) r.peaks.push_back({peak->isa + " " + peak->dtype + " peak", peak->gflops});
  for (const KernelRow& row : result.rows)
    for (const IsaPeak* peak : best) {
      if (!is_drawn(row, *peak)) continue;
      const bool narrow = row.dtype != "float32";
      r.dots.push_back({short_label(row) + (narrow ? " bf16" : ""),
                        fmt::format("{} {} {} {}: {:.1f} GFLOP/s, {:.1f} GB/s", row.kernel, row.shape, row.isa, row.dtype,
                                    row.gflops, row.gb_s),
                        row.intensity, row.gflops,
                        narrow                                ? 3
                        : row.kernel.starts_with("gemm")      ? 0
                        : row.kernel.starts_with("attention") ? 1
                                                              : 2});
    }
  return r;
}

Json bench_report(ThreadPool& pool, const BenchMachine& machine, const BenchReportOptions& options) {
  const auto say = [&](const std::string& line) {
    if (options.progress) options.progress(line + "\n");
  };
  make_directories(options.out);  // a bad directory shows before minutes of measuring
  Json report = {{"format", kFormat},
                 {"date", utc_now()},
                 {"versions", {{"tilefit", TILEFIT_VERSION}, {"compiler", compiler()}}},
                 {"machine", machine_json(machine)}};
  say("kernels");
  const BenchKernelsResult kernels = bench_kernels(pool, machine, options.kernels);
  report["kernels"] = bench_kernels_json(kernels, machine);
  report["steps"] = Json::array();
  for (const std::string& config : options.configs)
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      say(fmt::format("training step of {} in {}", config, dtype_name(dtype)));
      BenchStepOptions step = options.step;
      step.config = config;
      step.dtype = dtype;
      Json entry = {{"config", config}, {"dtype", dtype_name(dtype)}, {"batch_size", step.batch_size}};
      entry.update(bench_step_json(bench_step(pool, step)));
      report["steps"].push_back(std::move(entry));
    }
  say("data");
  report["data"] = bench_data_json(bench_data(pool, options.data));

  const std::string subtitle =
      fmt::format("{}; tilefit {}, {}", machine_text(machine), TILEFIT_VERSION, report["date"].get<std::string>());
  write_file_atomic(options.out + "/roofline.svg",
                    roofline_svg(make_roofline(kernels, "Roofline of tilefit's kernels", subtitle)));
  write_file_atomic(options.out + "/tilefit-report.json", dump_json(report, 2) + "\n");
  return report;
}

}  // namespace tilefit
