#include "tilefit/base/log.h"

#include <fmt/chrono.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <set>

namespace tilefit {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};

constexpr const char* kLevelNames[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

void write_line(std::string line) {
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void set_log_level(LogLevel level) noexcept { g_level = level; }

LogLevel log_level() noexcept { return g_level; }

void log_line(LogLevel level, std::string_view name, std::string_view message) {
  if (level < g_level) return;
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  write_line(fmt::format("{:%m/%d/%Y %H:%M:%S} - {} - {} - {}", local, kLevelNames[static_cast<int>(level)], name, message));
}

void log_plain(std::string_view message) {
  if (g_level <= LogLevel::kInfo) write_line(std::string(message));
}

void log_warning_once(std::string_view name, const std::string& message) {
  static std::mutex mutex;
  static std::set<std::string> seen;
  {
    const std::lock_guard lock(mutex);
    if (!seen.insert(message).second) return;
  }
  log_line(LogLevel::kWarning, name, message);
}

}  // namespace tilefit
