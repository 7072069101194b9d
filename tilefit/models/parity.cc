#include "tilefit/models/parity.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/hub/safetensors.h"
#include "tilefit/models/model.h"

namespace tilefit {
namespace {

template <class T>
int32_t integer_at(const TensorInfo& tensor, int64_t i) {
  T value;
  std::memcpy(&value, tensor.data + i * static_cast<int64_t>(sizeof(T)), sizeof value);
  return static_cast<int32_t>(std::clamp<int64_t>(static_cast<int64_t>(value), INT32_MIN, INT32_MAX));
}

const TensorInfo& need(const SafetensorsFile& file, std::string_view name) {
  if (const TensorInfo* tensor = file.find(name)) return *tensor;
  throw Error(Code::kFailed, fmt::format("tensor '{}' is missing", name), file.path());
}

/// Elements of an integer tensor.
std::vector<int32_t> integers(const SafetensorsFile& file, const TensorInfo& tensor) {
  std::vector<int32_t> values(static_cast<size_t>(tensor.num_elements()));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    switch (tensor.dtype) {
      case DType::kI32: values[i] = integer_at<int32_t>(tensor, at); break;
      case DType::kI64: values[i] = integer_at<int64_t>(tensor, at); break;
      case DType::kBool:
      case DType::kU8: values[i] = integer_at<uint8_t>(tensor, at); break;
      default:
        throw Error(Code::kFailed,
                    fmt::format("tensor '{}' is {}, expected integers", tensor.name, dtype_name(tensor.dtype)), file.path());
    }
  }
  return values;
}

void check_shape(const SafetensorsFile& file, const TensorInfo& tensor, const std::vector<int64_t>& expected) {
  if (tensor.shape == expected) return;
  throw Error(
      Code::kFailed,
      fmt::format("tensor '{}' has shape {}, expected {}", tensor.name, shape_text(tensor.shape), shape_text(expected)),
      file.path());
}

std::vector<float> floats(const SafetensorsFile& file, const TensorInfo& tensor, const std::vector<int64_t>& shape) {
  check_shape(file, tensor, shape);
  if (!is_floating(tensor.dtype))
    throw Error(Code::kFailed, fmt::format("tensor '{}' is {}, expected floats", tensor.name, dtype_name(tensor.dtype)),
                file.path());
  std::vector<float> values(static_cast<size_t>(tensor.num_elements()));
  convert_to_f32(tensor.dtype, tensor.data, values.data(), tensor.num_elements());
  return values;
}

struct Inputs {
  int64_t B = 0, T = 0;
  TokenBatch batch;
  std::vector<int32_t> starts, ends;
};

/// Number of ones of a mask row, which must come first.
size_t mask_length(std::span<const int32_t> row, size_t index, const std::string& path) {
  const auto length = static_cast<size_t>(std::find(row.begin(), row.end(), 0) - row.begin());
  if (length == 0 || std::any_of(row.begin() + static_cast<ptrdiff_t>(length), row.end(), [](int32_t m) { return m != 0; }))
    throw Error(Code::kFailed, fmt::format("row {} of attention_mask is not a run of ones from the left", index), path);
  return length;
}

Inputs read_inputs(const std::string& path, int32_t default_pad_id) {
  const SafetensorsFile file(path);
  const TensorInfo& ids_info = need(file, "input_ids");
  if (ids_info.shape.size() != 2 || ids_info.num_elements() == 0)
    throw Error(Code::kFailed, fmt::format("tensor 'input_ids' has shape {}, expected [B, T]", shape_text(ids_info.shape)),
                path);
  Inputs in;
  in.B = ids_info.shape[0];
  in.T = ids_info.shape[1];
  const auto matrix = [&](const char* name, int32_t fallback) {
    const TensorInfo* tensor = file.find(name);
    if (!tensor) return std::vector<int32_t>(static_cast<size_t>(in.B * in.T), fallback);
    check_shape(file, *tensor, {in.B, in.T});
    return integers(file, *tensor);
  };
  const std::vector<int32_t> ids = matrix("input_ids", 0), mask = matrix("attention_mask", 1),
                             types = matrix("token_type_ids", 0);
  const auto targets = [&](const char* name) {
    const TensorInfo& tensor = need(file, name);
    check_shape(file, tensor, {in.B});
    return integers(file, tensor);
  };
  in.starts = targets("start_positions");
  in.ends = targets("end_positions");
  const auto T = static_cast<size_t>(in.T);
  std::vector<TokenSequence> sequences;
  for (size_t b = 0; b < static_cast<size_t>(in.B); ++b) {
    const size_t length = mask_length(std::span(mask).subspan(b * T, T), b, path);
    sequences.push_back({std::span(ids).subspan(b * T, length), std::span(types).subspan(b * T, length), 0});
  }
  make_batch(sequences, Padding::padded_to(in.T, default_pad_id), in.batch);
  in.batch.id_M = ids;  // padding rows keep whatever the reference was given
  in.batch.type_id_M = types;
  return in;
}

struct Difference {
  double max_abs = 0, rel_l2 = 0, reference_norm = 0;
};

Difference difference(const float* got, std::span<const float> reference, int64_t got_stride = 1) {
  Difference d;
  double squares = 0, reference_squares = 0;
  bool finite = true;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double r = reference[i], error = std::fabs(static_cast<double>(got[static_cast<int64_t>(i) * got_stride]) - r);
    finite = finite && std::isfinite(error);
    d.max_abs = std::max(d.max_abs, error);
    squares += error * error;
    reference_squares += r * r;
  }
  d.reference_norm = std::sqrt(reference_squares);
  d.rel_l2 = std::sqrt(squares) / std::max(d.reference_norm, 1e-30);
  if (!finite) d.max_abs = d.rel_l2 = std::nan("");
  return d;
}

/// Runs the comparison; one object per run.
class Parity {
 public:
  Parity(ThreadPool& pool, const ParityOptions& options)
      : pool_(pool),
        options_(options),
        model_(
            QuestionAnsweringModel::load(options.model.empty() ? options.directory : options.model, model_options(options))),
        inputs_(read_inputs(options.directory + "/inputs.safetensors", model_.pad_token_id())),
        outputs_(options.directory + "/outputs.safetensors") {
    report_.tolerances = options.tolerances;
  }

  ParityReport run() {
    Arena arena;
    Ctx ctx{pool_, arena, options_.dtype};
    ctx.recompute = options_.recompute;
    ctx.on_hidden_state = [this](int64_t l, const Tensor& x_MC) { compare_hidden(l, x_MC); };
    const double loss = model_.train_step(ctx, inputs_.batch, inputs_.starts, inputs_.ends,
                                          [this](const Tensor& logits_M2) { compare_logits(logits_M2); });
    compare_loss(loss);
    compare_grads();
    report_.pass = report_.all_grads_rel_l2 <= options_.tolerances.all_grads_rel_l2 &&
                   std::all_of(report_.tensors.begin(), report_.tensors.end(), [](const TensorParity& t) { return t.pass; });
    return std::move(report_);
  }

 private:
  static ModelOptions model_options(const ParityOptions& options) {
    ModelOptions model;
    model.head_weights = options.head_weights;
    return model;
  }

  void add(std::string name, std::string kind, const Difference& d, bool pass) {
    report_.tensors.push_back({std::move(name), std::move(kind), d.max_abs, d.rel_l2, pass});
  }

  /// The larger of two errors; one that is not a number wins.
  static double worst(double a, double b) { return std::isnan(a) || a > b ? a : b; }

  void compare_hidden(int64_t l, const Tensor& x_MC) {
    const std::string name = fmt::format("hidden.{}", l);
    const TensorInfo* reference = outputs_.find(name);
    if (!reference) return;
    std::vector<float> got(static_cast<size_t>(x_MC.rows * x_MC.cols));
    convert_to_f32(x_MC.dtype, x_MC.data, got.data(), x_MC.rows * x_MC.cols);
    const Difference d = difference(got.data(), floats(outputs_, *reference, {inputs_.B, inputs_.T, x_MC.cols}));
    report_.hidden_max_rel_l2 = worst(report_.hidden_max_rel_l2, d.rel_l2);
    add(name, "hidden", d, d.rel_l2 <= options_.tolerances.hidden_rel_l2);
  }

  void compare_logits(const Tensor& logits_M2) {
    for (const int64_t column : {0, 1}) {
      const char* name = column == 0 ? "start_logits" : "end_logits";
      const Difference d = difference(logits_M2.as<float>() + column,
                                      floats(outputs_, need(outputs_, name), {inputs_.B, inputs_.T}), logits_M2.stride);
      report_.logits_max_abs = worst(report_.logits_max_abs, d.max_abs);
      report_.logits_rel_l2 = worst(report_.logits_rel_l2, d.rel_l2);
      const ParityTolerances& t = options_.tolerances;
      add(name, "logits", d, d.max_abs <= t.logits_max_abs && d.rel_l2 <= t.logits_rel_l2);
    }
  }

  void compare_loss(double loss) {
    const TensorInfo& info = need(outputs_, "loss");
    if (info.num_elements() != 1) check_shape(outputs_, info, {1});
    const std::vector<float> reference = floats(outputs_, info, info.shape);
    const auto got = static_cast<float>(loss);
    const Difference d = difference(&got, reference);
    report_.loss = loss;
    report_.loss_abs_err = d.max_abs;
    add("loss", "loss", d, d.max_abs <= options_.tolerances.loss_abs);
  }

  void compare_grads() {
    const std::string whole = options_.directory + "/grads.safetensors",
                      some = options_.directory + "/grads_small.safetensors";
    if (!file_exists(whole) && !file_exists(some))
      throw Error(Code::kFailed, "neither grads.safetensors nor grads_small.safetensors is there", options_.directory);
    const SafetensorsFile file(file_exists(whole) ? whole : some);
    ParamStore& params = model_.params();
    const float* const grads = params.grads<float>();
    double squares = 0, error_squares = 0, reference_squares = 0;
    for (int64_t i = 0; i < params.size(); ++i) squares += static_cast<double>(grads[i]) * grads[i];
    const double tiny = options_.tolerances.tiny_grad_share * std::sqrt(squares);
    std::vector<const TensorInfo*> sorted;
    for (const TensorInfo& tensor : file.tensors()) sorted.push_back(&tensor);
    std::sort(sorted.begin(), sorted.end(), [](const TensorInfo* a, const TensorInfo* b) { return a->name < b->name; });
    for (const TensorInfo* tensor : sorted) {
      const ParamPartView* view = params.find(tensor->name);
      if (!view)
        throw Error(Code::kFailed, fmt::format("gradient '{}' is of no parameter of {}", tensor->name, model_.class_name()),
                    file.path());
      const Difference d = difference(grads + view->offset, floats(file, *tensor, view->part->shape));
      error_squares += std::pow(d.rel_l2 * d.reference_norm, 2);
      reference_squares += d.reference_norm * d.reference_norm;
      if (d.reference_norm < tiny) {
        add(tensor->name, "grad (tiny)", d, d.max_abs <= options_.tolerances.tiny_grad_abs);
        continue;
      }
      report_.grads_max_rel_l2 = worst(report_.grads_max_rel_l2, d.rel_l2);
      add(tensor->name, "grad", d, d.rel_l2 <= options_.tolerances.grads_rel_l2);
    }
    report_.all_grads_rel_l2 = std::sqrt(error_squares / std::max(reference_squares, 1e-60));
    report_.num_grads = static_cast<int64_t>(file.tensors().size());
    report_.num_parameters = static_cast<int64_t>(params.parts().size());
  }

  ThreadPool& pool_;
  const ParityOptions& options_;
  QuestionAnsweringModel model_;
  Inputs inputs_;
  SafetensorsFile outputs_;
  ParityReport report_;
};

std::string tolerance(double value) {
  return std::isfinite(value) ? fmt::format("tolerance {:.0e}", value) : std::string("any");
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

ParityTolerances ParityTolerances::bf16() {
  constexpr double kAny = std::numeric_limits<double>::infinity();
  ParityTolerances t;
  t.logits_max_abs = t.grads_rel_l2 = t.tiny_grad_abs = kAny;
  t.loss_abs = t.hidden_rel_l2 = t.logits_rel_l2 = t.all_grads_rel_l2 = 5e-2;
  return t;
}

ParityReport run_parity(ThreadPool& pool, const ParityOptions& options) { return Parity(pool, options).run(); }

Json parity_json(const ParityReport& report) {
  const ParityTolerances& t = report.tolerances;
  Json tensors = Json::array();
  for (const TensorParity& tensor : report.tensors)
    tensors.push_back({{"name", tensor.name},
                       {"kind", tensor.kind},
                       {"max_abs", number(tensor.max_abs)},
                       {"rel_l2", number(tensor.rel_l2)},
                       {"pass", tensor.pass}});
  return {{"pass", report.pass},
          {"loss", number(report.loss)},
          {"loss_abs_err", number(report.loss_abs_err)},
          {"logits_max_abs", number(report.logits_max_abs)},
          {"logits_rel_l2", number(report.logits_rel_l2)},
          {"hidden_max_rel_l2", number(report.hidden_max_rel_l2)},
          {"grads_max_rel_l2", number(report.grads_max_rel_l2)},
          {"all_grads_rel_l2", number(report.all_grads_rel_l2)},
          {"grads_compared", report.num_grads},
          {"parameters", report.num_parameters},
          {"tolerances",
           {{"logits_max_abs", number(t.logits_max_abs)},
            {"logits_rel_l2", number(t.logits_rel_l2)},
            {"loss_abs", number(t.loss_abs)},
            {"hidden_rel_l2", number(t.hidden_rel_l2)},
            {"grads_rel_l2", number(t.grads_rel_l2)},
            {"all_grads_rel_l2", number(t.all_grads_rel_l2)},
            {"tiny_grad_share", number(t.tiny_grad_share)},
            {"tiny_grad_abs", number(t.tiny_grad_abs)}}},
          {"tensors", std::move(tensors)}};
}

std::string parity_text(const ParityReport& report) {
  const ParityTolerances& t = report.tolerances;
  size_t width = 6;
  for (const TensorParity& tensor : report.tensors) width = std::max(width, tensor.name.size());
  std::string out = fmt::format("{:<{}}  {:<11}  {:>9}  {:>9}\n", "tensor", width, "kind", "max abs", "rel L2");
  for (const TensorParity& tensor : report.tensors)
    out += fmt::format("{:<{}}  {:<11}  {:>9.2e}  {:>9.2e}  {}\n", tensor.name, width, tensor.kind, tensor.max_abs,
                       tensor.rel_l2, tensor.pass ? "ok" : "FAILED");
  out +=
      fmt::format("loss {:.6f}, error {:.2e} (tolerance {:.0e} absolute)\n", report.loss, report.loss_abs_err, t.loss_abs);
  out += fmt::format("logits: max abs error {:.2e} ({}), rel L2 error {:.2e} ({})\n", report.logits_max_abs,
                     tolerance(t.logits_max_abs), report.logits_rel_l2, tolerance(t.logits_rel_l2));
  out +=
      fmt::format("hidden states: max rel L2 error {:.2e} (tolerance {:.0e})\n", report.hidden_max_rel_l2, t.hidden_rel_l2);
  out += fmt::format(
      "gradients: rel L2 error of one {:.2e} ({}; tiny ones {} absolute), of all together {:.2e} ({}), {} of {} "
      "parameters compared\n",
      report.grads_max_rel_l2, tolerance(t.grads_rel_l2), tolerance(t.tiny_grad_abs), report.all_grads_rel_l2,
      tolerance(t.all_grads_rel_l2), report.num_grads, report.num_parameters);
  out += report.pass ? "PASS\n" : "FAIL\n";
  return out;
}

}  // namespace tilefit
