#include "tilefit/train/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/train/console.h"

namespace tilefit {
namespace {

using ::testing::HasSubstr;

TEST(Report, MetricsTableIsTransformers) {
  const Json metrics = {{"train_runtime", 3723.456}, {"epoch", 3.0},         {"train_loss", 1.23456789},
                        {"train_samples", 88524},    {"total_flos", 5.2e13}, {"train_steps_per_second", 2.5}};
  EXPECT_EQ(metrics_table("train", metrics),
            "***** train metrics *****\n"
            "  epoch                  =        3.0\n"
            "  total_flos             =    48428GF\n"
            "  train_loss             =     1.2346\n"
            "  train_runtime          = 1:02:03.45\n"
            "  train_samples          =      88524\n"
            "  train_steps_per_second =        2.5\n");
  EXPECT_THAT(metrics_table("eval", Json{{"eval_runtime", 90061.0}}), HasSubstr("= 1 day, 1:01:01.00"));
}

TEST(Report, LogEntryIsAPythonDictionary) {
  EXPECT_EQ(
      log_entry_text(
          Json{{"loss", 5.39568729}, {"grad_norm", 8.77890835}, {"learning_rate", 4.1e-05}, {"epoch", 0.1846}, {"step", 5}}),
      "{'loss': 5.3957, 'grad_norm': 8.7789, 'learning_rate': 4.1e-05, 'epoch': 0.18}");
}

TEST(Report, MetricsFilesAreMerged) {
  const test::TempDir directory;
  save_metrics(directory.path(), "train", Json{{"train_loss", 1.5}, {"epoch", 1.0}});
  save_metrics(directory.path(), "eval", Json{{"eval_f1", 80.25}, {"epoch", 2.0}});
  EXPECT_EQ(read_file(directory / "train_results.json"), "{\n    \"epoch\": 1.0,\n    \"train_loss\": 1.5\n}");
  EXPECT_EQ(read_file(directory / "all_results.json"),
            "{\n    \"epoch\": 2.0,\n    \"eval_f1\": 80.25,\n    \"train_loss\": 1.5\n}");
}

TEST(Report, ModelCard) {
  ModelCard card;
  card.model_name = "out";
  card.base_model = "distilbert-base-uncased";
  card.dataset = "squad";
  card.hyperparameters = {{"learning_rate", "5e-05"}};
  card.eval_metrics = {{"eval_f1", 85.123456}, {"eval_runtime", 2.5}, {"eval_samples_per_second", 4.0}};
  card.log_history = Json::array({{{"loss", 1.5}, {"epoch", 0.5}, {"step", 10}, {"learning_rate", 1e-5}}});
  const std::string text = model_card_text(card);
  EXPECT_TRUE(text.starts_with("---\nlibrary_name: transformers\nbase_model: distilbert-base-uncased\n"));
  EXPECT_THAT(text, HasSubstr("datasets:\n- squad\n"));
  EXPECT_THAT(
      text,
      HasSubstr("fine-tuned version of [distilbert-base-uncased](https://huggingface.co/distilbert-base-uncased) on the "
                "squad dataset"));
  EXPECT_THAT(text, HasSubstr("- f1: 85.1235\n"));
  EXPECT_THAT(text, Not(HasSubstr("runtime")));
  EXPECT_THAT(text, Not(HasSubstr("per_second")));
  EXPECT_THAT(text, HasSubstr("- learning_rate: 5e-05\n"));
  EXPECT_THAT(text, HasSubstr("| 1.5000 | 0.5000 | 10 | 1e-05 |\n"));
  card.base_model = "./models/mine";
  EXPECT_THAT(model_card_text(card), HasSubstr("fine-tuned version of a local model"));
}

TEST(Console, ProgressText) {
  StepInfo info;
  info.step = 12;
  info.max_steps = 120;
  info.loss = 4.12341;
  info.learning_rate = 8.1e-5;
  EXPECT_EQ(progress_text(info, 192, 1234567, 24.0),
            "12/120 | loss 4.1234 | lr 8.1e-05 | 8.0 examples/s | 51,440 tokens/s | ETA 3:36");
}

TEST(Console, RedrawsOnATerminalAndClearsBeforeOtherLines) {
  std::string shown;
  RunOutput output;
  output.terminal = [&](std::string_view text) { shown += text; };
  Console console(output, true);
  console.on_begin(2);
  StepInfo info;
  info.step = 1;
  info.max_steps = 2;
  console.on_step(info);
  EXPECT_THAT(shown, HasSubstr("\r\033[2K1/2 | loss"));
  shown.clear();
  console.on_end();
  EXPECT_EQ(shown, "\r\033[2K");
}

TEST(Console, DisabledOrWithoutTerminalDrawsNothing) {
  std::string shown;
  RunOutput output;
  output.terminal = [&](std::string_view text) { shown += text; };
  Console console(output, false);
  console.on_begin(2);
  console.on_step({});
  console.on_end();
  EXPECT_EQ(shown, "");
}

TEST(Console, Thousands) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(66364418), "66,364,418");
  EXPECT_EQ(with_thousands(-1234), "-1,234");
}

}  // namespace
}  // namespace tilefit
