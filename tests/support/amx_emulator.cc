#include "tests/support/amx_emulator.h"

#include <signal.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <iterator>
#include <mutex>

#include "tests/support/amx_decode.h"
#include "tilefit/base/check.h"
#include "tilefit/cpu/features.h"

// All that the handler calls is async-signal-safe: no allocation, no lock, no errno but on the way out.
namespace tilefit::test {
namespace {

// --- Tiles ----------------------------------------------------------------------------------------------------------------------

constexpr int kTiles = 8, kRows = 16, kRowBytes = 64, kColumns = kRowBytes / 4;

using Row = std::array<uint8_t, kRowBytes>;
using Tile = std::array<Row, kRows>;
using Words = std::array<uint32_t, kColumns>;

// Bytes of a tile outside its configured rows and row bytes are always 0.
struct Tiles {
  AmxTileConfig config;
  Tile data[kTiles];
};
// The initial-exec model: a first access in the handler must not allocate.
constinit thread_local Tiles t_tiles __attribute__((tls_model("initial-exec"))) = {};

template <class T>
bool all_zero(const T* begin, const T* end) {
  return std::all_of(begin, end, [](T value) { return value == 0; });
}

const char* config_fault(const AmxTileConfig& config) {
  if (config.palette > 1) return "#GP: unknown palette";
  if (config.palette == 0) return nullptr;
  if (!all_zero(config.reserved, std::end(config.reserved)) ||
      !all_zero(config.row_bytes + kTiles, std::end(config.row_bytes)) ||
      !all_zero(config.rows + kTiles, std::end(config.rows)))
    return "#GP: reserved bytes are not zero";
  for (int i = 0; i < kTiles; ++i) {
    if (config.rows[i] > kRows) return "#GP: more than 16 rows";
    if (config.row_bytes[i] > kRowBytes) return "#GP: more than 64 bytes a row";
    if ((config.rows[i] == 0) != (config.row_bytes[i] == 0)) return "#GP: a tile with rows or columns alone";
  }
  return nullptr;
}

const char* load_config(uintptr_t address) {
  AmxTileConfig config;
  std::memcpy(&config, reinterpret_cast<const void*>(address), sizeof config);
  if (const char* fault = config_fault(config)) return fault;
  t_tiles = {};
  if (config.palette != 0) t_tiles.config = config;
  return nullptr;
}

const char* tile_fault(unsigned tile) {
  if (t_tiles.config.palette == 0) return "tiles are not configured";
  if (t_tiles.config.rows[tile] == 0) return "the tile is not configured";
  return nullptr;
}

const char* memory_fault(unsigned tile) {
  if (const char* fault = tile_fault(tile)) return fault;
  if (t_tiles.config.row_bytes[tile] % 4 != 0) return "bytes a row are no multiple of 4";
  if (t_tiles.config.start_row >= t_tiles.config.rows[tile]) return "start_row is beyond the tile";
  return nullptr;
}

const char* load_tile(const AmxInstruction& in) {
  if (const char* fault = memory_fault(in.reg)) return fault;
  Tile& tile = t_tiles.data[in.reg];
  std::fill(tile.begin() + t_tiles.config.start_row, tile.end(), Row{});
  for (size_t row = t_tiles.config.start_row; row < t_tiles.config.rows[in.reg]; ++row)
    std::memcpy(tile[row].data(), reinterpret_cast<const void*>(in.address + row * in.index),
                t_tiles.config.row_bytes[in.reg]);
  t_tiles.config.start_row = 0;
  return nullptr;
}

const char* store_tile(const AmxInstruction& in) {
  if (const char* fault = memory_fault(in.reg)) return fault;
  const Tile& tile = t_tiles.data[in.reg];
  for (size_t row = t_tiles.config.start_row; row < t_tiles.config.rows[in.reg]; ++row)
    std::memcpy(reinterpret_cast<void*>(in.address + row * in.index), tile[row].data(), t_tiles.config.row_bytes[in.reg]);
  t_tiles.config.start_row = 0;
  return nullptr;
}

const char* zero_tile(unsigned tile) {
  if (const char* fault = tile_fault(tile)) return fault;
  t_tiles.data[tile] = {};
  t_tiles.config.start_row = 0;
  return nullptr;
}

// --- Products: c[m][n] += sum over k of a[m][k] * b[k][n], elements of 4 bytes that hold 2 bf16 or 4 integers -----------------------
// Loops over n always run over all 16 columns, which the compiler turns into vector code.

const char* product_fault(unsigned c, unsigned a, unsigned b) {
  if (c == a || c == b || a == b) return "the three tiles are not distinct";
  for (const unsigned tile : {c, a, b}) {
    if (const char* fault = tile_fault(tile)) return fault;
    if (t_tiles.config.row_bytes[tile] % 4 != 0) return "bytes a row are no multiple of 4";
  }
  const AmxTileConfig& config = t_tiles.config;
  if (config.rows[c] != config.rows[a]) return "rows of the result and of the first factor differ";
  if (config.row_bytes[c] != config.row_bytes[b]) return "columns of the result and of the second factor differ";
  if (config.row_bytes[a] != 4 * config.rows[b]) return "columns of the first factor and rows of the second differ";
  return nullptr;
}

// Denormal inputs and results become zero while it lives.
class FlushDenormals {
 public:
  FlushDenormals() { _mm_setcsr(0x9FC0); }  // all exceptions masked, to nearest even, FTZ, DAZ
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_ = _mm_getcsr();
};

double low_bf16(uint32_t pair) { return std::bit_cast<float>(pair << 16); }
double high_bf16(uint32_t pair) { return std::bit_cast<float>(pair & 0xFFFF0000); }

// As the SDM's operation has it: the products of even and of odd elements are summed apart by fp32 FMAs, and their sum is added
// to c. Hardware is free in how it adds (and which NaN it passes on), so a last bit may differ there. The double arithmetic is a fp32
// FMA exactly: products of bf16 have 16 bits, so where a double cannot hold product + sum, the smaller is far below a half
// unit of the other's last place in fp32. Not inlined: the arithmetic must stay between the changes of MXCSR.
__attribute__((noinline)) void add_bf16_product(Tile& c, const Tile& a, const Tile& b, size_t rows, size_t depth) {
  double b_even[kRows][kColumns], b_odd[kRows][kColumns];
  for (size_t k = 0; k < depth; ++k) {
    const Words pairs = std::bit_cast<Words>(b[k]);
    for (size_t n = 0; n < kColumns; ++n) b_even[k][n] = low_bf16(pairs[n]);
    for (size_t n = 0; n < kColumns; ++n) b_odd[k][n] = high_bf16(pairs[n]);
  }
  for (size_t m = 0; m < rows; ++m) {
    const Words pairs = std::bit_cast<Words>(a[m]);
    std::array<float, kColumns> even{}, odd{}, result = std::bit_cast<std::array<float, kColumns>>(c[m]);
    for (size_t k = 0; k < depth; ++k) {
      const double a_even = low_bf16(pairs[k]), a_odd = high_bf16(pairs[k]);
      for (size_t n = 0; n < kColumns; ++n) even[n] = static_cast<float>(even[n] + a_even * b_even[k][n]);
      for (size_t n = 0; n < kColumns; ++n) odd[n] = static_cast<float>(odd[n] + a_odd * b_odd[k][n]);
    }
    for (size_t n = 0; n < kColumns; ++n) result[n] += even[n] + odd[n];
    c[m] = std::bit_cast<Row>(result);
  }
}

// Sums wrap around as in the SDM's plain (not saturating) dwords. A, B: int8_t or uint8_t.
template <class A, class B>
void add_int8_product(Tile& c, const Tile& a, const Tile& b, size_t rows, size_t depth) {
  int32_t b_split[kRows][4][kColumns];
  for (size_t k = 0; k < depth; ++k)
    for (size_t byte = 0; byte < 4; ++byte)
      for (size_t n = 0; n < kColumns; ++n) b_split[k][byte][n] = static_cast<B>(b[k][4 * n + byte]);
  for (size_t m = 0; m < rows; ++m) {
    Words sums = std::bit_cast<Words>(c[m]);
    for (size_t i = 0; i < 4 * depth; ++i) {
      const int32_t factor = static_cast<A>(a[m][i]);
      for (size_t n = 0; n < kColumns; ++n) sums[n] += static_cast<uint32_t>(factor * b_split[i / 4][i % 4][n]);
    }
    c[m] = std::bit_cast<Row>(sums);
  }
}

const char* multiply(AmxOp op, unsigned c_tile, unsigned a_tile, unsigned b_tile) {
  if (const char* fault = product_fault(c_tile, a_tile, b_tile)) return fault;
  Tile& c = t_tiles.data[c_tile];
  const Tile &a = t_tiles.data[a_tile], &b = t_tiles.data[b_tile];
  const size_t rows = t_tiles.config.rows[c_tile], depth = t_tiles.config.rows[b_tile];
  if (op == AmxOp::kBf16) {
    const FlushDenormals flush;
    add_bf16_product(c, a, b, rows, depth);
  } else if (op == AmxOp::kInt8SS) {
    add_int8_product<int8_t, int8_t>(c, a, b, rows, depth);
  } else if (op == AmxOp::kInt8SU) {
    add_int8_product<int8_t, uint8_t>(c, a, b, rows, depth);
  } else if (op == AmxOp::kInt8US) {
    add_int8_product<uint8_t, int8_t>(c, a, b, rows, depth);
  } else {
    add_int8_product<uint8_t, uint8_t>(c, a, b, rows, depth);
  }
  // Beyond the columns, infinity times zero made NaNs.
  for (size_t m = 0; m < rows; ++m) std::fill(c[m].begin() + t_tiles.config.row_bytes[c_tile], c[m].end(), uint8_t{0});
  t_tiles.config.start_row = 0;
  return nullptr;
}

// --- Handler --------------------------------------------------------------------------------------------------------------------

std::atomic<int64_t> op_counts[static_cast<size_t>(AmxOp::kInt8UU) + 1];
static_assert(std::atomic<int64_t>::is_always_lock_free);

std::mutex installing;
int emulators = 0;               // guarded by installing
struct sigaction previous = {};  // written before the handler is installed

// Carries out an instruction; returns why the CPU would not.
const char* execute(const AmxInstruction& in) {
  if (in.fault) return in.fault;
  const AmxOp op = in.op;
  switch (op) {
    case AmxOp::kLoadConfig: return load_config(in.address + in.index);
    case AmxOp::kStoreConfig:
      std::memcpy(reinterpret_cast<void*>(in.address + in.index), &t_tiles.config, sizeof t_tiles.config);
      return nullptr;
    case AmxOp::kRelease: t_tiles = {}; return nullptr;
    case AmxOp::kZero: return zero_tile(in.reg);
    case AmxOp::kLoad: return load_tile(in);
    case AmxOp::kStore: return store_tile(in);
    default: return multiply(op, in.reg, in.rm, in.vector);
  }
}

void report(const char* name, const char* fault) {
  std::array<char, 160> line;
  size_t size = 0;
  for (const char* part : {"AmxEmulator: ", name, " is refused: ", fault, "\n"})
    for (; *part && size < line.size(); ++part) line[size++] = *part;
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), size);
}

void forward(int number, siginfo_t* info, void* context) {
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    if (previous.sa_flags & SA_SIGINFO) return previous.sa_sigaction(number, info, context);
    return previous.sa_handler(number);
  }
  sigaction(number, &previous, nullptr);
  if (info->si_code <= 0) raise(number);  // one that was sent; an instruction meets the default by executing again
}

// Carries out the instruction of the signal and the AMX instructions that follow it without a gap: a signal costs more than they do.
void handle(int number, siginfo_t* info, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const bool sent = info->si_code <= 0;  // by a process; not from an instruction
  for (bool first = true; !sent; first = false) {
    const auto in = decode_amx(reinterpret_cast<const uint8_t*>(registers[REG_RIP]), registers);
    const char* fault = in ? execute(*in) : nullptr;
    if (in && !fault) {
      op_counts[static_cast<size_t>(in->op)].fetch_add(1, std::memory_order_relaxed);
      registers[REG_RIP] += in->length;
      continue;
    }
    if (!first) return;  // what comes next is executed, and raises a signal of its own if it has to
    if (in) report(in->name, fault);
    break;
  }
  forward(number, info, context);
}

int64_t count_of(AmxOp op) { return op_counts[static_cast<size_t>(op)].load(std::memory_order_relaxed); }

}  // namespace

AmxEmulator::AmxEmulator() {
  if (!counts_available()) return;
  const std::lock_guard lock(installing);
  if (emulators++ > 0) return;
  TF_CHECK(sigaction(SIGILL, nullptr, &previous) == 0);
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  TF_CHECK(sigaction(SIGILL, &action, nullptr) == 0);
}

AmxEmulator::~AmxEmulator() {
  if (!counts_available()) return;
  const std::lock_guard lock(installing);
  if (--emulators == 0) sigaction(SIGILL, &previous, nullptr);
}

bool AmxEmulator::counts_available() { return !cpu_features().amx_tile; }

AmxCounts AmxEmulator::counts() noexcept {
  return {
      .tdpbf16ps = count_of(AmxOp::kBf16),
      .tdpb_int8 = count_of(AmxOp::kInt8SS) + count_of(AmxOp::kInt8SU) + count_of(AmxOp::kInt8US) + count_of(AmxOp::kInt8UU),
      .tile_loads = count_of(AmxOp::kLoad),
      .tile_stores = count_of(AmxOp::kStore),
      .tile_zeros = count_of(AmxOp::kZero),
      .configs = count_of(AmxOp::kLoadConfig),
      .releases = count_of(AmxOp::kRelease)};
}

void AmxEmulator::reset_counts() noexcept {
  for (auto& count : op_counts) count.store(0, std::memory_order_relaxed);
}

}  // namespace tilefit::test
