// One report of a machine's speed: kernels, training steps and data preparation in one JSON file, and the roofline as a picture.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tilefit/bench/bench_data.h"
#include "tilefit/bench/bench_kernels.h"
#include "tilefit/bench/bench_step.h"
#include "tilefit/bench/roofline.h"

namespace tilefit {

struct BenchReportOptions {
  std::string out = ".";  ///< directory, made when it is not there
  BenchKernelsOptions kernels;
  std::vector<std::string> configs = {"distilbert-base", "minilm-l6"};  ///< of BenchStepOptions
  BenchStepOptions step;                                                ///< its config and dtype are not read
  BenchDataOptions data;
  std::function<void(std::string_view)> progress = {};  ///< what is being measured, a line each; may be empty
};

/// Measures all parts and writes OUT/tilefit-report.json and OUT/roofline.svg. Returns the report:
/// {"format", "date", "versions", "machine", "kernels", "steps": [{config, dtype, ...}], "data"}. Throws Error as the parts and
/// write_file_atomic.
Json bench_report(ThreadPool& pool, const BenchMachine& machine, const BenchReportOptions& options);

/// The roofline of a result: kernels of the best instruction set of each element type that do arithmetic, at the largest shapes of the
/// first model in it.
Roofline make_roofline(const BenchKernelsResult& result, const std::string& title, const std::string& subtitle);

}  // namespace tilefit
