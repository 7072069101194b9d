// Any bytes as a question-answering data set (nested or flat JSON, JSON lines, CSV, Python literals): either an Error, or examples whose
// answers match their starts in number.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tilefit/base/error.h"
#include "tilefit/data/qa_examples.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tilefit;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const QaAnswers answers : {QaAnswers::kRequired, QaAnswers::kTextsOnly, QaAnswers::kOptional}) {
    try {
      QaReadStats stats;
      const auto examples = parse_qa_examples(text, "fuzz", {answers, 100}, &stats);
      if (examples.empty() || stats.examples != static_cast<int64_t>(examples.size())) std::abort();
      for (const QaExample& example : examples)
        if (example.answer_texts.size() != example.answer_starts.size()) std::abort();
    } catch (const Error&) {
    }
  }
  return 0;
}
