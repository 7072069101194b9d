// The table of single-thread kernels behind the parallel functions of this folder, and the choice of one at run time.
// KernelTable<double> is the scalar reference (gradient checks); those of float and Bf16 are of the best ISA the CPU has, or of TILEFIT_ISA.
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
  int64_t gemm_panel;         // columns per packed panel of B
  int64_t gemm_rows;          // rows of C that one micro-kernel call makes: block heights are multiples of it
  int64_t packed_word_bytes;  // B is packed in words of this size ...
  int64_t word_elements;      // ... that hold so many successive k
  int64_t word_unit;          // the number of words of a column is rounded up to a multiple of this
  int64_t gemm_depth;         // most words of the summed index that make one block ...
  int64_t gemm_deep_step;     // ... and words per block where there are more
  int64_t wgrad_depth;        // words per block in wgrad: column sums of blocks are part of the result
  /// The part of a panel that rows [k_begin, k_end) of B make: k_begin a multiple of gemm_panel, k_end too or K.
  void (*pack_panel)(int64_t K, int64_t N, const Wide<T>* b, int64_t ld, bool transposed, int64_t panel, int64_t k_begin,
                     int64_t k_end, void* packed);
  /// accumulator_cols: see GemmBlocking. wide_c: C holds Wide<T> instead of T.
  void (*gemm_task)(const GemmRange& r, int64_t accumulator_cols, int64_t K, const T* a_MK, int64_t lda,
                    const void* packed_b, const Epilogue<T>& e, bool wide_c, void* c_MN, int64_t ldc);
  void (*wgrad_task)(const GemmRange& r, int64_t M, const T* dy_MO, int64_t ld_dy, const T* x_MC, int64_t ld_x,
                     Wide<T>* dw_OC, int64_t ld_dw, Wide<T>* dbias_O);
  void (*dropout_row)(int64_t m, int64_t C, const T* x_C, const DropoutRows& rows, T* y_C);
  void (*layer_norm_forward_row)(int64_t m, int64_t C, const T* a_C, const T* residual_C, const DropoutRows& rows,
                                 const Wide<T>* gamma_C, const Wide<T>* beta_C, Wide<T> eps, T* s_C, T* y_C, Wide<T>* mean,
                                 Wide<T>* rstd);
  void (*layer_norm_backward_row)(int64_t m, int64_t C, const T* dy_C, const T* s_C, Wide<T> mean, Wide<T> rstd,
                                  const Wide<T>* gamma_C, const DropoutRows& rows, T* ds_C, T* da_C, Wide<T>* dgamma_C,
                                  Wide<T>* dbeta_C);
  void (*attention_forward_task)(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const T* qkv,
                                 int64_t ld_qkv, T* out, int64_t ld_out, Wide<T>* logsum_MH);
  void (*attention_backward_task)(const AttentionShape& shape, const SequenceSpan& seq, int64_t head, const T* qkv,
                                  int64_t ld_qkv, const T* out, int64_t ld_out, const Wide<T>* logsum_MH, const T* dout,
                                  int64_t ld_dout, T* dqkv, int64_t ld_dqkv);
  void (*embedding_row)(int64_t m, int64_t C, const EmbeddingTable<T>* tables, int num_tables, T* out_C);
  void (*gelu)(int64_t n, const T* x, T* y);
  /// y += x: of activations into a parameter's gradient, and of sums.
  void (*accumulate)(int64_t n, const T* x, Wide<T>* y);
  void (*add_range)(int64_t n, const Wide<T>* x, Wide<T>* y);
  void (*narrow)(int64_t n, const Wide<T>* x, T* y);
  double (*sum_of_squares)(int64_t n, const Wide<T>* x);
  void (*span_cross_entropy_sequence)(const SequenceSpan& seq, const Wide<T>* x, int64_t ld, int32_t target,
                                      Wide<T> gradient_scale, Wide<T>* loss, Wide<T>* dx);
  void (*adamw)(int64_t n, const AdamWStep& s, const Wide<T>* gradient, Wide<T>* weight, Wide<T>* first_moment,
                Wide<T>* second_moment);
  void (*sgd)(int64_t n, const SgdStep& s, const Wide<T>* gradient, Wide<T>* weight, Wide<T>* buffer);
  /// Runs `rounds` rounds of independent multiply-adds in registers, of the kind that T's products are made of; returns the number of
  /// FLOPs done. For the peak measurement.
  double (*peak_flops)(int64_t rounds);
};

/// The table in use. It is chosen at the first call (choose_isa) unless select_isa was called. An ISA that adds bf16 instructions alone
/// has the float table of the ISA before it; one without them computes Bf16 in float.
template <class T>
const KernelTable<T>& table();

/// ISAs with kernels in this binary, best first.
std::span<const Isa> available_isas() noexcept;

/// True when products of Bf16 are made by bf16 instructions, false when they are widened to float first.
bool native_bf16();

/// Makes `isa` (that the CPU, or an emulator, can run) the one in use: for tests and benchmarks, before kernels run. Packed matrices made for
/// another ISA are void afterwards.
void select_isa(Isa isa);

}  // namespace tilefit::kernels
