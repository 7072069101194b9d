// The table of architectures: one row each.
#include <fmt/format.h>

#include <array>
#include <vector>

#include "tilefit/base/error.h"
#include "tilefit/base/text_distance.h"
#include "tilefit/models/bert.h"
#include "tilefit/models/distilbert.h"
#include "tilefit/models/encoder.h"

namespace tilefit {
namespace {

constexpr std::array kArchitectures = {
    Architecture{"bert", "Bert", "bert", make_bert},
    Architecture{"distilbert", "DistilBert", "distilbert", make_distilbert},
};

}  // namespace

std::span<const Architecture> architectures() noexcept { return kArchitectures; }

const Architecture& find_architecture(std::string_view model_type, const std::string& where) {
  std::vector<std::string> known;
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.model_type == model_type) return architecture;
    known.emplace_back(architecture.model_type);
  }
  throw Error(Code::kFailed,
              fmt::format("unknown architecture '{}' (model_type); known: {}.{}", model_type, fmt::join(known, ", "),
                          did_you_mean(model_type, known)),
              where);
}

}  // namespace tilefit
