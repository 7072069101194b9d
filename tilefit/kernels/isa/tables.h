// The tables of the ISA files: each is defined in isa/<name>.cc.
#pragma once
#include "tilefit/kernels/dispatch.h"

namespace tilefit::kernels {
extern const KernelTable<float> kBaselineTable, kAvx2Table, kAvx512Table;
// Bf16 stored, float computed:
extern const KernelTable<Bf16> kBaselineBf16Table, kAvx2Bf16Table, kAvx512Bf16StorageTable;
// Bf16 computed:
extern const KernelTable<Bf16> kAvx512Bf16Table, kAmxTable;
}  // namespace tilefit::kernels
