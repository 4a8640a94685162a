// Which models an adapter is for.
#include "adapters/fit.h"

#include "adapters/adapter_test_base.h"
#include "models/family.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;

Tensors lora_for(const std::string& module, int64_t out, int64_t in) {
  return {{module + ".lora_up.weight", random_tensor({out, 4}, 1)},
          {module + ".lora_down.weight", random_tensor({4, in}, 2)}};
}

TEST(Fit, TellsFamiliesApart) {
  const testing::TemporaryFolder folder;
  const std::string to_k = "_attentions_0_transformer_blocks_0_attn2_to_k";
  const auto try_on = [&](const Tensors& tensors, const ModelConfig& config) {
    write_safetensors(folder / "x.safetensors", tensors);
    return fit(read_adapter(folder / "x.safetensors"), AdapterTargets(config), config, "MODEL");
  };
  const Tensors sd1 = lora_for("lora_unet_down_blocks_1" + to_k, 640, 768),
                sd2 = lora_for("lora_unet_down_blocks_1" + to_k, 640, 1024),
                sdxl = lora_for("lora_unet_down_blocks_1" + to_k, 640, 2048);
  EXPECT_EQ(try_on(sd1, sd15()).changes.size(), 1u);
  EXPECT_EQ(try_on(sd2, sd21()).changes.size(), 1u);
  for (const auto& [tensors, config, parts] :
       {std::tuple(sd1, sd21(),
                   std::vector<std::string>{"Stable Diffusion 1 (text width 768)",
                                            "Stable Diffusion 2 (1024)"}),
        {sd2, sd15(), {"Stable Diffusion 2 (text width 1024)", "Stable Diffusion 1.5"}},
        {sdxl, sd15(), {"SDXL", "Stable Diffusion 1.5"}},
        {lora_for("lora_te2_text_model_encoder_layers_0_mlp_fc1", 8, 8),
         sd15(),
         {"SDXL", "Stable Diffusion 1.5"}},
        {lora_for("lora_unet_double_blocks_0_img_attn_qkv", 8, 8),
         sd15(),
         {"FLUX", "Stable Diffusion 1.5"}},
        {lora_for("lora_unet_nowhere", 8, 8),
         sd15(),
         {"nothing fits", "Stable Diffusion 1.5", "lora_unet_nowhere.lora_"}},
        {lora_for("lora_unet_mid_block_attentions_0_proj_in", 8, 8), sd15(), {"nothing fits"}}})
    for (const std::string& part : parts)
      EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"x.safetensors", "MODEL", part},
                             [&] { try_on(tensors, config); }));
}

TEST(Fit, TellsWhatIsLeft) {
  const testing::TemporaryFolder folder;
  Tensors tensors = lora_for("lora_unet_mid_block_attentions_0_proj_in", 1280, 1280);
  tensors.merge(lora_for("lora_unet_nowhere", 8, 8));
  tensors["note"] = random_tensor({1}, 1);
  write_safetensors(folder / "x.safetensors", tensors);
  const auto fitted =
      fit(read_adapter(folder / "x.safetensors"), AdapterTargets(sd15()), sd15(), "MODEL");
  EXPECT_EQ(fitted.changes.size(), 1u);
  EXPECT_EQ(fitted.left, (std::vector<std::string>{"note", "lora_unet_nowhere.lora_up.weight",
                                                   "lora_unet_nowhere.lora_down.weight"}));
  // Stable Diffusion 2's projections are matrices.
  EXPECT_EQ(fit(read_adapter(folder / "x.safetensors"), AdapterTargets(sd21()), sd21(), "MODEL")
                .changes.size(),
            1u);
}

}  // namespace
}  // namespace drypoint
