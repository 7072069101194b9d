#include "tilefit/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace tilefit {

void check_failed(const char* condition, const char* file, int line, const std::string& message) {
  std::fprintf(stderr, "tilefit: internal error at %s:%d: %s is false. %s\n", file, line, condition, message.c_str());
  std::abort();
}

}  // namespace tilefit
