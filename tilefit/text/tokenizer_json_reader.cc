#include "tilefit/text/tokenizer_json_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "tilefit/base/error.h"
#include "tilefit/text/json_fields.h"

namespace tilefit {
namespace {

// Members of any object but the vocabulary: their insertion is linear, so a bound keeps hostile files from taking for ever.
constexpr size_t kMaxMembers = 4096;

/// Builds the document while the parser runs. Returning false would stop the parser; errors are thrown instead.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, std::string_view where, TokenizerJson& out) : text_(text), where_(where), out_(out) {}

  bool null() override { return value(Json(nullptr)); }
  bool boolean(bool v) override { return value(Json(v)); }
  bool number_integer(number_integer_t v) override { return value(Json(v)); }
  bool number_unsigned(number_unsigned_t v) override { return value(Json(v)); }
  bool number_float(number_float_t v, const string_t&) override { return value(Json(v)); }
  bool string(string_t& v) override { return value(Json(std::move(v))); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    if (at_vocabulary()) out_.has_vocabulary = in_vocabulary_ = true;
    return open(Json::object());
  }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override {
    in_vocabulary_ = false;  // ids are numbers, so no object can end inside
    if (stack_.back() == model_) model_ = nullptr;
    stack_.pop_back();
    return true;
  }
  bool end_array() override {
    stack_.pop_back();
    return true;
  }

  bool key(string_t& v) override {
    key_ = std::move(v);
    if (!in_vocabulary_ && stack_.back()->size() >= kMaxMembers)
      throw Error(Code::kFailed, fmt::format("an object has more than {} members", kMaxMembers), std::string(where_));
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    const std::string_view before = text_.substr(0, std::min(position ? position - 1 : 0, text_.size()));
    const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const std::string_view what = e.what();
    const size_t reason = what.find(": ");
    throw Error(
        Code::kFailed, fmt::format("malformed JSON: {}", reason == std::string_view::npos ? what : what.substr(reason + 2)),
        fmt::format("{}:{}:{}", where_, 1 + std::count(before.begin(), before.end(), '\n'), before.size() - line_start + 1));
  }

 private:
  bool at_vocabulary() const {
    return stack_.size() == 2 && stack_[0]->is_object() && stack_[1] == model_ && key_ == "vocab" && stack_[1]->is_object();
  }

  bool open(Json container) {
    if (in_vocabulary_ && stack_.size() > 2) bad_id(container);
    if (stack_.size() >= static_cast<size_t>(kMaxJsonDepth))
      throw Error(Code::kFailed, fmt::format("JSON nests deeper than {} levels", kMaxJsonDepth), std::string(where_));
    const bool is_model = stack_.size() == 1 && stack_[0]->is_object() && key_ == "model";
    Json* const made = put(std::move(container));
    if (is_model) model_ = made;
    stack_.push_back(made);
    return true;
  }

  bool value(Json v) {
    if (in_vocabulary_) {
      if (!v.is_number_integer()) bad_id(v);
      const int32_t id = id_value(v, fmt::format("token '{}'", key_), where_);
      out_.vocabulary.emplace_back(std::move(key_), id);
    } else {
      put(std::move(v));
    }
    return true;
  }

  [[noreturn]] void bad_id(const Json& v) const {
    throw Error(Code::kFailed, fmt::format("the id of token '{}' must be an integer, not {}", key_, v.dump()),
                std::string(where_));
  }

  Json* put(Json v) {
    if (stack_.empty()) {
      out_.document = std::move(v);
      return &out_.document;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(v));
      return &parent.back();
    }
    Json& member = parent[key_];
    member = std::move(v);
    return &member;
  }

  std::string_view text_, where_;
  TokenizerJson& out_;
  std::vector<Json*> stack_;  // open containers; a container never moves while one inside it is open
  const Json* model_ = nullptr;
  std::string key_;
  bool in_vocabulary_ = false;
};

}  // namespace

TokenizerJson read_tokenizer_json(std::string_view text, std::string_view where) {
  TokenizerJson out;
  Builder builder(text, where, out);
  Json::sax_parse(text.begin(), text.end(), &builder);
  if (!out.document.is_object())
    throw Error(Code::kFailed, fmt::format("expected a JSON object, found {}", out.document.type_name()),
                std::string(where));
  return out;
}

}  // namespace tilefit
