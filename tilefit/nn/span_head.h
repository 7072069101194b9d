// The question-answering head: two logits per token row (answer start and end), and the span loss.
#pragma once
#include <span>

#include "tilefit/nn/linear.h"

namespace tilefit {

class SpanHead {
 public:
  struct Stash {
    Tensor x_MC;
  };

  /// Registers scope / "qa_outputs". dropout_p: of the input (DistilBERT has it, BERT not).
  SpanHead(const ParamScope& scope, int64_t C, double dropout_p);

  /// Sets logits_M2 (wide). x_MC is overwritten by its dropped-out self.
  void forward(Ctx& ctx, const Tensor& x_MC, const Tensor& logits_M2, Stash* stash);

  /// dlogits_M2: wide. Sets dx_MC; adds to the parameters' gradients.
  void backward(Ctx& ctx, const Tensor& dlogits_M2, const Tensor& dx_MC, const Stash& stash);

 private:
  Linear linear_;
  double dropout_p_;
};

/// Mean of start and end cross-entropy over the sequences of ctx.rows; sets dlogits_M2. starts, ends: B target rows within the sequence;
/// negative ones count as 0, those past the end are left out of their mean (all left out: 0). In a dry run returns 0.
/// Source: transformers, BertForQuestionAnswering.forward (clamp to ignored_index = length).
double span_loss(Ctx& ctx, const Tensor& logits_M2, std::span<const int32_t> starts, std::span<const int32_t> ends,
                 const Tensor& dlogits_M2);

}  // namespace tilefit
