#include "diffusion/prompts.h"

#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;

Stages& plain_model() {
  static Stages model(
      {.model = testing::tiny_model_path(), .control = testing::tiny_control_path()},
      {.device = "reference"});
  return model;
}

struct Read {
  Prompts prompts;
  std::vector<std::string> notices;
};

Read read(Request request, Stages& model = plain_model()) {
  request.added_prompt = "";
  Read result;
  result.prompts = read_prompts(request, model, result.notices);
  return result;
}

Request saying(const std::string& prompt) {
  Request request;
  request.prompt = prompt;
  request.negative_prompt = "";
  return request;
}

TEST(Prompts, PlainOnesAreTheTokenizers) {
  for (const ParserKind parser : {ParserKind::automatic, ParserKind::a1111, ParserKind::plain}) {
    Request request = saying("a red bird, at 10:30 of the day");
    request.parser = parser;
    const auto [prompts, notices] = read(request);
    EXPECT_TRUE(notices.empty());
    ASSERT_EQ(prompts.positive.size(), 1u);
    EXPECT_EQ(prompts.positive[0].texts[0].chunks[0].ids,
              plain_model().tokenizer().encode(request.prompt).ids);
    EXPECT_EQ(prompts.encoder(request), TextEncoderShape{});
  }
}

TEST(Prompts, AWeightAtTheEndIsOneWhereItIsAskedFor) {
  Request request = saying("a clock at 10:30");
  EXPECT_EQ(read(request).prompts.guidance_scale, 9);
  request.parser = ParserKind::a1111;
  EXPECT_EQ(read(request).prompts.guidance_scale, 270);
}

TEST(Prompts, HowTheyAreReadIsTold) {
  const auto [prompts, notices] = read(saying("a (red:1.2) bird <lora:ink:1>"));
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("plain"), std::string::npos);
  EXPECT_EQ(prompts.positive[0].texts[0].chunks[0].multipliers[2], 1.2f);
  Request request = saying("a (red:1.2) bird");
  request.parser = ParserKind::plain;
  const Read plain = read(request);
  ASSERT_EQ(plain.notices.size(), 1u);
  EXPECT_NE(plain.notices[0].find("(red:1.2)"), std::string::npos);
  EXPECT_EQ(plain.prompts.positive[0].texts[0].chunks[0].multipliers[2], 1.0f);
}

TEST(Prompts, LongOnesAreChunksOrCut) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "bird ";
  Request request = saying(text);
  EXPECT_EQ(read(request).prompts.shape().chunks, 2);
  request.parser = ParserKind::plain;
  const auto [prompts, notices] = read(request);
  EXPECT_EQ(prompts.shape().chunks, 1);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("longer than 75 tokens"), std::string::npos);
}

TEST(Prompts, ChangeAsTheSamplerCounts) {
  Request request = saying("[a:b:0.5] AND c:0.5");
  request.steps = 8;
  const auto at = [&](int call) { return read(request).prompts.positive[0].text_at(call); };
  EXPECT_EQ(read(request).prompts.shape().parts, 2);
  EXPECT_EQ(at(4), 0u);
  EXPECT_EQ(at(5), 1u);
  EXPECT_EQ(at(99), 0u);  // as in the web UI
  request.sampler = "Heun";
  EXPECT_EQ(at(8), 0u);
  EXPECT_EQ(at(9), 1u);
}

TEST(Prompts, GoOnFromThePassBefore) {
  Request request = saying("[a:b:5]");
  request.steps = 4;
  request.sampler = "Heun";
  std::vector<std::string> notices;
  const Prompts second = read_prompts(request, plain_model(), notices, {}, 2);
  ASSERT_EQ(second.positive[0].schedule.size(), 2u);
  EXPECT_EQ(second.positive[0].schedule[0].last_call, 1);
}

TEST(Prompts, AllOfASchedulesTextsHaveEquallyManyChunks) {
  const auto prompts = read(saying("[a:b BREAK c BREAK d:3]")).prompts;
  ASSERT_EQ(prompts.positive[0].texts.size(), 2u);
  for (const auto& text : prompts.positive[0].texts) EXPECT_EQ(text.chunks.size(), 3u);
}

TEST(Prompts, AreRefusedByTheirNames) {
  const auto refused = [](const Request& request, const char* field, const char* part) {
    return fails_with(ErrorKind::bad_argument, {field, part}, [&] { read(request); });
  };
  std::string many;
  for (int i = 0; i < 40; ++i) many += "a AND ";
  EXPECT_TRUE(refused(saying(many), "prompt: ", "41 parts"));
  EXPECT_TRUE(refused(saying("(a:1.2.3)"), "prompt: ", "1.2.3"));
  EXPECT_TRUE(refused(saying(std::string(100'000, '(')), "prompt: ", "nested"));
  EXPECT_TRUE(refused(saying(std::string(100'000, '[')), "prompt: ", "nested"));
  Request request = saying("a");
  request.negative_prompt = "(a:1.2.3)";
  EXPECT_TRUE(refused(request, "negative_prompt: ", "1.2.3"));
  request.parser = ParserKind::plain;
  EXPECT_EQ(read(request).prompts.shape().negative_chunks, 1);
  request.clip_skip = 4;
  EXPECT_TRUE(refused(request, "clip_skip: 4", "1 to 3"));
}

TEST(Prompts, CallEmbeddingsByTheirFilesNames) {
  TemporaryFolder folder;
  const auto copy = [&](const char* from, const char* to) {
    std::filesystem::copy_file(testing::data(std::string("prompts/embeddings/") + from),
                               folder / to);
  };
  std::filesystem::create_directory(folder / "more");
  copy("zorp.pt", "red.pt");
  copy("zorp.pt", "more/RED.pt");
  copy("many.safetensors", "many.safetensors");
  std::filesystem::copy_file(testing::tiny_control_path(), folder / "model.safetensors");
  Stages model({.model = testing::tiny_model_path(),
                .control = testing::tiny_control_path(),
                .embeddings = folder.path()},
               {.device = "reference"});
  const auto [prompts, notices] = read(saying("a red many bird"), model);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("red.pt"), std::string::npos);
  EXPECT_EQ(prompts.positive[0].texts[0].chunks[0].fixes.size(), 2u);
  EXPECT_TRUE(prompts.encoder({}).embeddings);
  EXPECT_TRUE(fails_with(ErrorKind::bad_file,
                         {"model.safetensors", "tensors, expected an embedding"},
                         [&] { read(saying("a model"), model); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"embeddings", "no folder"},
                         [&] { Embeddings(folder / "none", model.tokenizer(), 64); }));
}

}  // namespace
}  // namespace drypoint
