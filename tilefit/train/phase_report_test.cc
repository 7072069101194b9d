#include "tilefit/train/phase_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

using ::testing::HasSubstr;

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

/// Two steps of a product (with lost thread time), a row pass and something without a phase.
void run_steps(Profile& profile, int64_t& idle_ns) {
  for (int i = 0; i < 2; ++i) {
    const ProfileScope step(&profile, kStepPhase);
    for (int j = 0; j < 2; ++j) {
      const ProfileScope product(&profile, {"qkv", "forward", PhaseCategory::kGemm}, {1e6, 0});
      sleep_ms(4);
      idle_ns += 2'000'000;  // of two threads' 8 ms
    }
    profiled(&profile, {"dropout", nullptr, PhaseCategory::kRows}, {0, 5e5}, [] { sleep_ms(2); });
    sleep_ms(1);
  }
}

TEST(PhaseReport, SharesAddUpAndFiguresAreOfAStep) {
  Profile profile;
  int64_t idle_ns = 0;
  profile.watch_idle(&idle_ns);
  run_steps(profile, idle_ns);
  const PhaseReport r = make_phase_report(profile, 2, 1.0);
  ASSERT_EQ(r.rows.size(), 2u);
  EXPECT_EQ(r.steps, 2);
  const PhaseRow &product = r.rows[0], &dropout = r.rows[1];
  EXPECT_EQ(product.name, "qkv forward");
  EXPECT_EQ(product.calls, 2);
  EXPECT_GE(product.seconds, 0.008);
  EXPECT_NEAR(product.gflops, 2e6 / product.seconds / 1e9, 1e-9);
  EXPECT_NEAR(product.share_of_peak, product.gflops, 1e-12);
  EXPECT_NEAR(product.idle_share, 0.002 / product.seconds, 1e-9);
  EXPECT_NEAR(dropout.gb_s, 5e5 / dropout.seconds / 1e9, 1e-9);
  EXPECT_EQ(dropout.gflops, 0);
  EXPECT_NEAR(r.idle_share, 0.002 / r.step_s, 1e-9);
  EXPECT_NEAR(product.share + dropout.share + r.idle_share + r.other_share, 1, 1e-9);
  EXPECT_GE(r.other_share * r.step_s, 0.001);

  const Json json = phase_report_json(r);
  EXPECT_EQ(json["phases"][0]["category"], "gemm");
  EXPECT_TRUE(json["phases"][0].contains("share_of_peak"));
  EXPECT_FALSE(json["phases"][1].contains("gflops"));
  EXPECT_TRUE(json["phases"][1].contains("gb_s"));
  const std::string text = phase_report_text(r);
  for (const char* part : {"qkv forward", "dropout", "idle (threads waiting)", "mean of 2 steps; gemm "})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(PhaseReport, OfAProfileWithoutStepsIsEmpty) {
  const PhaseReport r = make_phase_report(Profile(), 2, 100);
  EXPECT_EQ(r.steps, 0);
  EXPECT_TRUE(r.rows.empty());
  EXPECT_THAT(phase_report_text(r), HasSubstr("mean of 0 steps"));
}

TEST(PhaseReport, TraceSaysHowManyStepsItHolds) {
  const test::TempDir directory;
  ThreadPool pool(1);
  Profile profile(4);  // as many as one of the two steps has
  int64_t idle_ns = 0;
  run_steps(profile, idle_ns);
  EXPECT_THAT(write_profile(profile, pool, DType::kF32, directory.path()),
              HasSubstr("holds the spans of the first 1 of 2 steps"));
  const Json trace = read_json_file(directory / "trace.json");
  EXPECT_EQ(trace["traceEvents"].size(), 2u + 4u);
  EXPECT_EQ(trace["otherData"]["spans_left_out"], 4);
}

}  // namespace
}  // namespace tilefit
