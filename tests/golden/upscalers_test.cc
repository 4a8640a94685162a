// Networks that enlarge pictures, against torch (upscalers.py).
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "drypoint/image.h"
#include "drypoint/upscale.h"
#include "golden/golden_test_base.h"
#include "models/upscaler.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::close;

std::filesystem::path upscaler_path(const std::string& name) {
  return testing::data("upscalers/" + name);
}

Tensor enlarged_golden(const std::string& name) {
  static const NamedTensors tensors =
      read_tensor_file(upscaler_path("expected.safetensors")).tensors;
  return tensors.at(name).to_f32();
}

/// [1, C, H, W] -> [H, W, C]
std::vector<float> as_pixels(const Tensor& planes) {
  const Shape& s = planes.shape();
  std::vector<float> pixels;
  for (int64_t p = 0; p < s[2] * s[3]; ++p)
    for (int64_t c = 0; c < s[1]; ++c)
      pixels.push_back(planes.floats()[static_cast<size_t>(c * s[2] * s[3] + p)]);
  return pixels;
}

class Upscalers : public ::testing::TestWithParam<testing::GoldenBackend> {};

TEST_P(Upscalers, MakeOfAPictureWhatTorchMakes) {
  const auto backend = GetParam().make();
  for (const auto& [file, golden] :
       {std::pair<std::string, std::string>("rrdb_x4.safetensors", "rrdb_x4"),
        {"rrdb_x4_first_code.safetensors", "rrdb_x4"},
        {"rrdb_x4_second_code.pth", "rrdb_x4"},
        {"rrdb_x2.safetensors", "rrdb_x2"},
        {"srvgg_x2.safetensors", "srvgg_x2"},
        {"srvgg_x4.safetensors", "srvgg_x4"}}) {
    const UpscalerFile network = read_upscaler(upscaler_path(file));
    const Tensor picture = enlarged_golden("picture"), expected = enlarged_golden(golden);
    EXPECT_EQ(scale_of(network.config), expected.shape()[2] / picture.shape()[2]) << file;
    WeightStore store(network.tensors, *backend);
    Executor executor(
        compile(build_upscaler(network.config, picture.shape()[2], picture.shape()[3]),
                backend->target()),
        *backend, store);
    executor.set_input("image", as_pixels(picture));
    if (executor.has_input("residual_scale"))
      executor.set_input("residual_scale", std::vector<float>{0.2f});
    executor.run(Rate::picture);
    EXPECT_TRUE(close(executor.output("enlarged"), as_pixels(expected), GetParam().tolerance))
        << file;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Upscalers, ::testing::ValuesIn(testing::golden_backends()),
                         [](const auto& device) { return device.param.name; });

/// Sides that are no multiples are mirrored on; tiles are blended.
TEST(Upscaler, TakesPicturesOfAnySize) {
  const Image cat = read_image(testing::data("images/cat.png")).image;
  Upscaler two(upscaler_path("rrdb_x2.safetensors"), {.device = "cpu"});
  EXPECT_EQ(two.scale(), 2);
  const Image odd{31, 17, 3, {cat.pixels.begin(), cat.pixels.begin() + 3 * 31 * 17}};
  const Image large = two.upscale(odd);
  EXPECT_EQ(large.width, 62);
  EXPECT_EQ(large.height, 34);
  const Image wide{150, 70, 3, {cat.pixels.begin(), cat.pixels.begin() + 3 * 150 * 70}};
  int tiles = 0;
  const Image whole = two.upscale(wide, 0);
  const Image tiled = two.upscale(wide, 96, {[&](int, int of) { tiles = of; }, {}});
  EXPECT_EQ(tiles, 2);
  double difference = 0;
  for (size_t i = 0; i < whole.pixels.size(); ++i)
    difference += std::abs(whole.pixels[i] - tiled.pixels[i]);
  EXPECT_LE(difference / static_cast<double>(whole.pixels.size()), 1);
}

TEST(Upscaler, RefusesWhatItIsNot) {
  EXPECT_TRUE(testing::fails_with(ErrorKind::unsupported, {"sd15.safetensors", "enlarges"},
                                  [] { Upscaler(testing::tiny_model_path(), {.device = "cpu"}); }));
  const testing::TemporaryFolder folder;
  auto tensors = read_tensor_file(upscaler_path("rrdb_x4.safetensors")).tensors;
  tensors.tensors.erase("body.1.rdb2.conv3.bias");
  write_safetensors(folder / "less.safetensors", tensors.tensors);
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_file, {"less", "body.1.rdb2.conv3.bias"}, [&] {
    Upscaler(folder / "less.safetensors", {.device = "cpu"});
  }));
  tensors = read_tensor_file(upscaler_path("rrdb_x4.safetensors")).tensors;
  tensors.tensors["body.0.norm.weight"] = Tensor({DType::f32, {8}});
  write_safetensors(folder / "more.safetensors", tensors.tensors);
  EXPECT_TRUE(testing::fails_with(ErrorKind::unsupported, {"more", "body.0.norm.weight"}, [&] {
    Upscaler(folder / "more.safetensors", {.device = "cpu"});
  }));
}

TEST(Upscaler, ServesSecondPasses) {
  ModelFiles files = testing::tiny_files();
  files.upscaler = upscaler_path("rrdb_x2.safetensors");
  Pipeline with(files, {.device = "cpu"}), without(testing::tiny_files(), {.device = "cpu"});
  Request request;
  request.prompt = "a cat";
  request.seed = 5;
  request.steps = 2;
  request.size = {64, 64};
  request.hires_scale = 1.5;
  request.hires_upscaler = HiresUpscaler::model;
  const Result result = with.generate(request);
  EXPECT_EQ(result.images[0].width, 96);
  request.hires_upscaler = HiresUpscaler::lanczos;
  EXPECT_NE(with.generate(request).images[0], result.images[0]);
  request.hires_upscaler = HiresUpscaler::model;
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {"hires_upscaler: model"},
                                  [&] { without.generate(request); }));
}

}  // namespace
}  // namespace drypoint
