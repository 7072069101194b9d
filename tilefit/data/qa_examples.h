// Question-answering data sets from files: the official nested SQuAD JSON, the flat rows of Hugging Face (JSON under "data" or a
// bare list, JSON lines, CSV), each plain or gzip. The form is found from the content, never from the file name.
// Only reads: windows, labels and token offsets are made in tasks/qa_features.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tilefit {

/// A question about a context, with its answers (none: the question is impossible to answer).
struct QaExample {
  std::string id, title, question, context;
  std::vector<std::string> answer_texts;
  std::vector<int64_t> answer_starts;  // code points of `context`, one for each text as the file has them (not checked)

  bool is_impossible() const noexcept { return answer_texts.empty(); }
};

/// What a row must hold.
enum class QaAnswers {
  kRequired,   // texts and starts: training
  kTextsOnly,  // starts may be missing (0 then): scoring
  kOptional,   // nothing but question and context: prediction
};

struct QaReadOptions {
  QaAnswers answers = QaAnswers::kRequired;
  std::optional<int64_t> max_examples;  // the first N only, as --max_train_samples
};

/// Oddities of a data set that are worth a warning but end nothing.
struct QaReadStats {
  int64_t examples = 0;
  int64_t impossible = 0;       // examples without an answer
  int64_t answers = 0;          // all answers of all examples
  int64_t answers_outside = 0;  // of these: the context does not hold the text at answer_start
  int64_t duplicate_ids = 0;    // examples whose id an earlier one has
};

/// Reads a data set. Columns of flat rows are chosen as run_qa.py chooses them: "question", "context" and "answers", else the
/// first, second and third; a missing "id" becomes the row's number from 0. In a CSV file the answers are JSON or the text of a
/// Python dictionary. stats: set when given. Throws Error(kFailed) with file, line or row and field: unreadable or empty file,
/// malformed JSON or CSV, not UTF-8, a missing field, a field of another type, as many texts as starts, no examples.
std::vector<QaExample> read_qa_examples(const std::string& path, const QaReadOptions& options = {},
                                        QaReadStats* stats = nullptr);

/// The same from memory. where: file name for messages.
std::vector<QaExample> parse_qa_examples(std::string_view text, std::string_view where, const QaReadOptions& options = {},
                                         QaReadStats* stats = nullptr);

}  // namespace tilefit
