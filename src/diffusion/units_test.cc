// What controls cost and change, beside the latents that tests/golden compares.
#include "diffusion/units.h"
#include "diffusion/request/shape_key.h"

#include "diffusion/pipeline_parts.h"
#include "drypoint/fields.h"
#include "drypoint/parameters.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

ModelFiles two_nets() {
  return {.model = testing::tiny_model_path(),
          .controls = {{"canny", testing::tiny_control_path()},
                       {"depth", testing::data("controls/control2.safetensors")}}};
}

Image ramp(int width, int height, int step) {
  Image image{width, height, 3, {}};
  for (int i = 0; i < 3 * width * height; ++i)
    image.pixels.push_back(static_cast<uint8_t>(i * step));
  return image;
}

Request small_controlled() {
  Request request;
  request.seed = 3;
  request.steps = 4;
  request.size = {24, 16};
  request.controls.resize(2);
  request.controls[0].image = ramp(24, 16, 5);
  request.controls[0].preprocessor = "none";
  request.controls[1].name = "depth";
  request.controls[1].image = ramp(24, 16, 11);
  request.controls[1].weight = 0.5;
  return request;
}

Pipeline& two_net_pipeline() {
  static Pipeline pipeline(two_nets(), {.device = "cpu"});
  return pipeline;
}

std::vector<Image> drawn(const Request& request) {
  return two_net_pipeline().generate(request).images;
}

/// The picture's edge is none of the hint's; what is around a mask is to be painted.
TEST(ControlList, FillsAroundTheHint) {
  Request request;
  request.seed = 3;
  request.steps = 1;
  request.size = {200, 160};
  request.controls.resize(1);
  Control& control = request.controls[0];
  control.image = read_image(testing::data("preprocess/picture.png")).image;
  control.preprocessor = "canny";
  control.resize = ResizeMode::fill;
  const Image expected = read_image(testing::data("preprocess/fill_canny.png")).image;
  const Image hint = two_net_pipeline().generate(request).hints[0];
  ASSERT_EQ(expected.pixels.size(), 3 * hint.pixels.size());
  for (size_t i = 0; i < hint.pixels.size(); ++i) ASSERT_EQ(hint.pixels[i], expected.pixels[3 * i]);

  control.preprocessor = "inpaint";
  control.mask = {192, 128, 1, std::vector<uint8_t>(size_t{192} * 128)};
  const std::vector<Unit> units = [&] {
    Stages& model = PipelineParts::stages(two_net_pipeline());
    std::vector<std::string> notices;
    return units_of(request, model, request.size, true, notices);
  }();
  for (int y = 0; y < 160; ++y)
    ASSERT_EQ(units[0].masked.pixels[static_cast<size_t>(200 * y + 100)],
              y < 13 || y >= 146 ? 255 : 0)
        << y;
}

/// What is in the middle of the picture is in the middle of the hint, and as wide for its height.
TEST(ControlList, PreprocessesInThePicturesProportions) {
  Request request;
  request.seed = 3;
  request.steps = 1;
  request.size = {64, 64};
  request.controls.resize(1);
  Control& control = request.controls[0];
  control.image = read_image(testing::data("preprocess/picture.png")).image;
  control.image = resize_for_control(control.image, {85, 64}, ResizeMode::stretch);
  control.preprocessor = "invert";
  control.resolution = 64;
  const Image hint = two_net_pipeline().generate(request).hints[0];
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x)
      ASSERT_EQ(255 - hint.pixels.at(static_cast<size_t>(3 * (64 * y + x))),
                control.image.pixels.at(static_cast<size_t>(3 * (85 * y + x + 10))));
}

TEST(ControlList, OfOneIsTheRequestsOwn) {
  for (const bool guess_mode : {false, true}) {
    Request own;
    own.seed = 3;
    own.steps = 2;
    own.size = {24, 16};
    own.strength = 0.7;
    own.guess_mode = guess_mode;
    own.image = ramp(24, 16, 5);
    Request listed = own;
    listed.strength = 1;
    listed.guess_mode = false;
    listed.controls.resize(1);
    listed.controls[0].weight = 0.7;
    listed.controls[0].mode = guess_mode ? ControlMode::control : ControlMode::balanced;
    const Result a = two_net_pipeline().generate(own), b = two_net_pipeline().generate(listed);
    EXPECT_EQ(a.images, b.images);
    EXPECT_EQ(a.edges, b.edges);
    EXPECT_EQ(a.parameters, b.parameters);
  }
}

TEST(ControlList, OutsideItsStepsIsAsIfItWereNotThere) {
  Request request = small_controlled(), first = request;
  first.controls.pop_back();
  request.controls[1].start = 0.9;  // no step begins there
  EXPECT_EQ(drawn(request), drawn(first));
  Request none = request;
  none.controls.clear();
  request.controls[0].end = 0.1;
  EXPECT_EQ(drawn(request), drawn(none));
  EXPECT_NE(drawn(first), drawn(none));
}

TEST(ControlList, MayBeginAndEndWithinASamplersNoise) {
  Request request = small_controlled(), whole = request;
  request.sampler = whole.sampler = "Euler a";
  request.controls[0].weight = whole.controls[0].weight = 0;  // so that it changes nothing
  request.controls[0].start = 0.25;
  request.controls[0].end = 0.75;
  const auto a = drawn(request), b = drawn(whole);
  int most = 0;  // other graphs round otherwise
  for (size_t i = 0; i < a[0].pixels.size(); ++i)
    most = std::max(most, std::abs(a[0].pixels[i] - b[0].pixels[i]));
  EXPECT_LE(most, 1);
}

TEST(ControlList, WorksWithSchedulesOfPromptsAndSeveralSamples) {
  Request request = small_controlled();
  request.prompt = "a [cat:dog:0.5]";
  request.controls[0].end = 0.5;
  request.noise = NoiseKind::per_sample;
  const auto alone = drawn(request);
  request.samples = 2;
  EXPECT_EQ(drawn(request)[0], alone[0]);
}

TEST(ControlList, IsDrawnTogetherAsAlone) {
  std::vector<Request> requests(3, small_controlled());
  requests[1].seed = 8;
  requests[1].controls[1].image = ramp(24, 16, 3);
  for (Request& request : requests) request.controls[1].end = 0.5;
  requests[2].controls[1].end = 1;  // goes by itself
  EXPECT_EQ(shape_key(requests[0]), shape_key(requests[1]));
  EXPECT_NE(shape_key(requests[0]), shape_key(requests[2]));
  const Callbacks callbacks;
  std::vector<Asked> asked;
  for (const Request& request : requests) asked.push_back({request, callbacks});
  const auto outcomes = draw_together(two_net_pipeline(), asked);
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_TRUE(outcomes[i].result);
    EXPECT_EQ(outcomes[i].result->images, drawn(requests[i])) << i;
  }
}

TEST(ControlList, IsRefusedByName) {
  const std::pair<const char*, std::function<void(Request&)>> cases[] = {
      {"controls[1].name: \"dept\", expected one of the ControlNets canny, depth (is it depth?)",
       [](Request& r) { r.controls[1].name = "dept"; }},
      {"controls[1].start: 0.8, expected at most end, 0.5",
       [](Request& r) { r.controls[1].start = 0.8, r.controls[1].end = 0.5; }},
      {"controls[0].weight: -1", [](Request& r) { r.controls[0].weight = -1; }},
      {"controls[0].image: none", [](Request& r) { r.controls[0].image = {}; }},
      {"controls[0].preprocessor: \"cany\"",
       [](Request& r) { r.controls[0].preprocessor = "cany"; }},
      {"controls[0].layer_weights: 2 numbers, expected 13",
       [](Request& r) {
         r.controls[0].layer_weights = {1, 1};
       }},
      {"controls: 9, expected at most 8", [](Request& r) { r.controls.resize(9); }},
  };
  for (const auto& [part, spoil] : cases) {
    Request request = small_controlled();
    spoil(request);
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {part}, [&] { drawn(request); })) << part;
  }
}

TEST(ControlList, MasksForInpaintingArePartOfTheHint) {
  Request request = small_controlled(), other = request;
  request.controls.pop_back();
  request.controls[0].preprocessor = "inpaint";
  request.controls[0].mask = {24, 16, 1, std::vector<uint8_t>(24 * 16)};
  std::fill_n(request.controls[0].mask.pixels.begin(), 100, uint8_t{255});
  other.controls = {request.controls[0]};
  std::ranges::fill(other.controls[0].mask.pixels, uint8_t{0});
  EXPECT_NE(drawn(request), drawn(other));
  // What is under the mask does not matter.
  Request under = request;
  std::fill_n(under.controls[0].image.pixels.begin(), 300, uint8_t{77});
  EXPECT_EQ(drawn(request), drawn(under));
}

/// White: as without a mask; black: as without the control.
TEST(ControlList, MasksSayWhereTheControlSteers) {
  const Request request = small_controlled();
  Request white = request, black = request, none = request, half = request;
  none.controls[0].weight = 0;
  const auto mask = [](uint8_t value) {
    return Image{24, 16, 1, std::vector<uint8_t>(size_t{24} * 16, value)};
  };
  white.controls[0].mask = mask(255);
  black.controls[0].mask = mask(0);
  half.controls[0].mask = mask(255);
  std::fill_n(half.controls[0].mask.pixels.begin(), 24 * 8, uint8_t{0});
  EXPECT_EQ(drawn(white), drawn(request));
  EXPECT_EQ(drawn(black), drawn(none));
  const auto drawn_half = drawn(half);
  EXPECT_NE(drawn_half, drawn(request));
  EXPECT_NE(drawn_half, drawn(none));
  Request pooled = request;
  pooled.controls[0].pool = PoolControl::on;
  EXPECT_NE(drawn(pooled), drawn(request));
}

TEST(ControlList, IsToldInThePicturesText) {
  Request request = small_controlled();
  request.controls[1].mode = ControlMode::prompt;
  request.controls[1].end = 0.75;
  const Result result = two_net_pipeline().generate(request);
  EXPECT_EQ(result.hints.size(), 2u);
  const Parameters parameters = parse_parameters(result.parameters[0]);
  ASSERT_EQ(parameters.controls.size(), 2u);
  EXPECT_EQ(parameters.controls[0].module, "none");
  EXPECT_TRUE(parameters.controls[1].model.starts_with("control2 ["));
  EXPECT_EQ(parameters.controls[1].weight, 0.5);
  EXPECT_EQ(parameters.controls[1].guidance_end, 0.75);
  EXPECT_EQ(parameters.controls[1].control_mode, "My prompt is more important");
}

TEST(ControlList, IsJson) {
  Request request = small_controlled(), read;
  request.controls[1].layer_weights = {1, 0.5};
  request.controls[0].threshold_a = 50;
  std::vector<std::string> others;
  std::string json = to_json(request);
  json.insert(json.find("\"name\""), "\"image\":\"a.png\",");
  read_json(json, "text", read, [&](const std::string& name, const std::string& value) {
    others.push_back(name + "=" + value);
    return true;
  });
  EXPECT_EQ(others, (std::vector<std::string>{"controls[0].image=a.png"}));
  EXPECT_EQ(to_json(read), to_json(request));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"\"controls[0].wight\" is no field"},
                         [&] { read_json(R"({"controls":[{"wight":1}]})", "text", read); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"controls[0].weight: \"a\""},
                         [&] { read_json(R"({"controls":[{"weight":"a"}]})", "text", read); }));
}

TEST(NoControl, AModelDrawsByItsPromptAlone) {
  Request request;
  request.seed = 3;
  request.steps = 2;
  request.size = {24, 16};
  const auto with_nets = drawn(request);
  Pipeline bare({.model = testing::tiny_model_path()}, {.device = "cpu"});
  const Result result = bare.generate(request);
  EXPECT_EQ(result.images, with_nets);
  EXPECT_TRUE(result.hints.empty());
  EXPECT_EQ(result.parameters[0].find("ControlNet"), std::string::npos);
  EXPECT_EQ(bare.description().control, "");
  request.image = ramp(24, 16, 5);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"holds no ControlNet", "canny=FILE"},
                         [&] { bare.generate(request); }));
  request.image = {};
  request.size = {};
  request.resolution = 64;
  EXPECT_EQ(bare.generate(request).images[0].width, 64);
}

TEST(NamedControls, CanBeReplaced) {
  Pipeline pipeline(two_nets(), {.device = "cpu"});
  const Request request = small_controlled();
  const auto before = pipeline.generate(request).images;
  pipeline.set_control(testing::tiny_control_path(), "depth");
  ModelFiles same_twice = two_nets();
  same_twice.controls[1].file = testing::tiny_control_path();
  EXPECT_EQ(pipeline.generate(request).images,
            Pipeline(same_twice, {.device = "cpu"}).generate(request).images);
  pipeline.set_control(testing::data("controls/control2.safetensors"), "depth");
  EXPECT_EQ(pipeline.generate(request).images, before);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"control: pose", "canny, depth"},
                         [&] { pipeline.set_control(testing::tiny_control_path(), "pose"); }));
  for (const char* name : {"", "a b", "canny"})
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"control: "}, [&] {
      Pipeline({.model = testing::tiny_model_path(),
                .controls = {{"canny", testing::tiny_control_path()},
                             {name, testing::tiny_control_path()}}});
    })) << name;
}

}  // namespace
}  // namespace drypoint
