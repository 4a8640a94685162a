// What the pipeline promises beside its pictures, which tests/golden compares.
#include "drypoint/pipeline.h"

#include <climits>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "models/assemble.h"
#include "support/test_support.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;
using testing::tiny_files;

Request smallest_request() {
  Request request;
  request.seed = 1;
  request.steps = 1;
  request.image = {16, 16, 1, std::vector<uint8_t>(256)};
  request.is_edges = true;
  return request;
}

bool is_utf8(const std::string& text) { return valid_utf8(text) == text; }

TEST(Pipeline, CutPromptsAreQuotedInWholeCharacters) {
  Pipeline pipeline(tiny_files());
  Request request = smallest_request();
  request.parser = ParserKind::plain;
  std::string prompt;
  for (int i = 0; i < 70; ++i) prompt += "bird ";
  for (int i = 0; i < 80; ++i) prompt += "\n\u20ac";  // a line break and three bytes
  for (size_t shift = 0; shift < 3; ++shift) {
    request.prompt = std::string(shift, 'x').append(prompt);
    const Result result = pipeline.generate(request);
    ASSERT_EQ(result.notices.size(), 1u);
    EXPECT_TRUE(is_utf8(result.notices[0])) << result.notices[0];
    EXPECT_EQ(result.notices[0].find('\n'), std::string::npos);
  }
}

TEST(Pipeline, AModelsNameNeedNotBeUtf8) {
  TemporaryFolder folder;
  const auto link = folder / "caf\xe9.safetensors";
  std::filesystem::create_symlink(testing::tiny_model_path(), link);
  ModelFiles files = tiny_files();
  files.model = link;
  Pipeline pipeline(files);
  EXPECT_EQ(pipeline.description().model, "caf\ufffd");
  const Result result = pipeline.generate(smallest_request());
  write_image(folder / "picture.png", result.images[0], result.parameters[0]);
  EXPECT_EQ(read_image(folder / "picture.png").image, result.images[0]);
}

TEST(Pipeline, LatentsAreScaledAsTheVaesConfigurationSays) {
  // Half as large latents and weights twice as large: the same pictures, to the bit.
  TemporaryFolder folder;
  std::map<std::string, Tensor, std::less<>> vae;
  for (const auto& [name, tensor] : load_checkpoint(testing::tiny_model_path()).tensors.tensors)
    if (name.starts_with("first_stage_model.")) vae[name] = tensor;
  Tensor& weight = vae.at("first_stage_model.post_quant_conv.weight");
  weight = weight.to_f32();
  for (float& value : weight.mutable_floats()) value *= 2;
  std::filesystem::create_directory(folder / "vae");
  write_safetensors(folder / "vae/diffusion_pytorch_model.safetensors", vae);
  write_file(folder / "vae/config.json",
             R"({"_class_name": "AutoencoderKL", "scaling_factor": 0.3643})");
  ModelFiles files = tiny_files();
  const auto expected = Pipeline(files).generate(smallest_request()).images;
  files.vae = folder / "vae";
  EXPECT_EQ(Pipeline(files).generate(smallest_request()).images, expected);
}

TEST(Pipeline, RefusesARequestBeforeAnythingIsLoadedForIt) {
  const std::pair<const char*, std::function<void(Request&)>> cases[] = {
      {"eta", [](Request& r) { r.eta = 50; }},
      {"rng",
       [](Request& r) {
         r.random = {RandomKind::cuda, 0, 2048};
       }},
      {"steps",
       [](Request& r) {
         r.steps = 3;
         r.schedule = ScheduleKind::official;
       }},
      {"UTF-8", [](Request& r) { r.negative_prompt.assign(1, '\xff'); }},
  };
  Pipeline pipeline(tiny_files());
  for (const auto& [part, spoil] : cases) {
    Request request = smallest_request();
    spoil(request);
    bool asked = false;  // between weights, so by loading too
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {part}, [&] {
      pipeline.generate(request, {{}, [&] { return asked = true; }});
    })) << part;
    EXPECT_FALSE(asked) << part;
  }
}

TEST(Pipeline, GuidanceEndsAndBeginsWhereItIsAsked) {
  // Where the negative prompt is the prompt, guidance does nothing: so a negative prompt that
  // becomes the prompt draws what a range of steps draws.
  Pipeline pipeline(tiny_files());
  Request request = smallest_request();
  request.prompt = "a cat";
  request.added_prompt = "";
  request.parser = ParserKind::a1111;
  request.steps = 4;
  request.guidance_scale = 60;
  const auto drawn = [&](const std::string& negative, double start, double end) {
    request.negative_prompt = negative;
    request.guidance_start = start;
    request.guidance_end = end;
    return pipeline.generate(request).images[0];
  };
  // A schedule changes after the evaluation of its number, from 0.
  const Image whole = drawn("grey", 0, 1), first = drawn("grey", 0, 0.5),
              second = drawn("grey", 0.5, 1);
  EXPECT_EQ(first, drawn("[grey:a cat:1]", 0, 1));
  EXPECT_EQ(second, drawn("[a cat:grey:1]", 0, 1));
  EXPECT_NE(first, whole);
  EXPECT_NE(second, whole);
  request.guidance_scale = 1;
  const Image unguided = drawn("grey", 0, 1);
  request.guidance_scale = 60;
  EXPECT_EQ(drawn("grey", 0, 0.1), unguided);
  // In guess mode too, and with several samples.
  request.guess_mode = true;
  request.noise = NoiseKind::per_sample;
  const Image alone = drawn("grey", 0, 0.5);
  request.samples = 3;
  EXPECT_EQ(drawn("grey", 0, 0.5), alone);
  request.prompt = "a cat AND a dog";
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"guidance_start, guidance_end", "AND"},
                         [&] { drawn("grey", 0, 0.5); }));
  request.prompt = "a cat";
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"guidance_start: 0.5", "guidance_end, 0.25"},
                         [&] { drawn("grey", 0.5, 0.25); }));
}

TEST(Pipeline, PreparesOnlyWhatCouldBeDrawn) {
  Pipeline pipeline(tiny_files());
  const auto refused = [&](ImageSize size, int samples, const char* part) {
    return fails_with(ErrorKind::bad_argument, {part},
                      [&] { pipeline.prepare(std::span(&size, 1), samples); });
  };
  EXPECT_TRUE(refused({12, 16}, 1, "16x12"));
  EXPECT_TRUE(refused({-8, 16}, 1, "16x-8"));
  EXPECT_TRUE(refused({INT_MAX / 8 * 8, INT_MAX / 8 * 8}, 1, "megapixels"));  // 2^64 bytes wrap
  EXPECT_TRUE(refused({16, 16}, 0, "samples"));
  EXPECT_TRUE(refused({16, 16}, 65, "samples"));
}

}  // namespace
}  // namespace drypoint
