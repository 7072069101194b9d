#include "tilefit/base/error.h"

namespace tilefit {

Error::Error(Code code, std::string what, std::string where, std::string try_this) : code_(code) {
  if (!where.empty()) message_ = "[" + where + "] ";
  message_ += what;
  if (!try_this.empty()) message_ += ". Try: " + try_this;
}

}  // namespace tilefit
