// The same launches as `drypoint bench`, timed by other means: a clock on the wall, and waiting for
// the device before and after each part. Prints medians in milliseconds as JSON. For checking
// `bench`'s figures, which come from events in the device's stream.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "diffusion/pipeline_parts.h"
#include "measure/picture.h"

using namespace drypoint;

int main(int argc, char** argv) try {
  Workload workload;
  std::string model, device = "cpu";
  int height = 256, width = 384, pictures = 10;
  CLI::App app{"Times the parts of a picture."};
  app.add_option("model", model, "Checkpoint with ControlNet, or random:sd15")->required();
  app.add_option("height", height, "Of the picture");
  app.add_option("width", width, "Of the picture");
  app.add_option("--device", device, "cpu, cuda, cuda:N or reference [cpu]");
  app.add_option("--threads", workload.options.threads, "Of the host; 0: all cores [0]");
  app.add_option("--steps", workload.steps, "Of each picture [20]");
  app.add_option("--pictures", pictures, "That count; one more goes before [10]");
  CLI11_PARSE(app, argc, argv);
  workload.files.model = model;
  workload.options.device = device;
  Pipeline pipeline(workload.files, workload.options);
  Stages& stages = PipelineParts::stages(pipeline);
  stages.begin();
  MeasuredPicture picture(stages, workload, {width, height}, {});
  std::map<std::string, std::vector<double>> times;
  const auto finish = [&] {
    if (const auto event = stages.backend().record_event(0)) event->wait();
  };
  const auto time = [&](const char* part, int runs, const auto& work) {
    finish();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < runs; ++i) work();
    finish();
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    times[part].push_back(taken.count() / runs);
  };
  for (int i = -1; i < pictures; ++i) {
    picture.set_tokens();
    time("text", 1, [&] { picture.encoder.run(Rate::picture); });
    picture.set_picture(picture.context());
    time("hint", 1, [&] { picture.denoiser.run(Rate::picture); });
    picture.set_first_step();
    time("first_step", 1, [&] { picture.loop.run(); });
    time("step", workload.steps - 1, [&] {
      picture.loop.run();
      picture.loop.wait_for_all_but_two();
    });
    picture.decoder.set_input("latent", picture.latent(stages.scaling_factor()));
    time("vae", 1, [&] { picture.decoder.run(Rate::picture); });
    picture.read_image();
    if (i < 0) times.clear();
  }
  nlohmann::ordered_json medians;
  for (auto& [part, values] : times) {
    std::sort(values.begin(), values.end());
    medians[part] = values[values.size() / 2];
  }
  fmt::print("{}\n", medians.dump());
} catch (const std::exception& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return 1;
}
