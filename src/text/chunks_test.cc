#include "text/chunks.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::data;

const Tokenizer& clip() {
  static const Tokenizer tokenizer = Tokenizer::built_in();
  return tokenizer;
}

std::vector<nlohmann::json> cases(const std::string& file) {
  return nlohmann::json::parse(std::ifstream(data(file)));
}

void expect_chunks(const Chunks& actual, const nlohmann::json& golden,
                   const std::vector<std::string>& names) {
  EXPECT_EQ(actual.token_count, golden.at("token_count"));
  ASSERT_EQ(actual.chunks.size(), golden.at("chunks").size());
  for (size_t i = 0; i < actual.chunks.size(); ++i) {
    const auto& expected = golden.at("chunks")[i];
    std::vector<int64_t> ids = expected.at("tokens");
    ids.resize(77, clip().end_id());
    EXPECT_EQ(actual.chunks[i].ids, ids);
    std::vector<float> multipliers;
    for (const auto& [count, value] :
         expected.at("multipliers").get<std::vector<std::pair<int, double>>>())
      multipliers.insert(multipliers.end(), static_cast<size_t>(count), static_cast<float>(value));
    EXPECT_EQ(actual.chunks[i].multipliers, multipliers);
    if (!expected.contains("fixes")) continue;
    std::vector<std::pair<int64_t, std::string>> fixes;
    for (const auto& fix : actual.chunks[i].fixes)
      fixes.emplace_back(fix.offset, names[static_cast<size_t>(fix.embedding)]);
    EXPECT_EQ(fixes, (expected.at("fixes").get<std::vector<std::pair<int64_t, std::string>>>()));
  }
}

TEST(Chunks, AreTheWebUis) {
  for (const auto& golden : cases("prompts/cases.json")) {
    if (golden.contains("a1111_error")) continue;
    SCOPED_TRACE(golden.at("name"));
    const std::string text = golden.at("text");
    auto parts =
        golden.at("emphasis") == "None" ? std::vector<WeightedText>{{text}} : parse_emphasis(text);
    expect_chunks(
        chunks_of(parts, clip(), {.comma_backtrack = golden.at("comma_padding_backtrack")}), golden,
        {});
  }
}

TEST(Chunks, TakeEmbeddingsAsTheWebUiDoes) {
  const std::vector<std::string> names{"zorp", "blue-style", "my_neg", "many", "Glimmer"};
  const std::vector<int64_t> vectors{1, 3, 2, 40, 1};
  EmbeddingNames embeddings;
  for (size_t i = 0; i < names.size(); ++i)
    embeddings.add(static_cast<int>(i), clip().encode_text(names[i]).ids);
  for (const auto& golden : cases("prompts/embeddings.json"))
    for (const char* side : {"positive", "negative"}) {
      SCOPED_TRACE(golden.at("name"));
      expect_chunks(chunks_of(parse_emphasis(golden.at(side).at("text").get<std::string>()), clip(),
                              {.embeddings = &embeddings,
                               .vectors = [&](int i) { return vectors[static_cast<size_t>(i)]; }}),
                    golden.at(side), names);
    }
}

TEST(Chunks, TakeTheLongestName) {
  EmbeddingNames embeddings;
  for (int i = 0; const char* name : {"easy", "easynegative v2", "easynegative"})
    embeddings.add(i++, clip().encode_text(name).ids);
  embeddings.add(9, {});
  for (const auto& [text, number] :
       {std::pair("EasyNegative", 2), {"easynegative v2 x", 1}, {"easy", 0}})
    EXPECT_EQ(embeddings.find(clip().encode_text(text).ids)->number, number) << text;
  EXPECT_EQ(embeddings.find(clip().encode_text("a").ids), nullptr);
}

TEST(Chunks, AreOneAsTheTokenizerCuts) {
  std::string text = "a, b";
  for (int i = 0; i < 80; ++i) text += " c" + std::to_string(i);
  const Tokens tokens = clip().encode(text);
  const Chunks chunks = chunks_of(std::vector<WeightedText>{{text}}, clip(),
                                  {.comma_backtrack = 0, .most_chunks = 1});
  ASSERT_EQ(chunks.chunks.size(), 1u);
  EXPECT_EQ(chunks.chunks[0].ids, tokens.ids);
  EXPECT_TRUE(chunks.cut);
  EXPECT_EQ(chunks.cut_byte, tokens.cut_at_byte);
}

TEST(Chunks, GoOnBehindAnEndMark) {
  const std::string text = "a <|endoftext|> b, c";
  EXPECT_EQ(chunks_of(std::vector<WeightedText>{{text}}, clip(), {}).chunks[0].ids,
            clip().encode(text).ids);
}

TEST(Chunks, AreNotMoreThanAllowed) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += " a b c BREAK";
  const auto parts = parse_emphasis(text);
  const Chunks chunks = chunks_of(parts, clip(), {});
  EXPECT_EQ(chunks.chunks.size(), kMostChunks);
  EXPECT_TRUE(chunks.cut);
  EXPECT_EQ(chunks.cut_part, 2 * kMostChunks);
  EXPECT_EQ(chunks.cut_byte, 0u);
}

}  // namespace
}  // namespace drypoint
