// Times the parts of one picture at full size: the denoiser's step, the VAE's decoder, and how long
// it takes from the start of the program to the first step. Prints one JSON object.
// usage: bench_step MODEL HEIGHT WIDTH [DEVICE [THREADS [REPEATS]]]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "diffusion/model.h"
#include "diffusion/random.h"

using namespace drypoint;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<double> time(int repeats, const std::function<void()>& run) {
  std::vector<double> times;
  run();
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    times.push_back(seconds_since(start));
  }
  std::sort(times.begin(), times.end());
  return times;
}

/// "VmHWM", the most memory that the process has had resident.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

void fill(Executor& executor, const std::string& input) {
  std::vector<float> values(executor.type_of_input(input).elements());
  make_generator({}, 1)->randn(values);
  executor.set_input(input, values);
}

}  // namespace

int main(int argc, char** argv) try {
  const auto start = std::chrono::steady_clock::now();
  if (argc < 4) {
    fmt::print(stderr, "usage: bench_step MODEL HEIGHT WIDTH [DEVICE [THREADS [REPEATS]]]\n");
    return 2;
  }
  const int64_t height = std::stol(argv[2]), width = std::stol(argv[3]);
  const std::string device = argc > 4 ? argv[4] : "cpu";
  const int threads = argc > 5 ? std::stoi(argv[5]) : 0,
            repeats = argc > 6 ? std::stoi(argv[6]) : 5;

  Model model({argv[1], {}, {}, {}}, {device, threads});
  model.text_encoder(2);
  Executor& denoiser = model.denoiser(
      {.latents = 1, .prompts = 2, .contexts = 2, .height = height / 8, .width = width / 8});
  for (const char* input : {"latent", "context", "hint", "control_scales"}) fill(denoiser, input);
  denoiser.set_input("timesteps", std::vector<float>(32, 501.0f));
  denoiser.set_input("step", std::vector<int32_t>{0});
  denoiser.run(Rate::picture);
  nlohmann::ordered_json result;
  result["device"] = model.description().device;
  result["threads"] = model.description().threads;
  result["seconds_to_first_step"] = seconds_since(start);
  const auto steps = time(repeats, [&] { denoiser.run(Rate::step); });
  result["step_seconds"] = steps;
  result["step_median"] = steps[steps.size() / 2];
  result["picture_part_median"] =
      time(repeats, [&] { denoiser.run(Rate::picture); })[static_cast<size_t>(repeats) / 2];
  result["peak_mib_of_denoiser"] = peak_mib();

  Executor& decoder = model.vae_decoder(height / 8, width / 8);
  fill(decoder, "latent");
  const auto decodes = time(repeats, [&] { decoder.run(Rate::picture); });
  result["decode_seconds"] = decodes;
  result["decode_median"] = decodes[decodes.size() / 2];
  result["peak_mib"] = peak_mib();
  fmt::print("{}\n", result.dump(2));
} catch (const std::exception& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return 1;
}
