#include "tilefit/tasks/task.h"

#include "tilefit/base/json.h"

namespace tilefit {

Json metrics_json(const MetricList& metrics) {
  Json json = Json::object();
  for (const auto& metric : metrics) {
    if (metric.first.ends_with("total")) json[metric.first] = static_cast<int64_t>(metric.second);
    else json[metric.first] = metric.second;
  }
  return json;
}

}  // namespace tilefit
