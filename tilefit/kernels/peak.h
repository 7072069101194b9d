// The machine's arithmetic peak, measured: what shares of the peak are shares of.
#pragma once
#include "tilefit/cpu/thread_pool.h"

namespace tilefit::kernels {

/// Multiply-add FLOPs per second, in units of 1e9, that the pool's threads reach together in the register loop of the kernel table of T in use
/// (KernelTable::peak_flops): the best of three runs of some 100 ms. A clock that changes between this and the measured work changes the share.
template <class T>
double measure_peak_gflops(ThreadPool& pool);

}  // namespace tilefit::kernels
