// A tokenizer as transformers loads one: text to ids with the exact source offset of every token.
// Built from tokenizer.json, or from vocab.txt + tokenizer_config.json. Immutable after loading and safe to share by threads.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tilefit {

/// One encoded text, pair or window. All vectors have one entry per token.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;
  std::vector<int32_t> offset_begin, offset_end;  // code points of the source text; (0, 0) for special tokens
  std::vector<int8_t> sequence_ids;               // 0 first text, 1 second text, -1 special token or padding
  std::vector<uint8_t> special;                   // 1 for tokens that the template or padding added
  std::vector<uint8_t> attention_mask;            // 0 for padding only

  int64_t size() const noexcept { return static_cast<int64_t>(ids.size()); }
};

enum class TruncationStrategy { kOnlyFirst, kOnlySecond, kLongestFirst };

/// Truncation as the `tokenizers` library does it: windows of at most max_length tokens, special tokens included, that overlap
/// by `stride` tokens of the truncated text.
struct Truncation {
  int max_length = 0;
  int stride = 0;
  TruncationStrategy strategy = TruncationStrategy::kLongestFirst;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Encodes a text, or a text and its pair, without truncation or padding (the settings inside tokenizer.json are ignored,
  /// as transformers overrides them). Texts are UTF-8; malformed bytes count as U+FFFD. Thread-safe.
  virtual Encoding encode(std::string_view text, std::optional<std::string_view> pair = std::nullopt,
                          bool add_special_tokens = true) const = 0;

  /// As encode, truncated: the first window, then the overflowing ones in order. Throws Error(kUsage) where `tokenizers` refuses
  /// (the text to truncate is too short for the strategy, the stride does not fit).
  virtual std::vector<Encoding> encode_windows(std::string_view text, std::optional<std::string_view> pair,
                                               const Truncation& truncation) const = 0;

  /// Text of ids. skip_special leaves out the special tokens.
  virtual std::string decode(const std::vector<int32_t>& ids, bool skip_special) const = 0;

  /// Number of ids, added tokens included.
  virtual int64_t vocab_size() const = 0;
  virtual std::optional<int32_t> token_to_id(std::string_view token) const = 0;
  virtual std::optional<std::string> id_to_token(int32_t id) const = 0;

  /// Ids of the special tokens that tokenizer_config.json (or the model's defaults) names; nullopt when there is none.
  struct SpecialIds {
    std::optional<int32_t> cls, sep, pad, unk, mask;
  };
  virtual const SpecialIds& special_ids() const = 0;

  /// "model_max_length" of tokenizer_config.json; nullopt when absent or the huge value that means none.
  virtual std::optional<int64_t> model_max_length() const = 0;

  /// Name and content of each file that save() writes: together they are all that this tokenizer's results depend on.
  virtual const std::vector<std::pair<std::string, std::string>>& files() const = 0;

  /// Files that save_pretrained would write (tokenizer.json, tokenizer_config.json, vocab.txt, special_tokens_map.json): writes
  /// them into `directory`, the originals byte for byte where they exist.
  virtual void save(const std::string& directory) const = 0;
};

/// Appends padding up to `length` tokens (pad_id, offsets (0, 0), sequence -1, special, attention 0); longer encodings stay.
void pad(Encoding& encoding, int64_t length, int32_t pad_id, int32_t pad_type_id = 0);

/// Contents of a tokenizer's files; nullopt where there is none. directory only serves messages.
struct TokenizerFiles {
  std::string directory;
  std::optional<std::string> tokenizer_json, tokenizer_config, vocab_txt, special_tokens_map;
};

/// As load_tokenizer, from memory.
std::unique_ptr<Tokenizer> tokenizer_from_files(const TokenizerFiles& files);

/// Loads the tokenizer of a model directory. Prefers tokenizer.json; else vocab.txt (+ tokenizer_config.json). Throws Error:
/// nothing found (lists what was looked for), malformed or unsupported content (names the component and the supported ones).
std::unique_ptr<Tokenizer> load_tokenizer(const std::string& directory);

}  // namespace tilefit
