// Compares a model with the outputs and gradients that a reference (transformers) wrote for the same weights and inputs: one forward and
// backward pass in float32 (or bf16), without dropout, padded as the inputs are.
#pragma once
#include <string>
#include <vector>

#include "tilefit/base/json_fwd.h"
#include "tilefit/cpu/thread_pool.h"
#include "tilefit/tensor/dtype.h"

namespace tilefit {

/// A difference up to these passes. The reference itself, float32 against float64, differs by up to 1.4e-5 (logits) and 5.4e-6 (gradients).
struct ParityTolerances {
  double logits_max_abs = 2e-5;
  double loss_abs = 2e-5;
  double hidden_rel_l2 = 2e-5;
  double grads_rel_l2 = 2e-5;
  /// A gradient whose reference norm is below this share of the whole gradient's norm is zero by algebra and holds rounding noise
  /// (key biases, the head's bias): it is compared by absolute error and left out of grads_max_rel_l2.
  double tiny_grad_share = 1e-6;
  double tiny_grad_abs = 1e-6;
  double logits_rel_l2 = 2e-5;     ///< of start and end logits, each
  double all_grads_rel_l2 = 2e-5;  ///< of all compared gradients as one vector

  /// For activations and weights rounded to bf16: single numbers and small gradients may be far off, the whole may not.
  static ParityTolerances bf16();
};

struct ParityOptions {
  /// inputs.safetensors (input_ids, attention_mask, token_type_ids, start_positions, end_positions), outputs.safetensors (start_logits,
  /// end_logits, loss, hidden.N for any N) and grads.safetensors or grads_small.safetensors (any of the parameters).
  std::string directory;
  std::string model;          ///< folder with config.json and weights; "" = directory
  std::string head_weights;   ///< safetensors file whose tensors replace parameters; "" = none
  bool recompute = false;     ///< run backward with recomputed activations
  DType dtype = DType::kF32;  ///< of activations: kF32 or kBF16
  ParityTolerances tolerances;
};

struct TensorParity {
  std::string name;
  std::string kind;  ///< "hidden", "logits", "loss", "grad", "grad (tiny)"
  double max_abs = 0, rel_l2 = 0;
  bool pass = false;
};

struct ParityReport {
  bool pass = false;
  double loss = 0, loss_abs_err = 0, logits_max_abs = 0, logits_rel_l2 = 0;
  double hidden_max_rel_l2 = 0, grads_max_rel_l2 = 0, all_grads_rel_l2 = 0;
  int64_t num_grads = 0, num_parameters = 0;  ///< compared gradients; tensors of the model
  std::vector<TensorParity> tensors;
  ParityTolerances tolerances;
};

/// Runs and compares. Throws Error: a file or tensor that is missing or damaged, shapes that do not fit, a mask that is not a run of ones from
/// the left, a gradient of an unknown parameter; and all errors of loading a model.
ParityReport run_parity(ThreadPool& pool, const ParityOptions& options);

/// The report as a JSON object: pass, loss, loss_abs_err, logits_max_abs, logits_rel_l2, hidden_max_rel_l2, grads_max_rel_l2,
/// all_grads_rel_l2, grads_compared, parameters,
/// tolerances, tensors [{name, kind, max_abs, rel_l2, pass}]. Numbers that are not finite become null.
Json parity_json(const ParityReport& report);

/// The report as a table for people.
std::string parity_text(const ParityReport& report);

}  // namespace tilefit
