#include "tilefit/base/profile.h"

#include <chrono>
#include <cstring>

#include "tilefit/base/check.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

int64_t clock_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string name_of(const Phase& phase) {
  return phase.part ? std::string(phase.subject) + " " + phase.part : std::string(phase.subject);
}

size_t hash_of(const Phase& phase) noexcept {
  const auto a = reinterpret_cast<uintptr_t>(phase.subject), b = reinterpret_cast<uintptr_t>(phase.part);
  return static_cast<size_t>((a * 31 + b) * 0x9E3779B97F4A7C15u >> 40);
}

}  // namespace

std::string_view category_name(PhaseCategory category) noexcept {
  switch (category) {
    case PhaseCategory::kGemm: return "gemm";
    case PhaseCategory::kAttention: return "attention";
    case PhaseCategory::kRows: return "rows";
    case PhaseCategory::kOptimizer: return "optimizer";
    case PhaseCategory::kData: return "data";
    case PhaseCategory::kOther: break;
  }
  return "other";
}

Profile::Profile(int64_t max_spans) : start_ns_(clock_ns()), max_spans_(max_spans) {
  spans_.reserve(static_cast<size_t>(max_spans));
}

int64_t Profile::now_ns() const noexcept { return clock_ns() - start_ns_; }

void Profile::reset() noexcept {
  for (PhaseTotal& total : phases_) {
    total.calls = total.self_ns = total.total_ns = total.idle_ns = 0;
    total.work = {};
  }
}

const PhaseTotal* Profile::find(std::string_view name) const noexcept {
  for (const PhaseTotal& total : phases_)
    if (total.name == name) return &total;
  return nullptr;
}

std::vector<PhaseSpan> Profile::spans() const {
  std::vector<PhaseSpan> closed;
  for (const PhaseSpan& span : spans_)
    if (span.end_ns >= 0) closed.push_back(span);
  return closed;
}

int32_t Profile::index_of(const Phase& phase) {
  size_t at = hash_of(phase) % aliases_.size();
  for (size_t looked = 0; aliases_[at].subject; at = (at + 1) % aliases_.size()) {
    if (aliases_[at].subject == phase.subject && aliases_[at].part == phase.part) return aliases_[at].phase;
    TF_CHECK(++looked < aliases_.size() - 1, "more than {} phase names", looked);
  }
  const std::string name = name_of(phase);
  size_t index = 0;
  while (index < phases_.size() && phases_[index].name != name) ++index;
  if (index == phases_.size()) {
    phases_.emplace_back();
    phases_.back().name = name;
    phases_.back().category = phase.category;
  }
  aliases_[at] = {phase.subject, phase.part, static_cast<int32_t>(index)};
  return aliases_[at].phase;
}

void Profile::begin(const Phase& phase, const PhaseWork& work) {
  TF_CHECK(depth_ < kMaxDepth, "phases nest deeper than {}", kMaxDepth);
  const int32_t index = index_of(phase);
  PhaseTotal& total = phases_[static_cast<size_t>(index)];
  ++total.calls;
  total.work.flops += work.flops;
  total.work.bytes += work.bytes;
  Frame& frame = stack_[static_cast<size_t>(depth_++)];
  const bool keep = static_cast<int64_t>(spans_.size()) < max_spans_;
  frame = {index, keep ? static_cast<int64_t>(spans_.size()) : -1, 0, idle_ns_ ? *idle_ns_ : 0, 0, 0};
  frame.begin_ns = now_ns();
  if (keep) spans_.push_back({index, frame.begin_ns, -1});
  else if (max_spans_ > 0) ++spans_dropped_;
}

void Profile::end() noexcept {
  const int64_t now = now_ns();
  const Frame& frame = stack_[static_cast<size_t>(--depth_)];
  const int64_t total_ns = now - frame.begin_ns, idle_ns = (idle_ns_ ? *idle_ns_ : 0) - frame.idle_begin_ns;
  PhaseTotal& total = phases_[static_cast<size_t>(frame.phase)];
  total.total_ns += total_ns;
  total.self_ns += total_ns - frame.inner_ns;
  total.idle_ns += idle_ns - frame.inner_idle_ns;
  if (frame.span >= 0) spans_[static_cast<size_t>(frame.span)].end_ns = now;
  if (depth_ > 0) {
    Frame& outer = stack_[static_cast<size_t>(depth_ - 1)];
    outer.inner_ns += total_ns;
    outer.inner_idle_ns += idle_ns;
  }
}

Json chrome_trace(const Profile& profile, const std::string& process) {
  constexpr int kPid = 1, kTid = 1;
  const auto name_event = [&](const char* what, const std::string& name) {
    return Json{{"name", what}, {"ph", "M"}, {"pid", kPid}, {"tid", kTid}, {"args", {{"name", name}}}};
  };
  Json events = Json::array({name_event("process_name", process), name_event("thread_name", "step")});
  const std::vector<PhaseSpan> spans = profile.spans();
  for (const PhaseSpan& span : spans) {
    const PhaseTotal& phase = profile.phases()[static_cast<size_t>(span.phase)];
    events.push_back({{"name", phase.name},
                      {"cat", category_name(phase.category)},
                      {"ph", "X"},
                      {"ts", static_cast<double>(span.begin_ns) / 1e3},
                      {"dur", static_cast<double>(span.end_ns - span.begin_ns) / 1e3},
                      {"pid", kPid},
                      {"tid", kTid}});
  }
  return {{"traceEvents", std::move(events)},
          {"displayTimeUnit", "ms"},
          {"otherData", {{"spans", spans.size()}, {"spans_left_out", profile.spans_dropped()}}}};
}

}  // namespace tilefit
