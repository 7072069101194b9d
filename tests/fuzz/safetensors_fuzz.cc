// Any bytes as a safetensors file: either an Error, or tensors whose bytes are all inside the file and readable.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "tilefit/base/error.h"
#include "tilefit/hub/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tilefit;
  try {
    const SafetensorsContent content =
        parse_safetensors({reinterpret_cast<const std::byte*>(data), size}, "fuzz.safetensors");
    int64_t total = 0;
    for (const TensorInfo& tensor : content.tensors) {
      if (tensor.bytes < 0 || tensor.bytes > static_cast<int64_t>(size)) std::abort();
      total += tensor.bytes;
      if (!is_floating(tensor.dtype)) continue;
      std::vector<float> values(static_cast<size_t>(tensor.num_elements()));
      convert_to_f32(tensor.dtype, tensor.data, values.data(), tensor.num_elements());
    }
    if (total > static_cast<int64_t>(size)) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
