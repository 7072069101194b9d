#include "tilefit/kernels/dispatch.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>

#include "tilefit/base/check.h"
#include "tilefit/kernels/isa/tables.h"
#include "tilefit/kernels/ref/table_ref.h"

namespace tilefit::kernels {
namespace {

struct Tables {
  Isa isa;
  const KernelTable<float>* f32;
  const KernelTable<Bf16>* bf16;
};

// Best first.
constexpr Tables kTables[] = {{Isa::kAmx, &kAvx512Table, &kAmxTable},
                              {Isa::kAvx512Bf16, &kAvx512Table, &kAvx512Bf16Table},
                              {Isa::kAvx512, &kAvx512Table, &kAvx512Bf16StorageTable},
                              {Isa::kAvx2, &kAvx2Table, &kAvx2Bf16Table},
                              {Isa::kBaseline, &kBaselineTable, &kBaselineBf16Table}};
constexpr auto kIsas = [] {
  std::array<Isa, std::size(kTables)> isas{};
  for (size_t i = 0; i < isas.size(); ++i) isas[i] = kTables[i].isa;
  return isas;
}();

std::atomic<const Tables*> g_tables{nullptr};

const Tables& tables() {
  const Tables* chosen = g_tables.load(std::memory_order_relaxed);
  if (!chosen) [[unlikely]] {
    select_isa(choose_isa(available_isas()));
    chosen = g_tables.load();
  }
  return *chosen;
}

}  // namespace

std::span<const Isa> available_isas() noexcept { return kIsas; }

void select_isa(Isa isa) {
  const Tables* const row =
      std::find_if(std::begin(kTables), std::end(kTables), [&](const Tables& t) { return t.isa == isa; });
  TF_CHECK(row != std::end(kTables), "no kernels for ISA {}", isa_name(isa));
  g_tables = row;
}

bool native_bf16() { return tables().bf16->word_elements > 1; }

template <>
const KernelTable<double>& table<double>() {
  return ref::kTable<double>;
}
template <>
const KernelTable<float>& table<float>() {
  return *tables().f32;
}
template <>
const KernelTable<Bf16>& table<Bf16>() {
  return *tables().bf16;
}

}  // namespace tilefit::kernels
