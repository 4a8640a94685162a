// Times the parts of one picture at full size: the text encoder, the denoiser's step, the VAE's
// decoder, and how long it takes from the start of the program to the first step. Prints one JSON
// object.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "diffusion/model/stages.h"
#include "diffusion/noise/random.h"

using namespace drypoint;

namespace {

struct Options {
  std::string model, device = "cpu", precision = "auto", tuning_cache;
  int64_t height = 256, width = 384, latents = 1;
  int threads = 0, repeats = 5, level = 0, aux_streams = 0;
  bool no_graph = false, kernels = false, step_only = false;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds of each run; on a device that works on its own, several are enqueued at once and share
/// the time, as in a picture's steps.
std::vector<double> time(const Backend& backend, int repeats, const std::function<void()>& run) {
  const int together = backend.shares_host_memory() ? 1 : 20;
  const auto finish = [&] {
    if (const auto event = backend.record_event(0)) event->wait();
  };
  std::vector<double> times;
  run();
  finish();
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    for (int j = 0; j < together; ++j) run();
    finish();
    times.push_back(seconds_since(start) / together);
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

/// Each kernel of a section by itself, run many times in a row: where its time goes, roughly.
void print_kernels(const Backend& backend, const Executor& executor, Rate rate) {
  constexpr int runs = 50;
  struct Row {
    int count = 0;
    double microseconds = 0;
  };
  std::map<std::string, Row> rows;
  double all = 0;
  executor.for_each_kernel(rate, [&](const PlanOp& step, const std::function<void()>& run) {
    if (is_view(step.op)) return;
    const auto graph = backend.capture([&] {
      for (int i = 0; i < runs; ++i) run();
    });
    const auto once = [&] {
      const auto start = std::chrono::steady_clock::now();
      graph->launch();
      backend.record_event(0)->wait();
      return seconds_since(start);
    };
    once();
    const double microseconds = std::min(once(), once()) / runs * 1e6;
    std::string shapes;
    for (const ValueId id : step.inputs)
      if (executor.plan().values[id].type.shape.size() > 1)
        shapes += " " + to_string(executor.plan().values[id].type.shape);
    Row& row = rows[to_string(step.op) + shapes];
    ++row.count, row.microseconds += microseconds, all += microseconds;
  });
  std::vector<std::pair<std::string, Row>> sorted(rows.begin(), rows.end());
  std::sort(sorted.begin(), sorted.end(),
            [](auto& a, auto& b) { return a.second.microseconds > b.second.microseconds; });
  fmt::print(stderr, "{:.0f} us in all\n", all);
  for (const auto& [what, row] : sorted)
    fmt::print(stderr, "{:8.1f} us = {:3} x {:6.1f}  {}\n", row.microseconds, row.count,
               row.microseconds / row.count, what);
}

/// Seconds for whole pictures of 20 steps, prompt to 8-bit pixels, once everything is ready.
std::vector<double> time_pictures(const Options& o, const PipelineOptions& options) {
  Pipeline pipeline({.model = o.model}, options);
  Request request;
  request.prompt = "a bird";
  request.seed = 1;
  request.is_edges = true;
  request.image = {static_cast<int>(o.width), static_cast<int>(o.height), 1,
                   std::vector<uint8_t>(static_cast<size_t>(o.width * o.height))};
  std::vector<double> times;
  for (int i = -2; i < o.repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    pipeline.generate(request);
    if (i >= 0) times.push_back(seconds_since(start));
  }
  std::sort(times.begin(), times.end());
  return times;
}

void measure(const Options& o, std::chrono::steady_clock::time_point start) {
  const PipelineOptions options{.device = o.device,
                                .threads = o.threads,
                                .precision = o.precision,
                                .graphs = !o.no_graph,
                                .aux_streams = o.aux_streams,
                                .level = o.level,
                                .tuning_cache = o.tuning_cache};
  Stages model({o.model, {}, {}, {}}, options);
  const Backend& backend = model.backend();
  nlohmann::ordered_json result;
  const auto report = [&](const std::string& name, const std::vector<double>& times) {
    result[name + "_seconds"] = times;
    result[name + "_median"] = times[times.size() / 2];
  };
  Executor* encoder = o.step_only ? nullptr : &model.text_encoder({});
  Executor& denoiser = model.denoiser({.latents = o.latents,
                                       .prompts = 2,
                                       .contexts = 2,
                                       .height = o.height / 8,
                                       .width = o.width / 8});
  for (const char* input : {"slots", "context", "hint", "control_scales"}) fill(denoiser, input);
  denoiser.set_input("timesteps", std::vector<float>(32, 501.0f));
  std::vector<float> rows;  // each step leaves the latents as they are
  for (int i = 0; i < 32; ++i)
    for (const float value : {1.0f, 0.0f, 0.0f}) rows.push_back(value);
  denoiser.set_input("sampler", rows);
  denoiser.set_input("guidance_scale",
                     std::vector<float>(denoiser.type_of_input("guidance_scale").elements(), 9.0f));
  denoiser.set_input("step", std::vector<int32_t>{0});
  denoiser.run(Rate::picture);
  denoiser.wait_for_all_but(0);
  result["device"] = model.description().device;
  result["threads"] = model.description().threads;
  result["seconds_to_first_step"] = seconds_since(start);
  const auto run = [&](Executor& executor, Rate rate) {
    return time(backend, o.repeats, [&] {
      if (rate == Rate::step) executor.set_input("step", std::vector<int32_t>{0});
      executor.run(rate);
      executor.wait_for_all_but(20);
    });
  };
  report("step", run(denoiser, Rate::step));
  if (o.kernels) print_kernels(backend, denoiser, Rate::step);
  if (!o.step_only) {
    report("picture_part", run(denoiser, Rate::picture));
    result["peak_mib_of_denoiser"] = peak_mib();
    encoder->set_input("ids", std::vector<int32_t>(2 * 77, 7));
    report("text", run(*encoder, Rate::picture));
    Executor& decoder = model.vae_decoder(o.height / 8, o.width / 8);
    fill(decoder, "latent");
    report("decode", run(decoder, Rate::picture));
    if (o.kernels) print_kernels(backend, decoder, Rate::picture);
    result["peak_mib"] = peak_mib();
    if (!backend.shares_host_memory()) report("picture", time_pictures(o, options));
  }
  fmt::print("{}\n", result.dump(2));
}

}  // namespace

int main(int argc, char** argv) try {
  const auto start = std::chrono::steady_clock::now();
  Options o;
  CLI::App app{"Times the parts of one picture at full size."};
  app.add_option("model", o.model, "Checkpoint with ControlNet")->required();
  app.add_option("height", o.height, "Of the picture")->required();
  app.add_option("width", o.width, "Of the picture")->required();
  app.add_option("--device", o.device, "cpu, cuda, cuda:N or reference [cpu]");
  app.add_option("--precision", o.precision, "auto, fp16, bf16, tf32 or fp32 [auto]");
  app.add_option("--threads", o.threads, "Of the host; 0: all cores [0]");
  app.add_option("--repeats", o.repeats, "Measurements of each part [5]");
  app.add_option("--latents", o.latents, "Denoised together [1]");
  app.add_option("--level", o.level, "Of tuning, 0 to 5 [0]");
  app.add_option("--tuning-cache", o.tuning_cache, "File of measured choices");
  app.add_option("--aux-streams", o.aux_streams, "Beside the main one, 0 to 7 [0]");
  app.add_flag("--no-graph", o.no_graph, "Kernel by kernel");
  app.add_flag("--kernels", o.kernels, "Print the time of each kernel by itself, on a GPU");
  app.add_flag("--step-only", o.step_only, "The denoiser's step and nothing else");
  CLI11_PARSE(app, argc, argv);
  measure(o, start);
} catch (const std::exception& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return 1;
}
