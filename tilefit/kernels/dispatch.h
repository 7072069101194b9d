// The table of single-thread kernels behind the parallel functions of this folder, and the choice of one at run time.
// KernelTable<double> is the scalar reference (gradient checks); KernelTable<float> is that of the best ISA the CPU has, or of TILEFIT_ISA.
// A new ISA: one file in isa/ that fills a table, one row in dispatch.cc.
#pragma once
#include <cstdint>
#include <span>

#include "tilefit/cpu/features.h"
#include "tilefit/kernels/attention.h"
#include "tilefit/kernels/cross_entropy.h"
#include "tilefit/kernels/dropout.h"
#include "tilefit/kernels/embedding.h"
#include "tilefit/kernels/gemm.h"
#include "tilefit/kernels/layer_norm.h"
#include "tilefit/kernels/optimizer.h"

namespace tilefit::kernels {

/// One implementation of every operation. Functions are named and specified as in ref/; none allocates (beyond thread scratch) or throws.
template <class T>
struct KernelTable {
  Isa isa;
  int64_t gemm_panel;  // columns per packed panel of B
  int64_t gemm_rows;   // rows of C that one micro-kernel call makes: block heights are multiples of it
  void (*pack_panel)(int64_t K, int64_t N, const T* b, int64_t ld, bool transposed, int64_t panel, T* packed);
  void (*gemm_task)(const GemmRange& r, int64_t N, int64_t K, const T* a_MK, int64_t lda, const T* packed_b,
                    const Epilogue<T>& e, T* c_MN, int64_t ldc);
  void (*wgrad_task)(const GemmRange& r, int64_t M, const T* dy_MO, int64_t ld_dy, const T* x_MC, int64_t ld_x, T* dw_OC,
                     int64_t ld_dw);
  void (*dropout_row)(int64_t m, int64_t C, const T* x_C, const DropoutRows& rows, T* y_C);
  void (*layer_norm_forward_row)(int64_t m, int64_t C, const T* a_C, const T* residual_C, const DropoutRows& rows,
                                 const T* gamma_C, const T* beta_C, T eps, T* s_C, T* y_C, T* mean, T* rstd);
  void (*layer_norm_backward_row)(int64_t m, int64_t C, const T* dy_C, const T* s_C, T mean, T rstd, const T* gamma_C,
                                  const DropoutRows& rows, T* ds_C, T* da_C, T* dgamma_C, T* dbeta_C);
  void (*attention_forward_task)(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const T* qkv,
                                 int64_t ld_qkv, T* out, int64_t ld_out, T* logsum_MH);
  void (*attention_backward_task)(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const T* qkv,
                                  int64_t ld_qkv, const T* out, int64_t ld_out, const T* logsum_MH, const T* dout,
                                  int64_t ld_dout, T* dqkv, int64_t ld_dqkv);
  void (*embedding_row)(int64_t m, int64_t C, const EmbeddingTable<T>* tables, int num_tables, T* out_C);
  void (*add_range)(int64_t n, const T* x, T* y);
  void (*column_sums)(int64_t M, int64_t begin, int64_t end, const T* x_MN, int64_t ld, T* sum_N);
  double (*sum_of_squares)(int64_t n, const T* x);
  void (*span_cross_entropy_sequence)(const SequenceSpan& seq, const T* x, int64_t ld, int32_t target, T gradient_scale,
                                      T* loss, T* dx);
  void (*adamw)(int64_t n, const AdamWStep& s, const T* gradient, T* weight, T* first_moment, T* second_moment);
  void (*sgd)(int64_t n, const SgdStep& s, const T* gradient, T* weight, T* buffer);
  /// Runs `rounds` rounds of independent fused multiply-adds in registers; returns the number of FLOPs done. For the peak measurement.
  double (*peak_flops)(int64_t rounds);
};

/// The table in use. For float it is chosen at the first call (choose_isa) unless select_isa was called.
template <class T>
const KernelTable<T>& table();

/// ISAs with float kernels in this binary, best first.
std::span<const Isa> available_isas() noexcept;

/// Makes `isa` (supported by this CPU) the one in use: for tests and benchmarks, before kernels run. Packed matrices made for
/// another ISA are void afterwards.
void select_isa(Isa isa);

}  // namespace tilefit::kernels
