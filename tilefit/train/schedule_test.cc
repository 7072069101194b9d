#include "tilefit/train/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tilefit/base/json.h"

namespace tilefit {
namespace {

using test::error_message;
using ::testing::HasSubstr;

TEST(Schedule, EveryReferenceScheduleToTheLastDigits) {
  const auto path = test::golden("training/schedules.json");
  if (!path) GTEST_SKIP() << "training/schedules.json is not in the compact reference set";
  int checked = 0;
  const Json file = read_json_file(*path);
  for (const Json& golden : file["schedules"]) {
    if (!golden.contains("lr_used_at_step")) continue;
    const std::string name = golden["name"];
    const Schedule schedule(name, golden["base_lr"], golden["warmup"], golden["total"], golden["kwargs"]);
    const auto& rates = golden["lr_used_at_step"];
    for (size_t step = 0; step < rates.size(); ++step) {
      const double expected = rates[step];
      EXPECT_NEAR(schedule.rate(static_cast<int64_t>(step)), expected, 1e-12 * expected + 1e-19) << name << " step " << step;
      ++checked;
    }
  }
  EXPECT_GT(checked, 100);
}

TEST(Schedule, LinearWithoutAnyReference) {
  const Schedule schedule("linear", 1.0, 2, 10, Json());
  EXPECT_DOUBLE_EQ(schedule.rate(0), 0);
  EXPECT_DOUBLE_EQ(schedule.rate(1), 0.5);
  EXPECT_DOUBLE_EQ(schedule.rate(2), 1);
  EXPECT_DOUBLE_EQ(schedule.rate(6), 0.5);
  EXPECT_DOUBLE_EQ(schedule.rate(10), 0);
  EXPECT_DOUBLE_EQ(schedule.rate(11), 0);
}

TEST(Schedule, WarmupStableDecayRamps) {
  const Schedule schedule(
      "warmup_stable_decay", 1.0, 4, 20,
      Json{{"num_decay_steps", 8}, {"warmup_type", "1-sqrt"}, {"decay_type", "linear"}, {"min_lr_ratio", 0.1}});
  EXPECT_DOUBLE_EQ(schedule.rate(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.rate(3), (1 - 0.5) * 0.9 + 0.1);
  EXPECT_DOUBLE_EQ(schedule.rate(11), 1);
  EXPECT_DOUBLE_EQ(schedule.rate(16), 0.5 * 0.9 + 0.1);
  EXPECT_DOUBLE_EQ(schedule.rate(20), 0.1);
}

TEST(Schedule, WarmupStepsAndRatio) {
  EXPECT_EQ(num_warmup_steps(0, 0, 100), 0);
  EXPECT_EQ(num_warmup_steps(7, 0.5, 100), 7);
  EXPECT_EQ(num_warmup_steps(0, 0.06, 101), 7);  // rounded up
  EXPECT_EQ(num_warmup_steps(0.1, 0, 1383), 139);
}

TEST(Schedule, ErrorsSayWhatIsAllowed) {
  const auto message = [](const std::string& name, const Json& kwargs) {
    return error_message([&] { Schedule(name, 1e-3, 0, 10, kwargs); });
  };
  EXPECT_THAT(message("linaer", Json()), HasSubstr("unknown learning-rate schedule 'linaer'"));
  EXPECT_THAT(message("linaer", Json()), HasSubstr("polynomial"));
  EXPECT_EQ(message("polynomial", Json{{"powr", 2}}),
            "[--lr_scheduler_kwargs] schedule 'polynomial' has no setting 'powr'. Try: one of: power, lr_end");
  EXPECT_THAT(message("polynomial", Json{{"lr_end", 0.1}}),
              HasSubstr("lr_end (0.1) must be smaller than the learning rate (0.001)"));
  EXPECT_THAT(message("polynomial", Json{{"power", "two"}}), HasSubstr("is \"two\", expected a number"));
  EXPECT_THAT(message("cosine_with_min_lr", Json()), HasSubstr("exactly one of min_lr and min_lr_rate"));
  EXPECT_THAT(message("warmup_stable_decay", Json()), HasSubstr("needs num_decay_steps"));
  EXPECT_THAT(message("warmup_stable_decay", Json{{"num_decay_steps", 1.5}}), HasSubstr("expected a number of steps"));
  EXPECT_THAT(message("linear", Json::array()), HasSubstr("expected an object"));
}

}  // namespace
}  // namespace tilefit
