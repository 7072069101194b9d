#include "tilefit/text/post_processor.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "tilefit/base/error.h"
#include "tilefit/base/json.h"
#include "tilefit/text/json_fields.h"

namespace tilefit {
namespace {

using Kind = TemplatePiece::Kind;

void append_text(const TextTokens& text, TokenRange range, int32_t type_id, int8_t sequence, Encoding& out) {
  const auto first = static_cast<std::ptrdiff_t>(range.begin), last = static_cast<std::ptrdiff_t>(range.end);
  const size_t count = range.end - range.begin;
  out.ids.insert(out.ids.end(), text.ids.begin() + first, text.ids.begin() + last);
  out.offset_begin.insert(out.offset_begin.end(), text.begin.begin() + first, text.begin.begin() + last);
  out.offset_end.insert(out.offset_end.end(), text.end.begin() + first, text.end.begin() + last);
  out.type_ids.insert(out.type_ids.end(), count, range.whole_type ? type_id : sequence);
  out.sequence_ids.insert(out.sequence_ids.end(), count, sequence);
  out.special.insert(out.special.end(), count, 0);
}

void append_special(const TemplatePiece& piece, Encoding& out) {
  const size_t count = piece.ids.size();
  out.ids.insert(out.ids.end(), piece.ids.begin(), piece.ids.end());
  out.offset_begin.insert(out.offset_begin.end(), count, 0);
  out.offset_end.insert(out.offset_end.end(), count, 0);
  out.type_ids.insert(out.type_ids.end(), count, piece.type_id);
  out.sequence_ids.insert(out.sequence_ids.end(), count, int8_t{-1});
  out.special.insert(out.special.end(), count, 1);
}

void reserve(Encoding& out, size_t count) {
  out.ids.reserve(count);
  out.type_ids.reserve(count);
  out.offset_begin.reserve(count);
  out.offset_end.reserve(count);
  out.sequence_ids.reserve(count);
  out.special.reserve(count);
}

/// Special tokens named by a template, from the "special_tokens" member of TemplateProcessing.
TemplatePiece special_piece(const Json& piece, const Json& tokens, int64_t num_ids, std::string_view where) {
  const std::string name = string_field(piece, "id", where);
  const auto entry = tokens.find(name);
  if (entry == tokens.end())
    throw Error(Code::kFailed,
                fmt::format("the template uses special token '{}', which its special_tokens do not define", name),
                std::string(where));
  TemplatePiece made{Kind::kSpecial, id_field(piece, "type_id", where), {}};
  for (const Json& id : array_field(*entry, "ids", where)) {
    made.ids.push_back(id_value(id, fmt::format("special token '{}'", name), where));
    if (made.ids.back() >= num_ids)
      throw Error(Code::kFailed,
                  fmt::format("special token '{}' has id {}, but there are {} tokens", name, made.ids.back(), num_ids),
                  std::string(where));
  }
  return made;
}

std::vector<TemplatePiece> template_from(const Json& config, std::string_view name, int64_t num_ids,
                                         std::string_view where) {
  const Json& tokens = object_field(config, "special_tokens", where);
  std::vector<TemplatePiece> pieces;
  int num_first = 0, num_second = 0;
  for (const Json& item : array_field(config, name, where)) {
    if (item.is_object() && item.contains("SpecialToken")) {
      pieces.push_back(special_piece(item["SpecialToken"], tokens, num_ids, where));
      continue;
    }
    if (!item.is_object() || !item.contains("Sequence"))
      throw Error(Code::kFailed,
                  fmt::format("template '{}' holds {}, expected a Sequence or a SpecialToken", name, item.dump()),
                  std::string(where));
    const Json& sequence = item["Sequence"];
    const std::string id = string_field(sequence, "id", where);
    if (id != "A" && id != "B")
      throw Error(Code::kFailed, fmt::format("template '{}' has sequence '{}', expected A or B", name, id),
                  std::string(where));
    ++(id == "A" ? num_first : num_second);
    pieces.push_back({id == "A" ? Kind::kFirst : Kind::kSecond, id_field(sequence, "type_id", where), {}});
  }
  const int want_second = name == "pair" ? 1 : 0;
  if (num_first != 1 || num_second != want_second)
    throw Error(Code::kFailed,
                fmt::format("template '{}' must use sequence A once and B {}, not {} and {} times", name,
                            want_second ? "once" : "never", num_first, num_second),
                std::string(where));
  return pieces;
}

/// ["[SEP]", 102] of BertProcessing.
int32_t bert_token(const Json& config, std::string_view name, int64_t num_ids, std::string_view where) {
  const Json& pair = array_field(config, name, where);
  if (pair.size() != 2)
    throw Error(Code::kFailed, fmt::format("'{}' of BertProcessing must be [token, id]", name), std::string(where));
  const int32_t id = id_value(pair[1], fmt::format("'{}' of BertProcessing", name), where);
  if (id >= num_ids)
    throw Error(Code::kFailed, fmt::format("'{}' of BertProcessing has id {}, but there are {} tokens", name, id, num_ids),
                std::string(where));
  return id;
}

}  // namespace

PostProcessor::PostProcessor() : single_{{Kind::kFirst, 0, {}}}, pair_{{Kind::kFirst, 0, {}}, {Kind::kSecond, 1, {}}} {}

PostProcessor::PostProcessor(std::vector<TemplatePiece> single, std::vector<TemplatePiece> pair)
    : single_(std::move(single)), pair_(std::move(pair)) {
  for (const TemplatePiece& piece : pair_) {
    if (piece.kind == Kind::kSpecial) continue;
    second_first_ = piece.kind == Kind::kSecond;
    break;
  }
}

int64_t PostProcessor::num_added(bool pair) const noexcept {
  size_t count = 0;
  for (const TemplatePiece& piece : pair ? pair_ : single_) count += piece.ids.size();
  return static_cast<int64_t>(count);
}

Encoding PostProcessor::assemble(const TextTokens& first, TokenRange first_range, const TextTokens* second,
                                 TokenRange second_range, bool add_special_tokens) const {
  Encoding out;
  reserve(out, first_range.end - first_range.begin + (second ? second_range.end - second_range.begin : 0) +
                   static_cast<size_t>(num_added(second != nullptr)));
  for (const TemplatePiece& piece : second ? pair_ : single_) {
    if (piece.kind == Kind::kFirst) append_text(first, first_range, piece.type_id, 0, out);
    else if (piece.kind == Kind::kSecond) append_text(*second, second_range, piece.type_id, 1, out);
    else if (add_special_tokens) append_special(piece, out);
  }
  out.attention_mask.assign(out.ids.size(), 1);
  return out;
}

PostProcessor make_bert_post_processor(int32_t cls_id, int32_t sep_id) {
  const TemplatePiece cls{Kind::kSpecial, 0, {cls_id}}, sep{Kind::kSpecial, 0, {sep_id}},
      last_sep{Kind::kSpecial, 1, {sep_id}};
  const TemplatePiece first{Kind::kFirst, 0, {}}, second{Kind::kSecond, 1, {}};
  return PostProcessor({cls, first, sep}, {cls, first, sep, second, last_sep});
}

PostProcessor make_post_processor(const Json& config, int64_t num_ids, std::string_view where) {
  if (config.is_null()) return PostProcessor();
  const std::string type = string_field(config, "type", where);
  if (type == "TemplateProcessing")
    return PostProcessor(template_from(config, "single", num_ids, where), template_from(config, "pair", num_ids, where));
  if (type == "BertProcessing")
    return make_bert_post_processor(bert_token(config, "cls", num_ids, where), bert_token(config, "sep", num_ids, where));
  throw unsupported_component("post_processor", type, "TemplateProcessing, BertProcessing", where);
}

}  // namespace tilefit
