#include "tilefit/text/decoder.h"

#include <utility>

#include "tilefit/base/json.h"
#include "tilefit/text/json_fields.h"

namespace tilefit {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// The replacements of the library, in its order (later ones see the result of earlier ones).
void clean_up(std::string& text) {
  constexpr std::pair<std::string_view, std::string_view> kReplacements[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : kReplacements) replace_all(text, from, to);
}

class WordPieceDecoder final : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}

  std::string decode(const std::vector<std::string>& tokens) const override {
    std::string text, part;
    for (size_t i = 0; i < tokens.size(); ++i) {
      part = tokens[i];
      if (i > 0) {
        if (part.compare(0, prefix_.size(), prefix_) == 0) part.erase(0, prefix_.size());
        else part.insert(0, 1, ' ');
      }
      if (cleanup_) clean_up(part);
      text += part;
    }
    return text;
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

class BlankDecoder final : public Decoder {
 public:
  std::string decode(const std::vector<std::string>& tokens) const override {
    std::string text;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) text += ' ';
      text += tokens[i];
    }
    return text;
  }
};

}  // namespace

std::unique_ptr<Decoder> make_wordpiece_decoder(std::string prefix, bool cleanup) {
  return std::make_unique<WordPieceDecoder>(std::move(prefix), cleanup);
}

std::unique_ptr<Decoder> make_decoder(const Json& config, std::string_view where) {
  if (config.is_null()) return std::make_unique<BlankDecoder>();
  const std::string type = string_field(config, "type", where);
  if (type == "WordPiece")
    return make_wordpiece_decoder(string_field_or(config, "prefix", "##", where),
                                  bool_field(config, "cleanup", true, where));
  throw unsupported_component("decoder", type, "WordPiece", where);
}

}  // namespace tilefit
