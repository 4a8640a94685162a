// Whole runs against the reference implementation's pictures, through the public API.
#include <cmath>
#include <future>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "drypoint/pipeline.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

/// On a GPU where there is one, in the precision in which pictures can be compared.
Pipeline new_tiny_pipeline() { return Pipeline(testing::tiny_files(), {.precision = "fp32"}); }
Pipeline& tiny_pipeline() {
  static Pipeline pipeline = new_tiny_pipeline();
  return pipeline;
}

/// The share of values that differ by at most 1 of 255.
double agreement(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) return 0;
  size_t close = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) close += std::abs(a.pixels[i] - b.pixels[i]) <= 1;
  return static_cast<double>(close) / static_cast<double>(a.pixels.size());
}

struct PictureCase {
  std::string name;
  Request request;
};

std::vector<PictureCase> picture_cases() {
  std::vector<PictureCase> cases;
  for (const auto& entry :
       nlohmann::json::parse(read_file(testing::data("golden/process/cases.json")))) {
    PictureCase& c = cases.emplace_back();
    c.name = entry["name"];
    Request& r = c.request;
    r.prompt = entry["prompt"];
    r.added_prompt = entry["a_prompt"];
    r.negative_prompt = entry["n_prompt"];
    r.samples = entry["num_samples"];
    r.resolution = entry["image_resolution"];
    r.steps = entry["ddim_steps"];
    r.schedule = ScheduleKind::official;
    r.guidance_scale = entry["scale"];
    r.strength = entry["strength"];
    r.guess_mode = entry["guess_mode"];
    r.seed = entry["seed"].get<uint64_t>();
    r.eta = entry["eta"].get<double>();
    r.image = read_image(testing::data("golden/process/" + c.name + "_edges.png")).image;
    r.is_edges = true;
  }
  return cases;
}

class Pictures : public ::testing::TestWithParam<PictureCase> {};

TEST_P(Pictures, EqualTheReference) {
  const auto& [name, request] = GetParam();
  const Result result = tiny_pipeline().generate(request);
  ASSERT_EQ(result.images.size(), static_cast<size_t>(request.samples));
  for (int i = 0; i < request.samples; ++i) {
    const auto file = "golden/process/" + name + "_" + std::to_string(i) + ".png";
    EXPECT_GE(agreement(result.images[i], read_image(testing::data(file)).image), 0.999) << file;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Pictures, ::testing::ValuesIn(picture_cases()),
                         [](const auto& c) { return c.param.name; });

/// At the width of 72, latents of odd sizes: 9 x 5.
Request small_request(int width = 72) {
  Request request;
  request.prompt = "a bird";
  request.seed = 5;
  request.steps = 2;
  request.image = {width, 40, 1, std::vector<uint8_t>(size_t(width) * 40)};
  for (int i = 0; i < 40; ++i) request.image.pixels[size_t(i * (width + 1))] = 255;
  request.is_edges = true;
  return request;
}

TEST(Pipeline, TheSameSeedGivesTheSameBytesAndAnotherDoesNot) {
  const Request request = small_request();
  const Image first = tiny_pipeline().generate(request).images[0];
  EXPECT_EQ(first.width, 72);
  EXPECT_EQ(first.height, 40);
  EXPECT_EQ(tiny_pipeline().generate(request).images[0], first);
  Request other = request;
  other.seed = 6;
  EXPECT_NE(tiny_pipeline().generate(other).images[0], first);
}

TEST(Pipeline, WithNoisePerSampleASampleDoesNotDependOnTheirNumber) {
  Request request = small_request();
  request.noise = NoiseKind::per_sample;
  request.samples = 3;
  request.eta = 0.5;
  const auto three = tiny_pipeline().generate(request).images;
  request.samples = 1;
  request.seed = 7;
  EXPECT_GE(agreement(tiny_pipeline().generate(request).images[0], three[2]), 0.999);
}

TEST(Pipeline, PreparingChangesNothingButWhenTheWorkIsDone) {
  Pipeline pipeline = new_tiny_pipeline();
  const ImageSize sizes[] = {{72, 40}};
  pipeline.prepare(sizes);
  EXPECT_EQ(pipeline.generate(small_request()).images[0],
            tiny_pipeline().generate(small_request()).images[0]);
}

// Each prepares sizes (on a GPU: allocates, captures graphs) while others do so and draw.
TEST(Pipeline, SeveralRunSideBySide) {
  const auto pictures = [](Pipeline& pipeline) {
    std::vector<Image> images;
    for (const int width : {72, 64, 88})
      images.push_back(pipeline.generate(small_request(width)).images[0]);
    return images;
  };
  const auto alone = pictures(tiny_pipeline());
  std::vector<std::future<std::vector<Image>>> several;
  for (int i = 0; i < 3; ++i)
    several.push_back(std::async(std::launch::async, [&] {
      Pipeline own = new_tiny_pipeline();
      return pictures(own);
    }));
  for (auto& each : several) EXPECT_EQ(each.get(), alone);
}

TEST(Pipeline, StopsWhenAskedTo) {
  int steps = 0;
  Callbacks callbacks;
  callbacks.progress = [&](const Progress& p) { steps += p.stage == Stage::denoise && p.done > 0; };
  callbacks.stop = [&] { return steps == 1; };
  EXPECT_TRUE(testing::fails_with(ErrorKind::cancelled, {},
                                  [&] { tiny_pipeline().generate(small_request(), callbacks); }));
  EXPECT_EQ(steps, 1);
}

TEST(Pipeline, TellsThatAPromptWasCut) {
  Request request = small_request();
  request.steps = 1;
  request.parser = ParserKind::plain;
  for (int i = 0; i < 100; ++i) request.prompt += " bird";
  const auto notices = tiny_pipeline().generate(request).notices;
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("prompt: longer than 75 tokens, cut before"), std::string::npos)
      << notices[0];
}

struct BadRequest {
  const char* field;
  std::function<void(Request&)> spoil;
};

TEST(Pipeline, RefusesWhatIsOutOfRange) {
  const BadRequest cases[] = {
      {"steps", [](Request& r) { r.steps = 0; }},
      {"steps", [](Request& r) { r.steps = 1000; }},
      {"samples", [](Request& r) { r.samples = 65; }},
      {"resolution", [](Request& r) { r.resolution = 63; }},
      {"scale", [](Request& r) { r.guidance_scale = NAN; }},
      {"scale", [](Request& r) { r.guidance_scale = -1; }},
      {"strength", [](Request& r) { r.strength = INFINITY; }},
      {"eta", [](Request& r) { r.eta = -0.1; }},
      {"low_threshold", [](Request& r) { r.low_threshold = 300; }},
      {"high_threshold", [](Request& r) { r.high_threshold = 1001; }},
      {"edges",
       [](Request& r) {
         r.image = {20, 16, 1, std::vector<uint8_t>(320)};
       }},
      {"image", [](Request& r) { r.image.pixels.pop_back(); }},
      {"UTF-8", [](Request& r) { r.prompt = "\xff"; }},
  };
  for (const auto& [field, spoil] : cases) {
    Request request = small_request();
    spoil(request);
    EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {field}, [&] {
      tiny_pipeline().generate(request);
    })) << field;
  }
}

}  // namespace
}  // namespace drypoint
