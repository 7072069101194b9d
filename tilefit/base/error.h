// Errors that users meet: what went wrong, where, and what to try. Thrown for anything the user or the world did;
// a mistake of ours is TF_CHECK (check.h), an expected outcome is std::optional.
#pragma once
#include <exception>
#include <string>

namespace tilefit {

/// Why a command ends; the value is the process's exit code.
enum class Code { kFailed = 1, kUsage = 2, kEnvironment = 3, kPeer = 4, kResumable = 75 };

/// An error with its place and remedy. what() is "[where] what. Try: remedy" (parts that are empty are left out).
class Error : public std::exception {
 public:
  /// what: one clause that names the thing and both values ("tensor 'a' has shape [3], expected [2]"), no full stop.
  /// where: module and file ("hub/safetensors model.safetensors"). try_this: a command or flag.
  Error(Code code, std::string what, std::string where = "", std::string try_this = "");

  const char* what() const noexcept override { return message_.c_str(); }
  Code code() const noexcept { return code_; }

 private:
  Code code_;
  std::string message_;
};

}  // namespace tilefit
