// The float tables of the ISA files: each is defined in isa/<name>.cc.
#pragma once
#include "tilefit/kernels/dispatch.h"

namespace tilefit::kernels {
extern const KernelTable<float> kBaselineTable, kAvx2Table, kAvx512Table;
}
