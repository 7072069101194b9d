#include "tilefit/bench/machine.h"

#include <sys/utsname.h>

#include <cstdlib>

#include "tilefit/base/json.h"
#include "tilefit/kernels/dispatch.h"

namespace tilefit {

BenchMachine read_bench_machine() {
  BenchMachine machine;
  machine.topology = read_topology();
  machine.threads = plan_threads(machine.topology, std::getenv("OMP_NUM_THREADS"));
  return machine;
}

std::string machine_text(const BenchMachine& machine) {
  return describe_machine(machine.topology, machine.threads, cpu_features(), kernels::table<float>().isa);
}

Json machine_json(const BenchMachine& machine) {
  const Topology& t = machine.topology;
  utsname system = {};
  const bool known = uname(&system) == 0;
  return {{"description", machine_text(machine)},
          {"cpu", cpu_features().model_name},
          {"sockets", t.num_sockets()},
          {"numa_nodes", t.num_numa_nodes()},
          {"cores", t.cores.size()},
          {"threads", machine.threads.num_threads},
          {"isa", isa_name(kernels::table<float>().isa)},
          {"l2_bytes", t.l2_bytes},
          {"l3_bytes", t.l3_bytes},
          {"memory_bytes", t.usable_memory_bytes()},
          {"os", known ? std::string(system.sysname) + " " + system.release : std::string()}};
}

}  // namespace tilefit
