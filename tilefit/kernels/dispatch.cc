#include "tilefit/kernels/dispatch.h"

#include <atomic>

#include "tilefit/base/check.h"
#include "tilefit/kernels/isa/tables.h"
#include "tilefit/kernels/ref/table_ref.h"

namespace tilefit::kernels {
namespace {

// Best first.
constexpr const KernelTable<float>* kTables[] = {&kAvx512Table, &kAvx2Table, &kBaselineTable};
constexpr Isa kIsas[] = {Isa::kAvx512, Isa::kAvx2, Isa::kBaseline};

std::atomic<const KernelTable<float>*> g_table{nullptr};

}  // namespace

std::span<const Isa> available_isas() noexcept { return kIsas; }

void select_isa(Isa isa) {
  for (size_t i = 0; i < std::size(kIsas); ++i)
    if (kIsas[i] == isa) g_table = kTables[i];
  TF_CHECK(g_table.load() && g_table.load()->isa == isa, "no kernels for ISA {}", isa_name(isa));
}

template <>
const KernelTable<double>& table<double>() {
  return ref::kTable<double>;
}

template <>
const KernelTable<float>& table<float>() {
  const KernelTable<float>* chosen = g_table.load(std::memory_order_relaxed);
  if (!chosen) [[unlikely]] {
    select_isa(choose_isa(available_isas()));
    chosen = g_table.load();
  }
  return *chosen;
}

}  // namespace tilefit::kernels
