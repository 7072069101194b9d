// Embedding tables: sum of looked-up rows, and the gradient of one table.
#pragma once
#include <cstdint>

#include "tilefit/base/bf16.h"
#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// One table to look up: row id_M[m] of table_VC for token row m. Ids must lie in [0, V): the caller checks.
template <class T>
struct EmbeddingTable {
  const int32_t* id_M = nullptr;
  const Wide<T>* table_VC = nullptr;
};

/// out_MC = sum over the tables (in order) of their rows.
template <class T>
void embedding_forward(ThreadPool& pool, int64_t M, int64_t C, const EmbeddingTable<T>* tables, int num_tables, T* out_MC);

/// dtable_VC[id_M[m]] += dout_MC[m], in the order of m: deterministic for any number of threads.
template <class T>
void embedding_backward(ThreadPool& pool, int64_t M, int64_t C, const int32_t* id_M, const T* dout_MC, Wide<T>* dtable_VC);

}  // namespace tilefit::kernels
