#include "text/tokenizer.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;
using testing::fails_with;
using testing::TemporaryFolder;

const Tokenizer& built_in() {
  static const Tokenizer tokenizer = Tokenizer::built_in();
  return tokenizer;
}

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

/// The tokens between the marks.
std::vector<int64_t> text_ids(const Tokenizer& tokenizer, std::string_view text) {
  const Tokens tokens = tokenizer.encode(text);
  EXPECT_EQ(tokens.ids.size(), 77u);
  return {tokens.ids.begin() + 1, tokens.ids.begin() + tokens.count - 1};
}

TEST(Tokenizer, GivesTheTokensOfTransformers) {
  // cases.jsonl: of many kinds of text; random.jsonl: random characters of all planes.
  for (const char* file : {"text/cases.jsonl", "text/random.jsonl"}) {
    std::ifstream lines(data(file));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const auto expected = nlohmann::json::parse(line);
      const std::string text = expected["text"];
      std::vector<int64_t> ids = expected["ids"];
      ids.resize(77, 49407);  // random.jsonl has them without the padding
      EXPECT_EQ(built_in().encode(text).ids, ids) << file << " line " << count + 1 << ": " << text;
    }
    EXPECT_GT(count, 20);
  }
}

TEST(Tokenizer, SaysHowMuchOfTheTextItUsed) {
  const Tokens empty = built_in().encode("");
  EXPECT_EQ(empty.count, 2);
  EXPECT_FALSE(empty.cut);
  EXPECT_EQ(empty.ids[0], 49406);

  const Tokens full = built_in().encode(repeated("word ", 75));
  EXPECT_EQ(full.count, 77);
  EXPECT_FALSE(full.cut);
  const Tokens cut = built_in().encode(repeated("word ", 76) + "<|endoftext|>");
  EXPECT_EQ(cut.count, 77);
  EXPECT_TRUE(cut.cut);
  EXPECT_EQ(cut.cut_at_byte, 5u * 75);
  // "é" is one token of two bytes, written here as three bytes: e and an accent.
  const Tokens accents = built_in().encode(repeated("e\u0301 ", 90));
  EXPECT_EQ(accents.cut_at_byte, 4u * 75);
  const Tokens marks = built_in().encode(repeated("<|endoftext|>", 90));
  EXPECT_EQ(marks.cut_at_byte, 13u * 75);
}

TEST(Tokenizer, RefusesWhatIsNotUtf8) {
  const auto refused = [](std::string text, const char* byte, const char* value) {
    return fails_with(ErrorKind::bad_argument, {byte, value, "UTF-8"},
                      [&] { built_in().encode(text); });
  };
  EXPECT_TRUE(refused("a cat \xff", "byte 6", "0xff"));
  EXPECT_TRUE(refused("caf\xe9", "byte 3", "0xe9"));                         // Latin-1
  EXPECT_TRUE(refused("\xc3", "byte 0", "0xc3"));                            // cut short
  EXPECT_TRUE(refused("x\xc0\xaf", "byte 1", "0xc0"));                       // overlong
  EXPECT_TRUE(refused("\xed\xa0\x80", "byte 0", "0xed"));                    // a surrogate
  EXPECT_TRUE(refused("\xf4\x90\x80\x80", "byte 0", "0xf4"));                // beyond Unicode
  EXPECT_TRUE(refused(repeated("word ", 99) + '\x80', "byte 495", "0x80"));  // after the cut
}

TEST(Tokenizer, TakesLongTextsInItsStride) {
  // Would take minutes if words or runs of marks took quadratic time.
  EXPECT_TRUE(built_in().encode(repeated("a", 1'000'000)).cut);
  EXPECT_TRUE(built_in().encode(repeated("\u0316\u0301", 300'000)).cut);
  EXPECT_FALSE(built_in().encode(repeated(" \n", 500'000)).cut);
}

TEST(Tokenizer, FindsAddedWordsAnywhere) {
  // As transformers' CLIPTokenizer after add_tokens, and diffusers' maybe_convert_prompt.
  Tokenizer tokenizer = Tokenizer::built_in();
  tokenizer.add_words({{"<cat-toy>", 49408},
                       {"<cat-toy>_1", 49409},
                       {"<cat-toy>_2", 49410},
                       {"<cat", 49411},
                       {"\u00dcbel", 49412}});
  EXPECT_EQ(tokenizer.vocabulary_size(), 49413);
  using Ids = std::vector<int64_t>;
  const auto joined = [&](std::initializer_list<Ids> parts) {
    Ids all;
    for (const Ids& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  const Ids a = text_ids(built_in(), "a"), runs = text_ids(built_in(), "runs"),
            brackets = text_ids(built_in(), "(("), close = text_ids(built_in(), "),");
  const Ids toy{49408, 49409, 49410};
  EXPECT_EQ(text_ids(tokenizer, "a <cat-toy> runs"), joined({a, toy, runs}));
  EXPECT_EQ(text_ids(tokenizer, "a<CAT-toy>runs"), joined({a, toy, runs}));
  EXPECT_EQ(text_ids(tokenizer, "((<cat-toy>),"), joined({brackets, toy, close}));
  EXPECT_EQ(text_ids(tokenizer, "<cat-toy>_1"), (Ids{49409}));
  EXPECT_EQ(text_ids(tokenizer, "<cat runs"), joined({{49411}, runs}));
  EXPECT_EQ(text_ids(tokenizer, "a u\u0308bel"), joined({a, {49412}}));
  EXPECT_EQ(text_ids(tokenizer, "a runs"), joined({a, runs}));
  EXPECT_EQ(tokenizer.encode(repeated("<cat-toy>", 30)).cut_at_byte, 25u * 9);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"300 characters"}, [&] {
    tokenizer.add_words({{std::string(300, 'x'), 49408}});
  }));
}

TEST(Tokenizer, ReadsAFolder) {
  // A small vocabulary of a model of its own: bytes, 8 merges, and marks at the front.
  const Tokenizer small = Tokenizer::from_folder(data("text/small"));
  EXPECT_EQ(small.begin_id(), 0);
  EXPECT_EQ(small.end_id(), 1);
  EXPECT_EQ(small.vocabulary_size(), 2 + 512 + 8);
  EXPECT_EQ(text_ids(small, "a bird"), (std::vector<int64_t>{2 + 256 + 64, 514 + 3}));
  EXPECT_EQ(text_ids(small, "Birds"), (std::vector<int64_t>{514 + 1, 2 + 67, 2 + 256 + 82}));
  EXPECT_EQ(text_ids(small, "<|endoftext|>!"), (std::vector<int64_t>{1, 2 + 256}));
}

TEST(Tokenizer, RefusesDamagedFolders) {
  TemporaryFolder folder;
  const std::string marks = R"("<|startoftext|>": 0, "<|endoftext|>": 1)";
  const auto refused = [&](const std::string& vocabulary, const std::string& merges,
                           std::initializer_list<std::string> parts) {
    write_file(folder / "vocab.json", vocabulary);
    write_file(folder / "merges.txt", merges);
    return fails_with(ErrorKind::bad_file, parts, [&] { Tokenizer::from_folder(folder.path()); });
  };
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"vocab.json"},
                         [&] { Tokenizer::from_folder(folder.path()); }));
  EXPECT_TRUE(refused("", "", {"vocab.json", "not JSON"}));
  EXPECT_TRUE(refused("{\"a\": 1", "", {"vocab.json", "not JSON"}));
  EXPECT_TRUE(refused("3", "", {"vocab.json", "number", "object"}));
  EXPECT_TRUE(refused(repeated("[", 1'000'000), "", {"vocab.json", "nested"}));
  EXPECT_TRUE(refused("{\"a\": {\"b\": 1}}", "", {"vocab.json", "nested"}));
  EXPECT_TRUE(refused("{" + marks + ", \"a\": -1}", "", {"vocab.json", "\"a\"", "-1"}));
  EXPECT_TRUE(refused("{" + marks + ", \"a\": 1.5}", "", {"\"a\"", "1.5"}));
  EXPECT_TRUE(refused("{" + marks + ", \"a\": \"b\"}", "", {"\"a\"", "\"b\""}));
  EXPECT_TRUE(
      refused("{" + marks + ", \"a\": 18446744073709551615}", "", {"18446744073709551615"}));
  EXPECT_TRUE(refused("{\"<|startoftext|>\": 0}", "", {"<|endoftext|>"}));
  EXPECT_TRUE(refused("{" + marks + ", \"a\": 2}", "#version: 0.2\na b\n", {"line 2", "lacks"}));
  EXPECT_TRUE(refused("{" + marks + ", \"a\": 2}", "\na\n", {"line 2", "pair"}));
  EXPECT_TRUE(refused("{" + marks + ", \"a\": 2, \"aa\": 3}", "a a a\n", {"line 1", "pair"}));
  EXPECT_TRUE(refused("{" + marks + ", \"a\": 2}", " a\n", {"line 1", "pair"}));
  EXPECT_TRUE(refused("{" + marks + ", \"a\": 2}", "a \n", {"line 1", "pair"}));
  EXPECT_TRUE(refused(repeated(" ", 9 << 20), "", {"vocab.json", "at most"}));
}

TEST(Tokenizer, TakesTheUnknownForTheEndMark) {
  TemporaryFolder folder;
  write_file(folder / "vocab.json",
             R"({"<|startoftext|>": 7, "<|endoftext|>": 5, "a": 2, "a</w>": 3, "aa</w>": 9})");
  write_file(folder / "merges.txt", "a a</w>");
  const Tokenizer tokenizer = Tokenizer::from_folder(folder.path());
  EXPECT_EQ(tokenizer.vocabulary_size(), 10);
  EXPECT_EQ(text_ids(tokenizer, "aaa b a"), (std::vector<int64_t>{2, 9, 5, 3}));
}

TEST(Tokenizer, ReadsWindowsLineEndsAndTokenizersInOneFile) {
  const std::string vocabulary =
      R"({"<|startoftext|>": 0, "<|endoftext|>": 1, "a": 2, "a</w>": 3, "aa</w>": 4})";
  TemporaryFolder folder;
  write_file(folder / "vocab.json", vocabulary);
  write_file(folder / "merges.txt", "#version: 0.2\r\na a</w>\r\n\r\n");
  const std::vector<int64_t> expected{2, 4};
  EXPECT_EQ(text_ids(Tokenizer::from_folder(folder.path()), "aaa"), expected);
  std::filesystem::remove(folder / "vocab.json");
  for (const char* merges : {R"(["a a</w>"])", R"([["a", "a</w>"]])"}) {
    write_file(folder / "tokenizer.json", R"({"model": {"type": "BPE", "vocab": )" + vocabulary +
                                              R"(, "merges": )" + merges + "}}");
    EXPECT_EQ(text_ids(Tokenizer::from_folder(folder.path()), "aaa"), expected);
  }
  write_file(folder / "tokenizer.json", R"({"model": {"vocab": {}}})");
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"tokenizer.json", "merges"},
                         [&] { Tokenizer::from_folder(folder.path()); }));
}

TEST(Unicode, CutsBetweenCharacters) {
  EXPECT_EQ(first_bytes("a\u00e9\U0001f600", 9), "a\u00e9\U0001f600");
  EXPECT_EQ(first_bytes("a\u00e9\U0001f600", 7), "a\u00e9\U0001f600");
  EXPECT_EQ(first_bytes("a\u00e9\U0001f600", 6), "a\u00e9");
  EXPECT_EQ(first_bytes("a\u00e9\U0001f600", 3), "a\u00e9");
  EXPECT_EQ(first_bytes("a\u00e9\U0001f600", 2), "a");
  EXPECT_EQ(first_bytes("\u00e9", 1), "");
  EXPECT_EQ(first_bytes("", 0), "");
}

TEST(Unicode, ReplacesWhatIsNoCharacter) {
  EXPECT_EQ(valid_utf8("caf\u00e9 \U0001f600"), "caf\u00e9 \U0001f600");
  EXPECT_EQ(valid_utf8("caf\xe9"), "caf\ufffd");
  EXPECT_EQ(valid_utf8("\xed\xa0\x80x"), "\ufffd\ufffd\ufffdx");  // a surrogate
  EXPECT_EQ(valid_utf8("\xe2\x82"), "\ufffd\ufffd");              // cut short
  EXPECT_EQ(valid_utf8(""), "");
}

}  // namespace
}  // namespace drypoint
