// Where the reference results are: the compact choice in tests/golden, and the whole set where TILEFIT_GOLDEN names its folder.
#pragma once
#include <optional>
#include <string>

namespace tilefit::test {

/// Path of a reference file or folder ("models/bert-qa"): from TILEFIT_GOLDEN when that is set and has it, else from
/// tests/golden, else nothing (the test then calls GTEST_SKIP, which the summary shows).
std::optional<std::string> golden(const std::string& name);

/// Path of a SQuAD file of the reference data ("dev-v1.1.json.gz"): beside TILEFIT_GOLDEN's folder in data/squad, else in
/// data/squad-sample (which has the training subset) or tests/golden/squad, else nothing.
std::optional<std::string> squad_file(const std::string& name);

/// A fresh directory under the system's temporary folder, removed with its content by the destructor.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::string& path() const noexcept { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The message of the Error that `call` throws; empty when it throws none.
template <class F>
std::string error_message(F&& call) {
  try {
    call();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

/// Lower-case hex SHA-256 of bytes.
std::string sha256_hex(const void* data, size_t size);

}  // namespace tilefit::test
