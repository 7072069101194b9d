// The tokenizers against results of the reference library: odd strings, pairs, windows, and every SQuAD and XQuAD text.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/golden.h"
#include "tilefit/base/files.h"
#include "tilefit/base/json.h"
#include "tilefit/text/tokenizer.h"
#include "tilefit/text/utf8.h"

namespace tilefit {
namespace {

using test::golden;

std::vector<int32_t> flat_offsets(const Encoding& e) {
  std::vector<int32_t> flat;
  for (size_t i = 0; i < e.ids.size(); ++i) {
    flat.push_back(e.offset_begin[i]);
    flat.push_back(e.offset_end[i]);
  }
  return flat;
}

template <class T>
std::vector<int32_t> as_ints(const T& values) {
  return std::vector<int32_t>(values.begin(), values.end());
}

std::vector<int32_t> ints(const Json& values) { return values.get<std::vector<int32_t>>(); }

std::string sha16(const std::vector<int32_t>& values) {
  return test::sha256_hex(values.data(), values.size() * sizeof(int32_t)).substr(0, 16);
}

/// null is -1, as in Encoding.
std::vector<int32_t> sequence_ids(const Json& values) {
  std::vector<int32_t> ids;
  for (const Json& v : values) ids.push_back(v.is_null() ? -1 : v.get<int32_t>());
  return ids;
}

/// How the tokenizer is loaded: from its tokenizer.json, or from vocab.txt and tokenizer_config.json alone.
struct Case {
  std::string name;
  bool vocab_only;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name << (c.vocab_only ? " from vocab.txt" : ""); }

class TokenizerGolden : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto folder = golden("tokenizers/" + GetParam().name);
    if (!folder) GTEST_SKIP() << "no reference tokenizer " << GetParam().name;
    if (!GetParam().vocab_only) {
      tokenizer_ = load_tokenizer(*folder);
      return;
    }
    for (const char* const file : {"vocab.txt", "tokenizer_config.json"})
      std::filesystem::copy_file(*folder + "/" + file, directory_ / file);
    tokenizer_ = load_tokenizer(directory_.path());
  }

  Json read(const std::string& suffix) {
    const auto path = golden("tokenizers/" + GetParam().name + suffix);
    return path ? read_json_file(*path) : Json();
  }

  std::vector<std::string> nasty() {
    const auto path = golden("tokenizers/nasty.json");
    return path ? read_json_file(*path).get<std::vector<std::string>>() : std::vector<std::string>();
  }

  test::TempDir directory_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_P(TokenizerGolden, NastyStrings) {
  const Json reference = read(".nasty.json.gz");
  const auto texts = nasty();
  if (reference.is_null() || texts.empty()) GTEST_SKIP() << "no reference strings";
  const Json& expected = reference["with_specials"];
  ASSERT_EQ(expected.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "string " << i << ": " << texts[i].substr(0, 80));
    const Encoding e = tokenizer_->encode(texts[i]);
    EXPECT_EQ(e.ids, ints(expected[i]["ids"]));
    EXPECT_EQ(flat_offsets(e), ints(expected[i]["offsets"]));
    EXPECT_EQ(as_ints(e.special), ints(expected[i]["special"]));
    const auto tokens = expected[i]["tokens"].get<std::vector<std::string>>();
    ASSERT_EQ(e.ids.size(), tokens.size());
    for (size_t t = 0; t < tokens.size(); ++t) EXPECT_EQ(tokenizer_->id_to_token(e.ids[t]), tokens[t]);
    EXPECT_EQ(tokenizer_->encode(texts[i], std::nullopt, false).ids, ints(reference["without_specials_ids"][i]));
    EXPECT_EQ(tokenizer_->decode(e.ids, true), reference["decode_skip_special"][i].get<std::string>());
    EXPECT_EQ(tokenizer_->decode(e.ids, false), reference["decode_keep_special"][i].get<std::string>());
  }
}

TEST_P(TokenizerGolden, Pairs) {
  const Json reference = read(".nasty.json.gz");
  const auto texts = nasty();
  if (reference.is_null() || texts.empty()) GTEST_SKIP() << "no reference strings";
  for (const Json& pair : reference["pairs"]) {
    const auto a = pair["a"].get<size_t>(), b = pair["b"].get<size_t>();
    SCOPED_TRACE(testing::Message() << "pair " << a << ", " << b);
    const Encoding e = tokenizer_->encode(texts[a], texts[b]);
    EXPECT_EQ(e.ids, ints(pair["ids"]));
    EXPECT_EQ(e.type_ids, ints(pair["type_ids"]));
    EXPECT_EQ(flat_offsets(e), ints(pair["offsets"]));
    EXPECT_EQ(as_ints(e.sequence_ids), sequence_ids(pair["sequence_ids"]));
  }
}

TEST_P(TokenizerGolden, Windows) {
  const Json reference = read(".nasty.json.gz");
  if (reference.is_null()) GTEST_SKIP() << "no reference windows";
  int number = 0;
  for (const Json& c : reference["truncation"]) {
    SCOPED_TRACE(testing::Message() << "case " << number++);
    const auto strategy = c["strategy"].get<std::string>();
    Truncation truncation{c["max_length"].get<int>(), c["stride"].get<int>(),
                          strategy == "only_first"    ? TruncationStrategy::kOnlyFirst
                          : strategy == "only_second" ? TruncationStrategy::kOnlySecond
                                                      : TruncationStrategy::kLongestFirst};
    const auto a = c["a"].get<std::string>(), b = c["b"].get<std::string>();
    if (c.contains("error")) {
      EXPECT_NE(test::error_message([&] { tokenizer_->encode_windows(a, b, truncation); }), "");
      continue;
    }
    auto windows = tokenizer_->encode_windows(a, b, truncation);
    ASSERT_EQ(windows.size(), c["windows"].size());
    // A multiple to pad to is applied to the first window; the others are padded to the same length.
    int64_t length = c["pad_to"] == "max" ? truncation.max_length : 0;
    if (c["pad_to"].is_number()) length = (windows[0].size() + 7) / 8 * 8;
    for (size_t w = 0; w < windows.size(); ++w) {
      const Json& expected = c["windows"][w];
      Encoding& e = windows[w];
      pad(e, length, *tokenizer_->special_ids().pad);
      EXPECT_EQ(e.ids, ints(expected["ids"]));
      EXPECT_EQ(e.type_ids, ints(expected["type_ids"]));
      EXPECT_EQ(as_ints(e.attention_mask), ints(expected["mask"]));
      EXPECT_EQ(flat_offsets(e), ints(expected["offsets"]));
      EXPECT_EQ(as_ints(e.sequence_ids), sequence_ids(expected["sequence_ids"]));
    }
  }
}

/// Contexts and questions of a SQuAD-form file, in file order.
void read_squad(const std::string& path, std::vector<std::string>& contexts, std::vector<std::string>& questions) {
  const Json file = read_json_file(path);
  for (const Json& article : file["data"]) {
    for (const Json& paragraph : article["paragraphs"]) {
      contexts.push_back(paragraph["context"].get<std::string>());
      for (const Json& qa : paragraph["qas"]) questions.push_back(qa["question"].get<std::string>());
    }
  }
}

/// The texts a *.texts.json.gz hashes: questions, then contexts of its SQuAD file; every second context and fourth question of
/// each XQuAD file. Empty when a file is missing.
std::vector<std::string> texts_of(const Json& reference) {
  std::vector<std::string> names{reference["squad"]["source"].get<std::string>() + ".json"}, texts;
  for (const Json& name : reference["xquad"]["files"]) names.push_back(name.get<std::string>());
  for (size_t i = 0; i < names.size(); ++i) {
    const auto path = golden("../data/squad/" + names[i] + ".gz");
    if (!path) return {};
    std::vector<std::string> contexts, questions;
    read_squad(*path, contexts, questions);
    if (i == 0) {
      texts = questions;
      texts.insert(texts.end(), contexts.begin(), contexts.end());
      continue;
    }
    for (size_t k = 0; k < contexts.size(); k += 2) texts.push_back(contexts[k]);
    for (size_t k = 0; k < questions.size(); k += 4) texts.push_back(questions[k]);
  }
  return texts;
}

TEST_P(TokenizerGolden, SquadTexts) {
  const Json reference = read(".texts.json.gz");
  if (reference.is_null()) GTEST_SKIP() << "no reference for the SQuAD texts";
  const auto texts = texts_of(reference);
  if (texts.empty()) GTEST_SKIP() << "no SQuAD or XQuAD files";
  ASSERT_EQ(texts.size(), reference["sha_ids16"].size());
  std::vector<int32_t> all_ids;
  std::vector<Encoding> encodings(texts.size());
  int num_wrong = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    encodings[i] = tokenizer_->encode(texts[i]);
    const Encoding& e = encodings[i];
    all_ids.insert(all_ids.end(), e.ids.begin(), e.ids.end());
    const bool same = e.size() == reference["n_tokens"][i].get<int64_t>() &&
                      sha16(e.ids) == reference["sha_ids16"][i].get<std::string>() &&
                      sha16(flat_offsets(e)) == reference["sha_offsets16"][i].get<std::string>();
    if (!same && ++num_wrong <= 5) ADD_FAILURE() << "text " << i << " differs: " << texts[i].substr(0, 200);
  }
  EXPECT_EQ(num_wrong, 0);
  EXPECT_EQ(test::sha256_hex(all_ids.data(), all_ids.size() * sizeof(int32_t)), reference["sha_all_ids"].get<std::string>());
  for (const Json& full : reference["full"]) {
    const Encoding& e = encodings[full["i"].get<size_t>()];
    EXPECT_EQ(e.ids, ints(full["ids"]));
    EXPECT_EQ(flat_offsets(e), ints(full["offsets"]));
  }
}

// Offsets never run backwards, stay inside the text, and cut the token out of it.
TEST_P(TokenizerGolden, OffsetsAreMonotoneSlices) {
  for (const std::string& text : nasty()) {
    const Encoding e = tokenizer_->encode(text, std::nullopt, false);
    const CodePointIndex index(text);
    int32_t last = 0;
    for (size_t i = 0; i < e.ids.size(); ++i) {
      ASSERT_LT(e.offset_begin[i], e.offset_end[i]) << text;
      ASSERT_GE(e.offset_begin[i], last) << text;
      ASSERT_LE(e.offset_end[i], index.size()) << text;
      last = e.offset_begin[i];
      // An ASCII lower-case token that starts a word is the source itself but for case.
      const std::string token = *tokenizer_->id_to_token(e.ids[i]);
      const auto is_plain = [](char c) { return c >= 'a' && c <= 'z'; };
      if (!std::all_of(token.begin(), token.end(), is_plain)) continue;
      std::string slice(index.slice(e.offset_begin[i], e.offset_end[i]));
      std::transform(slice.begin(), slice.end(), slice.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      if (std::all_of(slice.begin(), slice.end(), is_plain)) {
        EXPECT_EQ(slice, token);
      }
    }
  }
}

TEST_P(TokenizerGolden, SavesWhatItLoaded) {
  test::TempDir out;
  tokenizer_->save(out.path());
  const auto folder = *golden("tokenizers/" + GetParam().name);
  EXPECT_EQ(read_file(out / "vocab.txt"), read_file(folder + "/vocab.txt"));
  EXPECT_EQ(read_file(out / "tokenizer_config.json"), read_file(folder + "/tokenizer_config.json"));
  if (!GetParam().vocab_only) {
    EXPECT_EQ(read_file(out / "tokenizer.json"), read_file(folder + "/tokenizer.json"));
  }
  const auto again = load_tokenizer(out.path());
  EXPECT_EQ(again->vocab_size(), tokenizer_->vocab_size());
  for (const std::string& text : nasty()) EXPECT_EQ(again->encode(text).ids, tokenizer_->encode(text).ids);
}

TEST(TokenizerEndToEnd, ModelDirectoryHasTheSameTokenizer) {
  const auto folder = golden("e2e/bert-cased"), reference = golden("tokenizers/bert-cased.nasty.json.gz");
  const auto texts = golden("tokenizers/nasty.json");
  if (!folder || !reference || !texts) GTEST_SKIP() << "no complete model directory";
  const auto tokenizer = load_tokenizer(*folder);
  const Json expected = read_json_file(*reference), strings = read_json_file(*texts);
  for (size_t i = 0; i < strings.size(); ++i)
    EXPECT_EQ(tokenizer->encode(strings[i].get<std::string>()).ids, ints(expected["with_specials"][i]["ids"]));
  EXPECT_EQ(tokenizer->model_max_length(), 512);
}

INSTANTIATE_TEST_SUITE_P(Bert, TokenizerGolden,
                         ::testing::Values(Case{"bert-uncased", false}, Case{"bert-uncased", true},
                                           Case{"bert-cased", false}, Case{"bert-cased", true}),
                         [](const auto& test) {
                           return std::string(test.param.name == "bert-cased" ? "Cased" : "Uncased") +
                                  (test.param.vocab_only ? "Vocab" : "Json");
                         });

}  // namespace
}  // namespace tilefit
