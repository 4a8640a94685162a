// Soft inpainting against the web UI's formulas (soft_inpainting.py).
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "diffusion/pipeline_parts.h"
#include "diffusion/soft_overlay.h"
#include "drypoint/fields.h"
#include "golden/golden_test_base.h"
#include "golden/painting_run.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;

std::filesystem::path soft_file(const std::string& name) {
  return testing::data("soft_inpainting/" + name);
}

std::filesystem::path picture_file(const std::string& name) {
  return testing::data("golden2/image/" + name);
}

Tensor soft_reference(const std::string& name) {
  static const NamedTensors tensors = read_tensor_file(soft_file("runs.safetensors")).tensors;
  return tensors.at(name).to_f32();
}

Pipeline& soft_pipeline(bool nine_inputs) {
  static Pipeline usual(testing::tiny_files(), testing::tested_device());
  if (!nine_inputs) return usual;
  static const testing::TemporaryFolder folder;
  static Pipeline other = [] {
    NamedTensors model = read_tensor_file(testing::tiny_model_path()).tensors;
    const NamedTensors wide =
        read_tensor_file(picture_file("inpainting_conv_in.safetensors")).tensors;
    for (const auto& [name, tensor] : wide.tensors) model.tensors[name] = tensor;
    write_safetensors(folder / "inpainting.safetensors", model.tensors);
    return Pipeline(
        {.model = folder / "inpainting.safetensors", .control = testing::tiny_control_path()},
        testing::tested_device());
  }();
  return other;
}

struct SoftCase {
  std::string name, mask, request;
  bool nine_inputs;
  double float64_difference;
};

std::vector<SoftCase> soft_cases() {
  std::vector<SoftCase> cases;
  for (const auto& entry : json::parse(read_file(soft_file("cases.json"))))
    cases.push_back({entry["name"], entry["mask"], entry["request"].dump(), entry["nine_inputs"],
                     entry["float64_difference"]});
  return cases;
}

Request soft_request(const SoftCase& c) {
  Request request;
  read_json(c.request, c.name, request);
  request.init_image = read_image(picture_file("photo.png")).image;
  request.mask =
      read_image(c.mask.starts_with("small") ? soft_file(c.mask) : picture_file(c.mask)).image;
  request.is_edges = true;  // without effect, but of the drawn size
  request.strength = 0;
  request.image = {request.size.width, request.size.height, 1, {}};
  request.image.pixels.resize(static_cast<size_t>(request.size.width) *
                              static_cast<size_t>(request.size.height));
  return request;
}

class SoftInpainting : public ::testing::TestWithParam<SoftCase> {};

TEST_P(SoftInpainting, FollowsTheFormulasStepByStep) {
  const SoftCase& c = GetParam();
  Stages& model = PipelineParts::stages(soft_pipeline(c.nine_inputs));
  const auto use = model.use({});
  const auto latents = testing::run_painting(model, soft_request(c)).latents;
  const Tensor expected = soft_reference(c.name + ".latents");
  ASSERT_EQ(static_cast<size_t>(expected.shape()[0]), latents.size());
  const auto [worst, worst_step] = testing::distances(latents, expected.floats());
  EXPECT_LE(worst, std::max(5e-6, 5 * c.float64_difference));
  EXPECT_LE(worst_step, 1e-3);
}

TEST_P(SoftInpainting, PastesByTheDifference) {
  const SoftCase& c = GetParam();
  const Request request = soft_request(c);
  Stages& model = PipelineParts::stages(soft_pipeline(c.nine_inputs));
  const auto use = model.use({});
  const auto first = testing::run_painting(model, request).first;
  const Tensor latents = soft_reference(c.name + ".latents");
  const std::span<const float> last = latents.floats().last(first.known.size());
  const InitialPicture initial = initial_picture(request, request.size);
  const Image overlay = with_overlay(*initial.paste, soft_overlay(request, first.mask, first.known,
                                                                  last, request.size))
                            .overlay;
  const Tensor expected = soft_reference(c.name + ".overlay");
  ASSERT_EQ(overlay.pixels.size(), expected.floats().size());
  size_t close = 0;
  for (size_t i = 0; i < overlay.pixels.size(); ++i)
    close += std::abs(static_cast<float>(overlay.pixels[i]) - expected.floats()[i]) <= 1;
  EXPECT_GE(static_cast<double>(close), 0.999 * static_cast<double>(overlay.pixels.size()));
}

TEST_P(SoftInpainting, GivesTheirPicture) {
  const SoftCase& c = GetParam();
  const Result result = soft_pipeline(c.nine_inputs).generate(soft_request(c));
  EXPECT_GE(
      testing::share_that_agrees(result.images[0], read_image(soft_file(c.name + ".png")).image),
      0.999);
}

INSTANTIATE_TEST_SUITE_P(Golden, SoftInpainting, ::testing::ValuesIn(soft_cases()),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace drypoint
