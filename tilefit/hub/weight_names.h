// Finds a model's tensors in a weight file, whatever variant of the names it uses: with or without the base prefix ("bert."), LayerNorm
// "gamma"/"beta", tied names. Says what was missing and what was not used in the words of transformers 4.24. Knows no model: names
// and shapes come in, floats go out.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tilefit/base/function_ref.h"
#include "tilefit/hub/safetensors.h"

namespace tilefit {

struct WantedTensor {
  std::string name;  ///< full Hugging Face name: "bert.encoder.layer.0.attention.self.query.weight"
  std::vector<int64_t> shape;
  std::vector<std::string> aliases;  ///< other names of the same values (tied weights), tried after `name`
};

struct WeightOptions {
  std::string base_prefix;  ///< "bert", "distilbert": the part before the first dot of the encoder's names; may be empty
  bool ignore_mismatched_sizes = false;  ///< a tensor of another shape counts as missing instead of being an error
};

struct WeightMatches {
  struct Match {
    size_t wanted;  ///< index into the wanted list
    const TensorInfo* tensor;
  };
  struct Mismatch {
    std::string name;
    std::vector<int64_t> found, wanted;
  };
  std::vector<Match> matched;           ///< in wanted order
  std::vector<std::string> missing;     ///< wanted names that the file lacks, sorted
  std::vector<Mismatch> mismatched;     ///< only with ignore_mismatched_sizes; these are not in `missing`
  std::vector<std::string> unexpected;  ///< names of the file that nobody wanted, sorted; buffers and poolers are not listed

  /// Sentences for the log, as transformers 4.24 writes them; "" where there is nothing to say.
  /// model_class: "BertForQuestionAnswering"; checkpoint: what the user named.
  std::string unused_warning(std::string_view model_class, std::string_view checkpoint) const;
  std::string missing_warning(std::string_view model_class, std::string_view checkpoint) const;
  std::string mismatch_warning(std::string_view model_class, std::string_view checkpoint) const;
};

/// Finds each wanted tensor. Throws Error(kFailed) for a shape that differs (naming both and the likely cause) and for a tensor that does not
/// hold floats. Nothing at all found is an Error too: the file is of another architecture.
WeightMatches match_weights(const WeightFiles& files, std::span<const WantedTensor> wanted, const WeightOptions& options);

/// match_weights, then converts each match to float32 at destination(index into wanted), which has room for all its elements. A null
/// destination skips the tensor.
WeightMatches load_weights(const WeightFiles& files, std::span<const WantedTensor> wanted, const WeightOptions& options,
                           FunctionRef<float*(size_t)> destination);

}  // namespace tilefit
