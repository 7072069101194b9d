#include "tilefit/train/phase_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tilefit/base/bf16.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/kernels/peak.h"

namespace tilefit {
namespace {

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

/// "gemm 71.2 %, attention 9.1 %, ...", largest first.
std::string category_line(const PhaseReport& report) {
  constexpr size_t kCategories = static_cast<size_t>(PhaseCategory::kOther) + 1;
  std::array<std::pair<double, std::string_view>, kCategories + 1> shares;
  for (size_t c = 0; c < kCategories; ++c) shares[c] = {0, category_name(static_cast<PhaseCategory>(c))};
  for (const PhaseRow& row : report.rows) shares[static_cast<size_t>(row.category)].first += row.share;
  shares[kCategories - 1].first += report.other_share;
  shares[kCategories] = {report.idle_share, "idle"};
  std::stable_sort(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string line;
  for (const auto& [share, name] : shares) line += fmt::format("{}{} {}", line.empty() ? "" : ", ", name, percent(share));
  return line;
}

}  // namespace

PhaseReport make_phase_report(const Profile& profile, int threads, double peak_gflops) {
  PhaseReport report;
  report.peak_gflops = peak_gflops;
  const PhaseTotal* const step = profile.find(kStepPhase.subject);
  if (!step || step->calls == 0) return report;
  report.steps = step->calls;
  const auto steps = static_cast<double>(step->calls), total_ns = static_cast<double>(step->total_ns);
  report.step_s = total_ns / steps / 1e9;
  double idle_ns = 0;
  for (const PhaseTotal& phase : profile.phases()) {
    if (phase.calls == 0) continue;
    const auto self_ns = static_cast<double>(std::max<int64_t>(1, phase.self_ns));
    const double lost_ns = static_cast<double>(phase.idle_ns) / threads;
    idle_ns += lost_ns;
    if (&phase == step) {
      report.other_share = (self_ns - lost_ns) / total_ns;
      continue;
    }
    PhaseRow row;
    row.name = phase.name;
    row.category = phase.category;
    row.calls = static_cast<double>(phase.calls) / steps;
    row.seconds = self_ns / steps / 1e9;
    row.share = (self_ns - lost_ns) / total_ns;
    row.idle_share = lost_ns / self_ns;
    row.gflops = phase.work.flops / self_ns;
    row.share_of_peak = peak_gflops > 0 ? row.gflops / peak_gflops : 0;
    row.gb_s = phase.work.bytes / self_ns;
    report.rows.push_back(std::move(row));
  }
  report.idle_share = idle_ns / total_ns;
  std::stable_sort(report.rows.begin(), report.rows.end(),
                   [](const PhaseRow& a, const PhaseRow& b) { return a.seconds > b.seconds; });
  return report;
}

Json phase_report_json(const PhaseReport& report) {
  Json rows = Json::array();
  for (const PhaseRow& row : report.rows) {
    Json r = {{"name", row.name},       {"category", category_name(row.category)},
              {"seconds", row.seconds}, {"share", row.share},
              {"calls", row.calls},     {"idle_share", row.idle_share}};
    if (row.gflops > 0) {
      r["gflops"] = row.gflops;
      if (report.peak_gflops > 0) r["share_of_peak"] = row.share_of_peak;
    }
    if (row.gb_s > 0) r["gb_s"] = row.gb_s;
    rows.push_back(std::move(r));
  }
  const auto part = [&](double share) { return Json{{"seconds", share * report.step_s}, {"share", share}}; };
  return {{"phases", std::move(rows)},
          {"idle", part(report.idle_share)},
          {"other", part(report.other_share)},
          {"profiled_steps", report.steps},
          {"profiled_step_s", report.step_s}};
}

std::string phase_report_text(const PhaseReport& report) {
  constexpr const char* kLine = "{:<24}{:<11}{:>7}{:>10}{:>9}{:>9}{:>10}{:>9}{:>8}\n";
  std::string text =
      fmt::format(kLine, "phase", "category", "calls", "ms", "share", "waiting", "GFLOP/s", "of peak", "GB/s");
  text += std::string(text.size() - 1, '-') + "\n";
  for (const PhaseRow& row : report.rows)
    text += fmt::format(kLine, row.name, category_name(row.category), fmt::format("{:.4g}", row.calls),
                        fmt::format("{:.2f}", 1e3 * row.seconds), percent(row.share), percent(row.idle_share),
                        row.gflops > 0 ? fmt::format("{:.1f}", row.gflops) : "",
                        row.gflops > 0 && report.peak_gflops > 0 ? percent(row.share_of_peak) : "",
                        row.gb_s > 0 ? fmt::format("{:.1f}", row.gb_s) : "");
  const auto rest = [&](const char* name, double share) {
    text +=
        fmt::format(kLine, name, "", "", fmt::format("{:.2f}", 1e3 * share * report.step_s), percent(share), "", "", "", "");
  };
  rest("other", report.other_share);
  rest("idle (threads waiting)", report.idle_share);
  rest("step", 1);
  return text + fmt::format("mean of {} steps; {}\n", report.steps, category_line(report));
}

double measure_peak_gflops(ThreadPool& pool, DType dtype) {
  return dtype == DType::kBF16 ? kernels::measure_peak_gflops<Bf16>(pool) : kernels::measure_peak_gflops<float>(pool);
}

std::string write_profile(const Profile& profile, ThreadPool& pool, DType dtype, const std::string& directory) {
  const double peak_gflops = measure_peak_gflops(pool, dtype);
  const std::string path = directory + "/trace.json";
  write_file_atomic(path, dump_json(chrome_trace(profile, "tilefit"), -1) + "\n");
  int64_t traced = 0;
  for (const PhaseSpan& span : profile.spans())
    traced += profile.phases()[static_cast<size_t>(span.phase)].name == kStepPhase.subject;
  const PhaseReport report = make_phase_report(profile, pool.num_threads(), peak_gflops);
  return "***** time of a training step *****\n" + phase_report_text(report) +
         fmt::format("{} holds the spans of the first {} of {} steps, for ui.perfetto.dev\n", path, traced, report.steps);
}

}  // namespace tilefit
