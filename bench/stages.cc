// Runs the stages of the pipeline on given inputs, so that others can compare: reads "ids" (2 x
// 77), "latent" (1 x 4 x h x w), "hint" (1 x 3 x 8h x 8w), "context" (2 x 77 x D), "timestep" (1)
// and "scaled_latent" (for the VAE) from a safetensors file, and writes "embedding", "eps",
// "control0" to "control12" and "image" to another.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "diffusion/model/stages.h"

using namespace drypoint;

namespace {

struct Options {
  std::string model, inputs, outputs, device = "cpu", precision = "auto", tuning_cache;
};

Tensor result_of(Executor& executor, const std::string& output) {
  return make_tensor(executor.plan().values[executor.plan().outputs.at(output)].type.shape,
                     executor.output(output));
}

void run(const Options& o) {
  Stages model({o.model, {}, {}, {}},
               {.device = o.device, .precision = o.precision, .tuning_cache = o.tuning_cache});
  const NamedTensors inputs = read_tensor_file(o.inputs).tensors;
  std::vector<Tensor> owned;
  const auto values = [&](const std::string& name) {
    return owned.emplace_back(inputs.at(name).to_f32()).floats();
  };
  std::map<std::string, Tensor, std::less<>> results;

  Executor& encoder = model.text_encoder({});
  const auto ids = values("ids");
  encoder.set_input("ids", std::vector<int32_t>(ids.begin(), ids.end()));
  encoder.run(Rate::picture);
  results["embedding"] = result_of(encoder, "embedding");

  const Shape size = inputs.at("latent").shape();
  Executor& denoiser =
      model.denoiser({.height = size[2], .width = size[3], .max_steps = 1, .expose = true});
  denoiser.set_input("slots", values("latent"));
  for (const char* name : {"context", "hint"}) denoiser.set_input(name, values(name));
  denoiser.set_input("timesteps", values("timestep"));
  denoiser.set_input("control_scales", std::vector<float>(13, 1.0f));
  denoiser.set_input("sampler", std::vector<float>{1, 0, 0});
  denoiser.set_input("guidance_scale", std::vector<float>{1});
  denoiser.set_input("step", std::vector<int32_t>{0});
  denoiser.run(Rate::picture);
  denoiser.run(Rate::step);
  results["eps"] = result_of(denoiser, "eps");
  for (int i = 0; i < 13; ++i) {
    const std::string name = fmt::format("control{}", i);
    results[name] = result_of(denoiser, name);
  }

  Executor& decoder = model.vae_decoder(size[2], size[3]);
  decoder.set_input("latent", values("scaled_latent"));
  decoder.run(Rate::picture);
  results["image"] = result_of(decoder, "image");
  write_safetensors(o.outputs, results);
}

}  // namespace

int main(int argc, char** argv) try {
  Options o;
  CLI::App app{"Runs the stages of the pipeline on given inputs."};
  app.add_option("model", o.model, "Checkpoint with ControlNet")->required();
  app.add_option("inputs", o.inputs, "safetensors file to read")->required();
  app.add_option("outputs", o.outputs, "safetensors file to write")->required();
  app.add_option("--device", o.device, "cpu, cuda, cuda:N or reference [cpu]");
  app.add_option("--precision", o.precision, "auto, fp16, bf16, tf32 or fp32 [auto]");
  app.add_option("--tuning-cache", o.tuning_cache, "File of measured choices");
  CLI11_PARSE(app, argc, argv);
  run(o);
} catch (const std::exception& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return 1;
}
