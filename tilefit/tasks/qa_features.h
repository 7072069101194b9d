// Question-answering features: each example becomes one window of tokens, or several that overlap where the context is long.
// Same windows, labels and offsets as prepare_train_features and prepare_validation_features of run_qa.py (transformers 4.24).
// Features hold real tokens only: padding belongs to the batch. The tokenizer pads nothing, question first, context second.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tilefit/cpu/thread_pool.h"
#include "tilefit/data/qa_examples.h"
#include "tilefit/text/tokenizer.h"

namespace tilefit {

/// One window of an example.
struct QaFeature {
  std::vector<int32_t> ids, type_ids;             // one per token
  std::vector<int32_t> offset_begin, offset_end;  // code points of the context; (-1, -1) for tokens that are not context
  int64_t example = 0;                            // index of the example
  int32_t start_position = 0,
          end_position = 0;  // token indices of the first answer; the [CLS] token's where it is not in here

  int64_t size() const noexcept { return static_cast<int64_t>(ids.size()); }
};

struct QaFeatureOptions {
  int max_seq_length = 384;             // tokens of a window, special tokens included
  int doc_stride = 128;                 // tokens that neighbouring windows share
  bool with_labels = true;              // set the positions (training)
  bool with_offsets = true;             // fill the offsets (evaluation); without them training features are half as large
  bool pad_to_max_length = false;       // affects labels only, see build_qa_features
  std::optional<int64_t> max_features;  // the first N only, as --max_train_samples cuts features too
};

/// max_seq_length, or the tokenizer's model_max_length where that is smaller: then with run_qa.py's warning in the log.
int clip_max_seq_length(int max_seq_length, const Tokenizer& tokenizer);

/// Features of all examples, in order of the examples and of the windows in an example, whatever the number of threads.
/// White space on the left of a question is dropped. An answer that begins in the last token of a window before the closing
/// special token gets run_qa.py's start label: the last position of the row, which is the closing token of an unpadded row and, with
/// pad_to_max_length, max_seq_length - 1. Where run_qa.py would end with an error (an empty answer text at 0) the label is [CLS].
/// Throws Error(kUsage) naming the question where its tokens leave no room for the context, or the stride does not fit.
std::vector<QaFeature> build_qa_features(std::span<const QaExample> examples, const Tokenizer& tokenizer,
                                         const QaFeatureOptions& options, ThreadPool& pool);

}  // namespace tilefit
