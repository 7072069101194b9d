// Any bytes as the body of a feature file (behind the checksum, which no fuzzer gets past): either an Error, or features that encode to
// the same bytes again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tilefit/base/error.h"
#include "tilefit/tasks/qa_feature_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tilefit;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  try {
    if (encode_qa_features(decode_qa_features(body, "fuzz")) != body) std::abort();
  } catch (const Error&) {
  }
  try {
    open_qa_features(body, "fuzz");
  } catch (const Error&) {
  }
  return 0;
}
