// The log: lines on stderr in the form of Hugging Face's example scripts. Results go to stdout, never here.
// Thread-safe: one line is one write.
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

namespace tilefit {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kCritical };

/// Lines below this level are dropped. Default kInfo.
void set_log_level(LogLevel level) noexcept;
LogLevel log_level() noexcept;

/// Writes "11/23/2026 12:00:00 - INFO - name - message" to stderr.
void log_line(LogLevel level, std::string_view name, std::string_view message);

/// Writes a line without the time stamp, for tables and the progress line's plain form; dropped below kInfo.
void log_plain(std::string_view message);

template <class... Args>
void log_info(std::string_view name, fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() <= LogLevel::kInfo) log_line(LogLevel::kInfo, name, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_warning(std::string_view name, fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() <= LogLevel::kWarning)
    log_line(LogLevel::kWarning, name, fmt::format(format, std::forward<Args>(args)...));
}

/// As log_warning, but a text is written only the first time it comes up in this process.
void log_warning_once(std::string_view name, const std::string& message);

}  // namespace tilefit
