#include "tests/support/golden.h"

#include <cstdlib>
#include <filesystem>

#include "tilefit/base/sha256.h"

namespace tilefit::test {

std::optional<std::string> golden(const std::string& name) {
  namespace fs = std::filesystem;
  if (const char* whole = std::getenv("TILEFIT_GOLDEN"); whole && fs::exists(fs::path(whole) / name))
    return fs::path(whole) / name;
  if (const fs::path compact = fs::path(TILEFIT_SOURCE_DIR) / "tests" / "golden" / name; fs::exists(compact)) return compact;
  return std::nullopt;
}

std::optional<std::string> squad_file(const std::string& name) {
  namespace fs = std::filesystem;
  if (const char* whole = std::getenv("TILEFIT_GOLDEN")) {
    const fs::path file = fs::path(whole) / ".." / "data" / "squad" / name;
    if (fs::exists(file)) return file;
  }
  if (const fs::path sample = fs::path(TILEFIT_SOURCE_DIR) / "data" / "squad-sample" / "train-v1.1-sample.json.gz";
      name == "train-v1.1-subset.json.gz" && fs::exists(sample))
    return sample;
  return golden("squad/" + name);
}

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tilefit-test-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string sha256_hex(const void* data, size_t size) { return tilefit::sha256_hex({static_cast<const char*>(data), size}); }

}  // namespace tilefit::test
