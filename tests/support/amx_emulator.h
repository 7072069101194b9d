// Runs AMX code on x86-64 CPUs without AMX: a handler of SIGILL decodes and carries out the instructions one by one, for tests only.
// It shows neither speed (microseconds an instruction) nor what XSAVE does, and in bf16 products the last bit may differ from hardware.
// Loads and stores of tiles are ordinary accesses of the handler, so that the address and thread sanitizers see them.
#pragma once
#include <cstdint>

namespace tilefit::test {

/// The 64 bytes of ldtilecfg and sttilecfg.
struct AmxTileConfig {
  uint8_t palette = 0;  ///< 1; 0: not configured
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};  ///< The last 8 are reserved,
  uint8_t rows[16] = {};        ///< of these too.

  /// Gives a tile its size, in palette 1.
  AmxTileConfig& set(int tile, int tile_rows, int tile_row_bytes) noexcept {
    palette = 1;
    rows[tile] = static_cast<uint8_t>(tile_rows);
    row_bytes[tile] = static_cast<uint16_t>(tile_row_bytes);
    return *this;
  }
};
static_assert(sizeof(AmxTileConfig) == 64);

/// Instructions emulated by all threads since the program started or AmxEmulator::reset_counts().
struct AmxCounts {
  int64_t tdpbf16ps = 0;
  int64_t tdpb_int8 = 0;    ///< tdpbssd, tdpbsud, tdpbusd, tdpbuud
  int64_t tile_loads = 0;   ///< tileloadd, tileloaddt1
  int64_t tile_stores = 0;  ///< tilestored
  int64_t tile_zeros = 0;   ///< tilezero
  int64_t configs = 0;      ///< ldtilecfg
  int64_t releases = 0;     ///< tilerelease

  bool operator==(const AmxCounts&) const = default;
};

/// While one lives, every thread of the program can execute ldtilecfg, sttilecfg, tilerelease, tilezero, tileloadd, tileloaddt1,
/// tilestored, tdpbf16ps, tdpbssd, tdpbsud, tdpbusd and tdpbuud as the Intel SDM (volume 2) defines them, with its own tiles. Where
/// the CPU has AMX itself, it does nothing. Objects may nest; the last one to go puts the previous handler back.
///
/// What hardware refuses (#UD, and #GP of ldtilecfg) goes to the previous handler of SIGILL, by default the end of the program, after
/// one line on stderr that names the instruction and the reason. So does any other SIGILL, without the line.
///
/// Limits: tiles start unconfigured in each thread and outlive the object, as registers do; a thread must not block SIGILL; the handler
/// needs about 16 KiB of the interrupted stack; memory operands with the prefixes gs or addr32 are not known.
class AmxEmulator {
 public:
  AmxEmulator();
  AmxEmulator(const AmxEmulator&) = delete;
  AmxEmulator& operator=(const AmxEmulator&) = delete;
  ~AmxEmulator();

  /// False where the CPU executes AMX itself: counts() stays 0 then.
  static bool counts_available();
  static AmxCounts counts() noexcept;
  static void reset_counts() noexcept;
};

}  // namespace tilefit::test
