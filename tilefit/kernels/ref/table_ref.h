// The reference functions as a KernelTable.
#pragma once
#include "tilefit/kernels/dispatch.h"
#include "tilefit/kernels/ref/attention_ref.h"
#include "tilefit/kernels/ref/cross_entropy_ref.h"
#include "tilefit/kernels/ref/gemm_ref.h"
#include "tilefit/kernels/ref/layer_norm_ref.h"
#include "tilefit/kernels/ref/optimizer_ref.h"
#include "tilefit/kernels/ref/rows_ref.h"

namespace tilefit::kernels::ref {

template <class T>
inline constexpr KernelTable<T> kTable = {
    .isa = Isa::kBaseline,
    .gemm_panel = kPanel,
    .gemm_rows = 1,
    .packed_word_bytes = sizeof(T),
    .word_elements = 1,
    .word_unit = 1,
    .gemm_depth = 384,
    .gemm_deep_step = 384,
    .wgrad_depth = 192,
    .pack_panel = pack_panel<T>,
    .gemm_task = gemm_task<T>,
    .wgrad_task = wgrad_task<T>,
    .dropout_row = dropout_row<T>,
    .layer_norm_forward_row = layer_norm_forward_row<T>,
    .layer_norm_backward_row = layer_norm_backward_row<T>,
    .attention_forward_task = attention_forward_task<T>,
    .attention_backward_task = attention_backward_task<T>,
    .embedding_row = embedding_row<T>,
    .gelu = gelu_range<T>,
    .accumulate = add_range<T>,
    .add_range = add_range<T>,
    .narrow = narrow<T>,
    .sum_of_squares = sum_of_squares<T>,
    .span_cross_entropy_sequence = span_cross_entropy_sequence<T>,
    .adamw = adamw<T>,
    .sgd = sgd<T>,
    .peak_flops = nullptr,
};

}  // namespace tilefit::kernels::ref
