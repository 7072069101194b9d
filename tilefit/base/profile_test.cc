#include "tilefit/base/profile.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "tilefit/base/json.h"

namespace tilefit {
namespace {

constexpr Phase kStep{"step"};
constexpr Phase kForward{"qkv", "forward", PhaseCategory::kGemm};

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

TEST(Profile, NothingHappensWithoutOne) {
  ProfileScope scope(nullptr, kStep);
  scope.end();
  EXPECT_EQ(profiled(nullptr, kStep, {}, [] { return 7; }), 7);
}

TEST(Profile, SelfTimesLeaveOutInnerPhasesAndAddUp) {
  Profile profile;
  for (int i = 0; i < 3; ++i) {
    const ProfileScope step(&profile, kStep);
    sleep_ms(2);
    for (int j = 0; j < 2; ++j) {
      const ProfileScope inner(&profile, kForward, {100, 8});
      sleep_ms(3);
    }
  }
  const PhaseTotal& step = *profile.find("step");
  const PhaseTotal& inner = *profile.find("qkv forward");
  EXPECT_EQ(step.calls, 3);
  EXPECT_EQ(inner.calls, 6);
  EXPECT_EQ(inner.category, PhaseCategory::kGemm);
  EXPECT_EQ(inner.work.flops, 600);
  EXPECT_EQ(inner.work.bytes, 48);
  EXPECT_EQ(inner.self_ns, inner.total_ns);
  EXPECT_EQ(step.self_ns + inner.self_ns, step.total_ns);
  EXPECT_GE(inner.self_ns, 6 * 3'000'000);
  EXPECT_GE(step.self_ns, 3 * 2'000'000);
  EXPECT_EQ(profile.find("qkv"), nullptr);

  profile.reset();
  EXPECT_EQ(profile.phases().size(), 2u);
  EXPECT_EQ(step.calls + step.total_ns + inner.calls + inner.self_ns, 0);
  EXPECT_EQ(inner.work.flops, 0);
}

TEST(Profile, EqualTextsAtOtherAddressesAreOnePhase) {
  const std::string subject = "qkv", part = "forward";
  Profile profile;
  ProfileScope(&profile, kForward).end();
  ProfileScope(&profile, {subject.c_str(), part.c_str(), PhaseCategory::kGemm}).end();
  ASSERT_EQ(profile.phases().size(), 1u);
  EXPECT_EQ(profile.phases()[0].calls, 2);
}

TEST(Profile, IdleTimeBelongsToTheInnermostPhase) {
  int64_t idle = 50;
  Profile profile;
  profile.watch_idle(&idle);
  {
    const ProfileScope step(&profile, kStep);
    idle += 1;
    {
      const ProfileScope inner(&profile, kForward);
      idle += 10;
    }
    idle += 100;
  }
  EXPECT_EQ(profile.find("step")->idle_ns, 101);
  EXPECT_EQ(profile.find("qkv forward")->idle_ns, 10);
}

TEST(Profile, KeepsTheFirstSpansOnly) {
  Profile profile(3);
  for (int i = 0; i < 3; ++i) {
    const ProfileScope step(&profile, kStep);
    const ProfileScope inner(&profile, kForward);
  }
  EXPECT_EQ(profile.spans().size(), 3u);
  EXPECT_EQ(profile.spans_dropped(), 3);
  EXPECT_EQ(profile.find("step")->calls, 3);

  Profile open(3);
  const ProfileScope step(&open, kStep);
  ProfileScope(&open, kForward).end();
  ASSERT_EQ(open.spans().size(), 1u) << "an open phase is no span yet";
  EXPECT_EQ(open.phases()[static_cast<size_t>(open.spans()[0].phase)].name, "qkv forward");
}

TEST(Profile, TraceIsJsonWhoseSpansNest) {
  Profile profile(100);
  for (int i = 0; i < 2; ++i) {
    const ProfileScope step(&profile, kStep);
    for (int j = 0; j < 2; ++j) {
      const ProfileScope inner(&profile, kForward);
      sleep_ms(1);
    }
  }
  const Json trace = parse_json(dump_json(chrome_trace(profile, "tilefit"), -1), "trace");
  const Json& events = trace["traceEvents"];
  ASSERT_EQ(events.size(), 2u + 6u);
  EXPECT_EQ(events[0]["name"], "process_name");
  EXPECT_EQ(events[0]["args"]["name"], "tilefit");
  EXPECT_EQ(events[1]["name"], "thread_name");
  double last_begin = 0, step_end = 0;
  for (size_t i = 2; i < events.size(); ++i) {
    const Json& e = events[i];
    EXPECT_EQ(e["ph"], "X");
    EXPECT_EQ(e["tid"], events[1]["tid"]);
    const double begin = e["ts"], end = begin + e["dur"].get<double>();
    EXPECT_GE(begin, last_begin);
    last_begin = begin;
    if (e["name"] == "step") {
      EXPECT_GE(begin, step_end) << "steps follow each other";
      step_end = end;
    } else {
      EXPECT_EQ(e["cat"], "gemm");
      EXPECT_LE(end, step_end + 1e-3) << "an inner span ends with the outer one at the latest";
      EXPECT_GE(e["dur"].get<double>(), 1000);
    }
  }
}

}  // namespace
}  // namespace tilefit
