// A tiny autoencoder against diffusers (taesd.py), and previews.
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "diffusion/model/autoencoding.h"
#include "diffusion/preview.h"
#include "golden/golden_test_base.h"
#include "models/detect.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::close;

const NamedTensors& taesd_goldens() {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("golden/taesd.safetensors")).tensors;
  return tensors;
}

Tensor taesd_golden(const std::string& name) { return taesd_goldens().at(name).to_f32(); }

/// The network's tensors under the names that `rename` gives diffusers'.
std::filesystem::path taesd_file(const std::string& name,
                                 const std::function<std::string(std::string)>& rename) {
  static const testing::TemporaryFolder folder;
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [full, tensor] : taesd_goldens().tensors)
    if (full.starts_with("taesd."))
      if (const std::string own = rename(full.substr(6)); !own.empty()) tensors[own] = tensor;
  write_safetensors(folder / name, tensors);
  return folder / name;
}

std::filesystem::path diffusers_taesd() {
  return taesd_file("taesd.safetensors", [](const std::string& name) { return name; });
}

/// Its own code's file of the decoder alone: a clamp in front counts.
std::filesystem::path own_taesd_decoder() {
  return taesd_file("taesd_decoder.safetensors", [](const std::string& name) -> std::string {
    const std::string prefix = "decoder.layers.";
    if (!name.starts_with(prefix)) return "";
    const size_t dot = name.find('.', prefix.size());
    return std::to_string(std::stoi(name.substr(prefix.size(), dot)) + 1) + name.substr(dot);
  });
}

ModelFiles drafting(const std::filesystem::path& vae) {
  ModelFiles files = testing::tiny_files();
  files.vae = vae;
  return files;
}

/// [1, C, H, W] -> [H, W, C]
std::vector<float> interleaved(const Tensor& planes) {
  const Shape& s = planes.shape();
  std::vector<float> pixels;
  for (int64_t p = 0; p < s[2] * s[3]; ++p)
    for (int64_t c = 0; c < s[1]; ++c)
      pixels.push_back(planes.floats()[static_cast<size_t>(c * s[2] * s[3] + p)]);
  return pixels;
}

TEST(Taesd, CodesAsDiffusers) {
  drypoint::Stages model(drafting(diffusers_taesd()), testing::tested_device());
  const auto use = model.use({});
  model.begin();
  const ImageSize size{72, 48};
  EXPECT_TRUE(close(decode(model, taesd_golden("latent").floats(), vae_tiles(size, 0), {}),
                    interleaved(taesd_golden("decoded")), 1e-5));
  const auto moments = encode(model, interleaved(taesd_golden("image")), vae_tiles(size, 0), {});
  const auto expected = taesd_golden("encoded");
  EXPECT_TRUE(close(std::span(moments).first(moments.size() / 2), expected.floats(), 1e-5));
}

TEST(Taesd, TheDecoderAloneServesDrafts) {
  drypoint::Stages model(drafting(own_taesd_decoder()), testing::tested_device());
  EXPECT_FALSE(model.config().vae.has_encoder);
  const auto use = model.use({});
  model.begin();
  EXPECT_TRUE(close(decode(model, taesd_golden("latent").floats(), vae_tiles({72, 48}, 0), {}),
                    interleaved(taesd_golden("decoded")), 1e-5));
}

Request previewed_request() {
  Request request;
  request.prompt = "a cat";
  request.seed = 5;
  request.steps = 4;
  request.size = {64, 72};
  request.image = {64, 72, 1, std::vector<uint8_t>(size_t{64} * 72)};
  request.is_edges = true;
  return request;
}

TEST(Preview, ShowsWhatThePictureIsToBecome) {
  for (const bool tiny : {false, true}) {
    Pipeline pipeline(tiny ? drafting(diffusers_taesd()) : testing::tiny_files(),
                      testing::tested_device());
    std::vector<Image> previews;
    Callbacks callbacks;
    callbacks.preview = [&](const Image& image) { previews.push_back(image); };
    callbacks.preview_steps = 1;
    const Request request = previewed_request();
    const Result result = pipeline.generate(request, callbacks);
    EXPECT_EQ(result.images, pipeline.generate(request).images);
    ASSERT_EQ(previews.size(), 3u);  // the last is the picture
    EXPECT_EQ(previews[0].width, tiny ? 64 : 8);
    EXPECT_EQ(previews[0].height, tiny ? 72 : 9);
    EXPECT_NE(previews[0], previews[2]);
  }
}

/// DDIM's last step goes to the very latent that the model foresees then.
TEST(Preview, TheLatentThatIsForeseenIsTheModels) {
  SamplerTable::Row row;
  row.signal = 0.6, row.noise = 0.8;
  const std::vector<float> clean{1, -2}, noise{0.5f, 3};
  std::vector<float> seen(2), v(2);
  for (size_t i = 0; i < 2; ++i) {
    seen[i] = 0.6f * clean[i] + 0.8f * noise[i];
    v[i] = 0.6f * noise[i] - 0.8f * clean[i];
  }
  EXPECT_TRUE(close(clean_latent(seen, noise, row, Prediction::epsilon, 1, {}), clean, 1e-6));
  EXPECT_TRUE(close(clean_latent(seen, v, row, Prediction::v, 1, {}), clean, 1e-6));
  EXPECT_TRUE(close(clean_latent(seen, clean, row, Prediction::sample, 1, {}), clean, 1e-6));
  // Guidance 3 from 0 to a third of the noise; of two latents the first.
  const std::vector<float> both{0, 0, 9, 9, noise[0] / 3, noise[1] / 3, 9, 9};
  EXPECT_TRUE(close(clean_latent(seen, both, row, Prediction::epsilon, 3, {0, 2}), clean, 1e-6));
}

}  // namespace
}  // namespace drypoint
