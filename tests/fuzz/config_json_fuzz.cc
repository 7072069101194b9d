// Any bytes as a JSON file: either an Error, or a value whose text reads back as the same text; as config.json, getters end in a value or an
// Error.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/hub/config_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tilefit;
  try {
    const Json value = parse_json({reinterpret_cast<const char*>(data), size}, "fuzz.json");
    const std::string text = dump_json(value, 2);
    if (dump_json(parse_json(text, "again"), 2) != text) std::abort();
    const ModelConfig config(value);
    const std::string saved = config.text();
    if (ModelConfig(parse_json(saved, "again")).text() != saved) std::abort();
    for (auto it = value.begin(); it != value.end(); ++it) {
      try {
        config.double_or(it.key(), 0.5, -1, 1);
        config.int_or(it.key(), 1, -100, 100);
      } catch (const Error&) {
      }
    }
    config.model_type();
    config.num_labels();
  } catch (const Error&) {
  }
  return 0;
}
