// The machine and threads of a benchmark, for its output.
#pragma once
#include <string>

#include "tilefit/base/json_fwd.h"
#include "tilefit/cpu/topology.h"

namespace tilefit {

struct BenchMachine {
  Topology topology;
  ThreadPlan threads;
};

/// This machine, with the threads that OMP_NUM_THREADS allows. Throws Error(kUsage) as plan_threads.
BenchMachine read_bench_machine();

/// One line for people: CPU, cores, caches, memory, instruction set, threads.
std::string machine_text(const BenchMachine& machine);

/// {"description", "cpu", "sockets", "numa_nodes", "cores", "threads", "isa", "l2_bytes", "l3_bytes", "memory_bytes", "os"}.
Json machine_json(const BenchMachine& machine);

}  // namespace tilefit
