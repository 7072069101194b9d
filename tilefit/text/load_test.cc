// Loading from memory: added tokens, post-processors, configuration, and what is said about damaged files. Expected tokens were
// read off the reference library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/text/tokenizer.h"

namespace tilefit {
namespace {

using test::error_message;
using Ids = std::vector<int32_t>;
using Offsets = std::vector<std::pair<int32_t, int32_t>>;

/// A small uncased tokenizer.json.
Json small() {
  return parse_json(R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null,
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
              "vocab": {"[UNK]": 0, "a": 1, "b": 2, "[CLS]": 3, "[SEP]": 4, "##c": 5, "##b": 6}}})",
                    "test");
}

Json added_token(int id, const char* content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", false}};
}

std::unique_ptr<Tokenizer> load(const Json& tokenizer, const char* config = nullptr) {
  TokenizerFiles files;
  files.tokenizer_json = tokenizer.dump();
  if (config) files.tokenizer_config = config;
  return tokenizer_from_files(files);
}

std::unique_ptr<Tokenizer> load_vocab(const std::string& vocab, const char* config = "{}") {
  TokenizerFiles files;
  files.vocab_txt = vocab;
  files.tokenizer_config = config;
  return tokenizer_from_files(files);
}

void expect_tokens(const Tokenizer& tokenizer, const std::string& text, const Ids& ids, const Offsets& offsets) {
  const Encoding e = tokenizer.encode(text);
  EXPECT_EQ(e.ids, ids) << text;
  Offsets got;
  for (size_t i = 0; i < e.ids.size(); ++i) got.emplace_back(e.offset_begin[i], e.offset_end[i]);
  EXPECT_EQ(got, offsets) << text;
}

TEST(AddedTokens, LeftmostLongest) {
  Json json = small();
  json["added_tokens"] = Json::array({added_token(7, "<x>"), added_token(8, "<x><y>"), added_token(9, "<y>")});
  const auto t = load(json);
  EXPECT_EQ(t->vocab_size(), 10);
  expect_tokens(*t, "a<x><y>b", {1, 8, 2}, {{0, 1}, {1, 7}, {7, 8}});
  expect_tokens(*t, "<y><x>", {9, 7}, {{0, 3}, {3, 6}});
  expect_tokens(*t, "<x", {0, 0}, {{0, 1}, {1, 2}});
}

TEST(AddedTokens, SingleWord) {
  Json json = small();
  json["added_tokens"] = Json::array({added_token(7, "Foo")});
  json["added_tokens"][0]["single_word"] = true;
  const auto t = load(json);
  expect_tokens(*t, "Foo a", {7, 1}, {{0, 3}, {4, 5}});
  expect_tokens(*t, "aFoo", {0}, {{0, 4}});
  expect_tokens(*t, "Foo.", {7, 0}, {{0, 3}, {3, 4}});
  expect_tokens(*t, "Foo\xCC\x81 b", {0, 2}, {{0, 3}, {5, 6}});  // a combining mark is a word character
  expect_tokens(*t, "foo", {0}, {{0, 3}});
}

TEST(AddedTokens, Strip) {
  Json json = small();
  json["added_tokens"] = Json::array({added_token(7, "<m>"), added_token(8, "<n>")});
  json["added_tokens"][0]["lstrip"] = true;
  json["added_tokens"][1]["rstrip"] = true;
  const auto t = load(json);
  expect_tokens(*t, "a  <m>  b", {1, 7, 2}, {{0, 1}, {1, 6}, {8, 9}});
  expect_tokens(*t, "a <n> \t b", {1, 8, 2}, {{0, 1}, {2, 8}, {8, 9}});
  expect_tokens(*t, " <n> <m> ", {8, 7}, {{1, 5}, {5, 8}});
}

TEST(AddedTokens, Normalized) {
  Json json = small();
  json["added_tokens"] = Json::array({added_token(7, "F\xC3\x96O")});
  json["added_tokens"][0]["normalized"] = true;
  const auto t = load(json);
  expect_tokens(*t, "a foo b", {1, 7, 2}, {{0, 1}, {2, 5}, {6, 7}});
  expect_tokens(*t, "a Fo\xCC\x88O b", {1, 7, 2}, {{0, 1}, {2, 6}, {7, 8}});
  EXPECT_EQ(t->id_to_token(7), "foo");  // as the library shows it
  EXPECT_EQ(t->token_to_id("F\xC3\x96O"), 7);
}

TEST(PostProcessor, TemplatesWithTypeIds) {
  Json json = small();
  json["post_processor"] = parse_json(R"({"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 3}}, {"Sequence": {"id": "A", "type_id": 2}}],
    "pair": [{"Sequence": {"id": "B", "type_id": 5}}, {"SpecialToken": {"id": "[SEP]", "type_id": 7}}, {"Sequence": {"id": "A", "type_id": 1}}],
    "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [3, 4], "tokens": ["[CLS]", "[SEP]"]},
                       "[SEP]": {"id": "[SEP]", "ids": [4], "tokens": ["[SEP]"]}}})",
                                      "test");
  const auto t = load(json);
  const Encoding single = t->encode("a b"), pair = t->encode("a b", "b");
  EXPECT_EQ(single.ids, (Ids{3, 4, 1, 2}));
  EXPECT_EQ(single.type_ids, (Ids{3, 3, 2, 2}));
  EXPECT_EQ(pair.ids, (Ids{2, 4, 1, 2}));
  EXPECT_EQ(pair.type_ids, (Ids{5, 7, 1, 1}));
  EXPECT_THAT(pair.sequence_ids, testing::ElementsAre(1, -1, 0, 0));
  EXPECT_EQ(t->encode("a b", "b", false).ids, (Ids{2, 1, 2}));
  // Tokens of overflowing windows have type id 0 or 1, whatever the template says.
  const auto windows = t->encode_windows("a b a", "b b b b", {4, 0, TruncationStrategy::kLongestFirst});
  ASSERT_EQ(windows.size(), 6u);
  EXPECT_EQ(windows[0].type_ids, (Ids{5, 5, 7, 1}));
  EXPECT_EQ(windows[2].type_ids, (Ids{1, 1, 7, 0}));
}

TEST(PostProcessor, BertProcessingAndNone) {
  Json json = small();
  const auto none = load(json)->encode("a b", "b");
  EXPECT_EQ(none.ids, (Ids{1, 2, 2}));
  EXPECT_EQ(none.type_ids, (Ids{0, 0, 1}));
  json["post_processor"] = parse_json(R"({"type": "BertProcessing", "sep": ["[SEP]", 4], "cls": ["[CLS]", 3]})", "test");
  const auto bert = load(json)->encode("a b", "b");
  EXPECT_EQ(bert.ids, (Ids{3, 1, 2, 4, 2, 4}));
  EXPECT_EQ(bert.type_ids, (Ids{0, 0, 0, 0, 1, 1}));
  EXPECT_THAT(bert.special, testing::ElementsAre(1, 0, 0, 1, 0, 1));
}

TEST(Decoder, JoinsPiecesAndCleansUp) {
  Json json = small();
  EXPECT_EQ(load(json)->decode({1, 5, 2}, false), "ac b");
  EXPECT_EQ(load(json)->decode({5, 1, 99, -1}, false), "##c a");
  json["decoder"] = nullptr;
  EXPECT_EQ(load(json)->decode({1, 5, 2}, false), "a ##c b");
  const auto t = load_vocab("[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nhi\n,\n!\nn't\n##s\n");
  EXPECT_EQ(t->decode({1, 5, 9, 6, 5, 8, 7, 2}, true), "his, hin't!");
  EXPECT_EQ(t->decode({1, 5, 2}, false), "[CLS] hi [SEP]");
}

TEST(Pad, AppendsUpToTheLength) {
  Encoding e = load(small())->encode("a b");
  pad(e, 4, 9);
  EXPECT_EQ(e.ids, (Ids{1, 2, 9, 9}));
  EXPECT_THAT(e.attention_mask, testing::ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(e.special, testing::ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(e.sequence_ids, testing::ElementsAre(0, 0, -1, -1));
  pad(e, 3, 9);
  EXPECT_EQ(e.size(), 4);
}

constexpr const char* kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nHi\nhi\n##x\n";

TEST(VocabTxt, ConfigurationDecides) {
  EXPECT_EQ(load_vocab(kVocab)->encode("Hix").ids, (Ids{2, 6, 7, 3}));  // lower case unless told otherwise
  EXPECT_EQ(load_vocab(kVocab, R"({"do_lower_case": false})")->encode("Hix").ids, (Ids{2, 5, 7, 3}));
  const auto t =
      load_vocab(kVocab, R"({"do_lower_case": false, "model_max_length": 512, "additional_special_tokens": ["<x>"],
    "mask_token": {"__type": "AddedToken", "content": "[MASK]", "lstrip": true, "rstrip": false, "normalized": false, "single_word": false},
    "added_tokens_decoder": {"8": {"content": "hi hi", "lstrip": false, "normalized": true, "rstrip": false, "single_word": true, "special": false},
                             "0": {"content": "[PAD]", "lstrip": false, "normalized": false, "rstrip": false, "single_word": false, "special": true}}})");
  EXPECT_EQ(t->vocab_size(), 10);
  EXPECT_EQ(t->token_to_id("<x>"), 9);
  expect_tokens(*t, "hi hi Hi  [MASK]<x>", {2, 8, 5, 4, 9, 3}, {{0, 0}, {0, 5}, {6, 8}, {8, 16}, {16, 19}, {0, 0}});
  EXPECT_EQ(t->model_max_length(), 512);
  EXPECT_EQ(t->special_ids().pad, 0);
  EXPECT_EQ(t->special_ids().mask, 4);
}

TEST(VocabTxt, LineEndsAndMissingSpecialTokens) {
  const auto t = load_vocab("[PAD]\r\n[UNK]\r\n[SEP]\r\nhi", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(t->encode("hi").ids, (Ids{4, 3, 2}));  // [CLS] and [MASK] get the ids behind the vocabulary
  EXPECT_EQ(t->vocab_size(), 6);
  EXPECT_EQ(t->model_max_length(), std::nullopt);
}

TEST(TokenizerConfig, OverrulesTheNormalizerOfBertLikeClasses) {
  Json json = small();
  json["model"]["vocab"]["A"] = 7;
  EXPECT_EQ(load(json, R"({"tokenizer_class": "BertTokenizer"})")->encode("A").ids, (Ids{1}));
  EXPECT_EQ(load(json, R"({"tokenizer_class": "BertTokenizer", "do_lower_case": false})")->encode("A").ids, (Ids{7}));
  EXPECT_EQ(load(json, R"({"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": false})")->encode("A").ids,
            (Ids{1}));
}

TEST(SpecialTokensMap, FillsInWhatTheConfigurationLeavesOut) {
  TokenizerFiles files;
  files.vocab_txt = "<p>\n<u>\n<c>\n<s>\n<m>\nhi\n";
  files.tokenizer_config = R"({"cls_token": "<c>"})";
  files.special_tokens_map =
      R"({"cls_token": "<s>", "sep_token": "<s>", "pad_token": "<p>", "unk_token": {"content": "<u>"}, "mask_token": "<m>"})";
  EXPECT_EQ(tokenizer_from_files(files)->encode("hi ?").ids, (Ids{2, 5, 1, 3}));
}

/// Message for a tokenizer.json after `change`.
template <class Change>
std::string message(Change change) {
  Json json = small();
  change(json);
  return error_message([&] { load(json); });
}

TEST(LoadErrors, Vocabulary) {
  EXPECT_EQ(message([](Json& j) { j["model"]["vocab"]["x"] = 1; }), "[tokenizer.json] tokens 'a' and 'x' both have id 1");
  EXPECT_EQ(message([](Json& j) { j["model"]["vocab"]["x"] = 9; }),
            "[tokenizer.json] no token has id 7: the 8 ids must be 0..7 without holes");
  EXPECT_EQ(message([](Json& j) { j["model"]["vocab"]["x"] = 7.5; }),
            "[tokenizer.json] the id of token 'x' must be an integer, not 7.5");
  EXPECT_EQ(message([](Json& j) { j["model"]["vocab"]["x"] = Json::array(); }),
            "[tokenizer.json] the id of token 'x' must be an integer, not []");
  EXPECT_EQ(message([](Json& j) { j["model"]["vocab"]["x"] = -1; }),
            "[tokenizer.json] the id of token 'x' is -1, outside 0..16777215");
  EXPECT_EQ(message([](Json& j) { j["model"]["vocab"]["x"] = uint64_t{1} << 40; }),
            "[tokenizer.json] the id of token 'x' is 1099511627776, outside 0..16777215");
  EXPECT_EQ(
      message([](Json& j) { j["model"]["unk_token"] = "<unk>"; }),
      "[tokenizer.json] the unknown token '<unk>' is not in the vocabulary. Try: add it to the vocabulary or name the right "
      "unk_token");
  EXPECT_EQ(message([](Json& j) { j["model"]["vocab"] = Json::object(); }), "[tokenizer.json] the vocabulary is empty");
  EXPECT_EQ(error_message([] {
              TokenizerFiles files;
              files.tokenizer_json = R"({"model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 1, "a": 2}}})";
              tokenizer_from_files(files);
            }),
            "[tokenizer.json] token 'a' is listed twice, with ids 1 and 2");
}

TEST(LoadErrors, Components) {
  EXPECT_EQ(message([](Json& j) {
              j["model"] = {{"type", "BPE"}, {"vocab", Json::object()}};
            }),
            "[tokenizer.json] model type 'BPE' is not supported (supported: WordPiece)");
  EXPECT_EQ(message([](Json& j) {
              j["decoder"] = {{"type", "Metaspace"}};
            }),
            "[tokenizer.json] decoder type 'Metaspace' is not supported (supported: WordPiece)");
  EXPECT_EQ(
      message([](Json& j) {
        j["post_processor"] = {{"type", "ByteLevel"}};
      }),
      "[tokenizer.json] post_processor type 'ByteLevel' is not supported (supported: TemplateProcessing, BertProcessing)");
  EXPECT_EQ(message([](Json& j) { j.erase("model"); }), "[tokenizer.json] 'model' is missing");
  EXPECT_EQ(message([](Json& j) { j["version"] = "2.0"; }),
            "[tokenizer.json] file version '2.0' is not supported (supported: 1.0)");
  EXPECT_EQ(message([](Json& j) { j["added_tokens"] = Json::array({added_token(9, "<x>")}); }),
            "[tokenizer.json] added token '<x>' is declared with id 9, but the next free id is 7");
  EXPECT_EQ(message([](Json& j) { j["added_tokens"] = Json::array({added_token(2, "a")}); }),
            "[tokenizer.json] added token 'a' is declared with id 2, but the vocabulary gives it 1");
  EXPECT_EQ(message([](Json& j) {
              j["post_processor"] = {{"type", "BertProcessing"}, {"sep", {"[SEP]", 44}}, {"cls", {"[CLS]", 3}}};
            }),
            "[tokenizer.json] 'sep' of BertProcessing has id 44, but there are 7 tokens");
}

TEST(LoadErrors, Files) {
  const auto text_message = [](std::string json) {
    return error_message([&] {
      TokenizerFiles files;
      files.tokenizer_json = std::move(json);
      files.directory = "dir";
      tokenizer_from_files(files);
    });
  };
  EXPECT_THAT(text_message("{\"version\": \"1.0\",\n  \"model\": }"),
              testing::StartsWith("[dir/tokenizer.json:2:12] malformed JSON: "));
  EXPECT_EQ(text_message("[]"), "[dir/tokenizer.json] expected a JSON object, found array");
  EXPECT_EQ(text_message(std::string(100, '[')), "[dir/tokenizer.json] JSON nests deeper than 64 levels");
  test::TempDir empty;
  EXPECT_EQ(error_message([&] { load_tokenizer(empty.path()); }),
            "[" + empty.path() +
                "] no tokenizer found: looked for tokenizer.json and vocab.txt. Try: --tokenizer_name with a "
                "directory that has one of them");
  EXPECT_EQ(error_message([] { load_vocab("[UNK]\n[UNK]\n"); }),
            "[vocab.txt] token '[UNK]' is listed twice, with ids 0 and 1");
  EXPECT_EQ(error_message([] { load_vocab("[UNK]\n\xFF\n"); }), "[vocab.txt:2] the line is not UTF-8");
  EXPECT_THAT(error_message([] { load_vocab("a\nb\n"); }),
              testing::HasSubstr("the unknown token '[UNK]' is not in the vocabulary"));
  EXPECT_THAT(error_message([] { load_vocab(kVocab, R"({"tokenizer_class": "XLNetTokenizer"})"); }),
              testing::HasSubstr("names XLNetTokenizer"));
  EXPECT_EQ(error_message([] { load_vocab(kVocab, R"({"model_max_length": "long"})"); }),
            "[tokenizer_config.json] 'model_max_length' must be a positive number, not \"long\"");
  EXPECT_EQ(error_message([] { load_vocab(kVocab, R"({"added_tokens_decoder": {"x": {}}})"); }),
            "[tokenizer_config.json] 'added_tokens_decoder' has key 'x', expected a token id");
  EXPECT_EQ(error_message([] { load_vocab(kVocab, R"({"added_tokens_decoder": {"3": {"content": "new"}}})"); }),
            "[vocab.txt] added token 'new' is declared with id 3, but has id 8 in the vocabulary");
}

}  // namespace
}  // namespace tilefit
