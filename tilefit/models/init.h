// How parameters start that no file holds. In distribution as transformers' _init_weights; the values come from our own generator, keyed
// by seed and name, so that they depend neither on the order of initialisation nor on what else is in the model.
#pragma once
#include <cstdint>

#include "tilefit/tensor/param.h"

namespace tilefit {

/// Sets the values of one part: N(0, initializer_range^2), constants or sinusoids, as its parameter says; a padding row is zero.
void init_part(ParamStore& store, const ParamPartView& view, double initializer_range, uint64_t seed);

}  // namespace tilefit
