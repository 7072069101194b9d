// DistilBERT (Sanh et al. 2019, arXiv:1910.01108) as in transformers' models/distilbert/modeling_distilbert.py: BERT without token types
// and pooler, without dropout after the attention's output projection, with dropout before the question-answering head.
#pragma once
#include "tilefit/models/encoder.h"

namespace tilefit {

/// See Architecture::make.
std::unique_ptr<Encoder> make_distilbert(const ModelConfig& config, const ParamScope& scope, std::optional<double> dropout);

}  // namespace tilefit
