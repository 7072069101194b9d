// The kernels of one ISA namespace as a table; kIsa is the namespace's own.

inline constexpr KernelTable<float> kTable = {
    .isa = kIsa,
    .gemm_panel = kPanel,
    .gemm_rows = kGemmRows,
    .pack_panel = pack_panel,
    .gemm_task = gemm_task,
    .wgrad_task = wgrad_task,
    .dropout_row = dropout_row,
    .layer_norm_forward_row = layer_norm_forward_row,
    .layer_norm_backward_row = layer_norm_backward_row,
    .attention_forward_task = attention_forward_task,
    .attention_backward_task = attention_backward_task,
    .embedding_row = embedding_row,
    .add_range = add_range,
    .column_sums = column_sums,
    .sum_of_squares = sum_of_squares,
    .span_cross_entropy_sequence = span_cross_entropy_sequence,
    .adamw = adamw,
    .sgd = sgd,
    .peak_flops = peak_flops,
};
