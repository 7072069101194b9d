#include "tilefit/models/init.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "tilefit/base/rng.h"

namespace tilefit {
namespace {

/// FNV-1a over the name, mixed.
uint64_t name_key(std::string_view name) noexcept {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return mix64(hash);
}

/// Row t, columns 2i and 2i + 1: sin and cos of t / 10000^(2i / C). Vaswani et al. 2017, section 3.5.
void fill_sinusoids(std::vector<float>& out, int64_t rows, int64_t C) {
  for (int64_t t = 0; t < rows; ++t)
    for (int64_t c = 0; c < C; ++c) {
      const double angle =
          static_cast<double>(t) / std::pow(10000.0, static_cast<double>(c / 2 * 2) / static_cast<double>(C));
      out[static_cast<size_t>(t * C + c)] = static_cast<float>(c % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
}

}  // namespace

void init_part(ParamStore& store, const ParamPartView& view, double initializer_range, uint64_t seed) {
  const Param& param = *view.param;
  std::vector<float> values(static_cast<size_t>(view.size), param.init == ParamInit::kOnes ? 1.0f : 0.0f);
  if (param.init == ParamInit::kNormal)
    fill_normal(values.data(), view.size, static_cast<float>(initializer_range), seed, name_key(view.part->name));
  else if (param.init == ParamInit::kSinusoids) fill_sinusoids(values, view.part->rows, param.cols);
  if (param.zero_row >= 0) std::fill_n(values.begin() + param.zero_row * param.cols, param.cols, 0.0f);
  if (store.dtype() == DType::kF32) std::copy(values.begin(), values.end(), store.values<float>() + view.offset);
  else std::copy(values.begin(), values.end(), store.values<double>() + view.offset);
  store.values_changed();
}

}  // namespace tilefit
