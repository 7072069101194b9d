// Checks for our own mistakes: print the condition, the place and a message, then abort. Never for user input.
#pragma once
#include <fmt/format.h>

#include <string>

namespace tilefit {

/// Prints the failed condition to stderr and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line, const std::string& message);

}  // namespace tilefit

/// TF_CHECK(condition, "format {}", values...): aborts when the condition is false, in every build.
#define TF_CHECK(condition, ...)                                                            \
  do {                                                                                      \
    if (!(condition)) [[unlikely]]                                                          \
      ::tilefit::check_failed(#condition, __FILE__, __LINE__, fmt::format("" __VA_ARGS__)); \
  } while (false)

/// As TF_CHECK in debug builds, nothing in release builds.
#ifdef NDEBUG
#define TF_DCHECK(condition, ...) \
  do {                            \
  } while (false)
#else
#define TF_DCHECK(condition, ...) TF_CHECK(condition, __VA_ARGS__)
#endif
