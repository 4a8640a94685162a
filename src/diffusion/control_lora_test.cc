// A ControlNet made of the UNet's weights and products, against the same merged by hand.
#include <random>

#include "checkpoint/safetensors.h"
#include "drypoint/plan.h"
#include "models/assemble.h"
#include "models/control_lora.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;
using testing::tiny_files;
using Tensors = std::map<std::string, Tensor, std::less<>>;

Tensor small_random(const Shape& shape, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(static_cast<size_t>(element_count(shape)));
  for (float& value : values) value = (static_cast<float>(random() % 2000) / 1000.0f - 1.0f) * 0.1f;
  return make_tensor(shape, values);
}

/// Products for two matrices, a 3x3 and a 1x1 convolution; biases, hint block and zero
/// convolutions of a ControlNet's own. `merged` gets the same as a whole ControlNet.
Tensors control_lora_of(const NamedTensors& base, const NamedTensors& control, Tensors& merged) {
  constexpr std::string_view unet = "model.diffusion_model.", own = "control_model.";
  Tensors lora;
  lora["lora_controlnet"] = Tensor({DType::f32, {0}});
  for (const auto& [name, tensor] : control.tensors) {
    if (!name.starts_with(own)) continue;
    const std::string relative = name.substr(own.size());
    const Tensor* shared = base.find(std::string(unet) + relative);
    const bool is_own = !shared || relative.ends_with("in_layers.2.bias");
    merged[relative] = is_own ? tensor : *shared;
    if (is_own) lora[relative] = tensor;
  }
  uint32_t seed = 1;
  for (const char* module : {"input_blocks.1.1.transformer_blocks.0.attn1.to_q", "time_embed.0",
                             "input_blocks.1.0.in_layers.2", "input_blocks.1.1.proj_in"}) {
    const std::string stem = module;
    const Tensor weight = merged.at(stem + ".weight").to_f32();
    const int64_t rows = weight.shape()[0], columns = element_count(weight.shape()) / rows;
    Shape down_shape = weight.shape(), up_shape(weight.shape().size(), 1);
    down_shape[0] = up_shape[1] = 3;
    up_shape[0] = rows;
    const Tensor up = small_random(up_shape, seed++), down = small_random(down_shape, seed++);
    lora[stem + ".up"] = up;
    lora[stem + ".down"] = down;
    std::vector<float> sum(weight.floats().begin(), weight.floats().end());
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        for (int64_t k = 0; k < 3; ++k)
          sum[static_cast<size_t>(i * columns + j)] +=
              up.floats()[static_cast<size_t>(i * 3 + k)] *
              down.floats()[static_cast<size_t>(k * columns + j)];
    merged[stem + ".weight"] = make_tensor(weight.shape(), sum);
  }
  return lora;
}

class ControlLora : public ::testing::Test {
 protected:
  ControlLora() {
    const Checkpoint whole = assemble(tiny_files());
    lora_ = control_lora_of(whole.tensors, whole.tensors, merged_);
    write_safetensors(folder_ / "merged.safetensors", merged_);
    request_.prompt = "a cat";
    request_.seed = 3;
    request_.steps = 2;
    request_.image = {16, 24, 1, std::vector<uint8_t>(size_t{16} * 24)};
    for (size_t i = 0; i < request_.image.pixels.size(); i += 5) request_.image.pixels[i] = 255;
    request_.is_edges = true;
  }
  ModelFiles files(const char* control) const {
    return {.model = testing::tiny_model_path(), .control = folder_ / control};
  }
  std::filesystem::path write_lora() const {
    write_safetensors(folder_ / "lora.safetensors", lora_);
    return folder_ / "lora.safetensors";
  }
  bool refused(std::initializer_list<std::string> parts) {
    write_lora();
    return fails_with(ErrorKind::bad_file, parts, [&] { assemble(files("lora.safetensors")); });
  }

  TemporaryFolder folder_;
  Tensors lora_, merged_;
  Request request_;
};

int largest_difference(const Image& a, const Image& b) {
  int most = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i)
    most = std::max(most, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  return most;
}

TEST_F(ControlLora, IsTheControlNetThatItsProductsMake) {
  write_lora();
  const auto drawn = [&](const ModelFiles& files) {
    return Pipeline(files).generate(request_).images[0];
  };
  const Image expected = drawn(files("merged.safetensors")),
              found = drawn(files("lora.safetensors"));
  EXPECT_LE(largest_difference(expected, found), 1);
  EXPECT_GT(largest_difference(drawn({.model = testing::tiny_model_path(),
                                      .control = testing::tiny_control_path()}),
                               found),
            4);
  // From a plan, and put in another's place, and back.
  build_plan(files("lora.safetensors"), folder_ / "a.plan", {.sizes = {{16, 24}}});
  EXPECT_EQ(drawn({.plan = folder_ / "a.plan"}), found);
  Pipeline pipeline(files("merged.safetensors"));
  const Image merged = pipeline.generate(request_).images[0];
  pipeline.set_control(folder_ / "lora.safetensors");
  EXPECT_EQ(pipeline.generate(request_).images[0], found);
  pipeline.set_control(folder_ / "merged.safetensors");
  EXPECT_EQ(pipeline.generate(request_).images[0], merged);
}

TEST_F(ControlLora, SharesTheUnetsBytes) {
  write_lora();
  const Checkpoint model = assemble(files("lora.safetensors"));
  const std::string name = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight";
  EXPECT_EQ(model.tensors.at("control_model." + name).bytes().data(),
            model.tensors.at("model.diffusion_model." + name).bytes().data());
  EXPECT_EQ(control_lora_products(model.tensors).size(), 4u);
}

TEST_F(ControlLora, SaysWhatIsMissingOrDoesNotFit) {
  const std::string stem = "time_embed.0";
  const Tensor up = lora_.at(stem + ".up"), down = lora_.at(stem + ".down");
  lora_.erase(stem + ".down");
  EXPECT_TRUE(refused({"lora.safetensors", "time_embed.0.up", "down is missing"}));
  lora_[stem + ".down"] = down;
  lora_[stem + ".up"] = small_random({up.shape()[0], 2}, 1);
  EXPECT_TRUE(refused({"time_embed.0.up", "does not fit", "another base model"}));
  lora_[stem + ".up"] = up;
  lora_["nowhere.up"] = up;
  lora_["nowhere.down"] = down;
  EXPECT_TRUE(refused({"nowhere.weight is missing"}));
}

}  // namespace
}  // namespace drypoint
