// BERT (Devlin et al. 2018, arXiv:1810.04805) as in transformers' models/bert/modeling_bert.py, without the pooler.
#pragma once
#include "tilefit/models/encoder.h"

namespace tilefit {

/// See Architecture::make.
std::unique_ptr<Encoder> make_bert(const ModelConfig& config, const ParamScope& scope, std::optional<double> dropout);

}  // namespace tilefit
