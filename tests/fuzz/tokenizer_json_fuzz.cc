// Any bytes as tokenizer.json, or split at the first zero byte as vocab.txt and tokenizer_config.json: either an Error, or a
// tokenizer whose tokens lie inside the text it encodes and inside its vocabulary.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tilefit/base/error.h"
#include "tilefit/base/log.h"
#include "tilefit/text/tokenizer.h"
#include "tilefit/text/utf8.h"

namespace {

void use(const tilefit::Tokenizer& tokenizer, std::string_view text) {
  using namespace tilefit;
  const auto check = [&](const Encoding& e) {
    for (size_t i = 0; i < e.ids.size(); ++i) {
      if (e.ids[i] < 0 || e.ids[i] >= tokenizer.vocab_size()) std::abort();
      if (e.offset_begin[i] < 0 || e.offset_end[i] < e.offset_begin[i]) std::abort();
      if (e.offset_end[i] > count_code_points(text)) std::abort();
    }
    tokenizer.decode(e.ids, true);
    tokenizer.decode(e.ids, false);
  };
  check(tokenizer.encode(text));
  check(tokenizer.encode(text, text, false));
  for (const auto strategy : {TruncationStrategy::kOnlySecond, TruncationStrategy::kLongestFirst}) {
    try {
      for (const Encoding& e : tokenizer.encode_windows(text, text, {12, 2, strategy})) check(e);
    } catch (const Error&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tilefit;
  set_log_level(LogLevel::kCritical);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  TokenizerFiles files;
  const size_t cut = input.find('\0');
  if (cut == std::string_view::npos) {
    files.tokenizer_json = input;
  } else {
    files.vocab_txt = input.substr(0, cut);
    files.tokenizer_config = input.substr(cut + 1);
  }
  try {
    const auto tokenizer = tokenizer_from_files(files);
    use(*tokenizer, "Hello \xC3\x89t\xCC\x81 \xE4\xB8\xAD[MASK] a-b,  c");
    use(*tokenizer, input.substr(0, 200));
  } catch (const Error&) {
  }
  return 0;
}
