#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "commands.h"
#include "device_options.h"
#include "drypoint/pipeline.h"
#include "model_options.h"
#include "options.h"
#include "picture_files.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

namespace fs = std::filesystem;

/// Options as given; what is not given is left to the model's defaults.
struct Options {
  ModelOptions model;
  DeviceOptions device;
  std::string image, edges, save_edges, output;
  std::optional<std::string> prompt, added_prompt, negative_prompt, sampler;
  std::optional<int> samples, resolution, steps;
  std::optional<double> scale, strength, eta, s_noise, s_churn, s_tmin, s_tmax;
  std::optional<double> low_threshold, high_threshold;
  std::string seed = "-1", rng = "cpu", schedule = "automatic", noise = "batch";
  bool guess_mode = false, warm = false, json = false;
};

std::optional<uint64_t> parse_seed(const std::string& text) {
  if (text == "-1") return std::nullopt;
  uint64_t seed = 0;
  if (!parse(text, seed))
    bad_option(fmt::format("--seed: \"{}\", expected -1 (random) to 18446744073709551615", text));
  return seed;
}

/// "cpu", "cuda" or "cuda:132x2048"
RandomOptions parse_rng(const std::string& text) {
  RandomOptions random;
  if (text == "cpu") return random;
  random.kind = RandomKind::cuda;
  if (text == "cuda") return random;
  const auto x = text.find('x');
  if (!text.starts_with("cuda:") || x == std::string::npos ||
      !parse(std::string_view(text).substr(5, x - 5), random.multiprocessors) ||
      !parse(std::string_view(text).substr(x + 1), random.threads))
    bad_option(fmt::format("--rng: \"{}\", expected cpu, cuda or cuda:SMSxTHREADS", text));
  return random;
}

/// "a.png", or "a_0.png", "a_1.png", ... for several samples.
std::vector<fs::path> output_names(const fs::path& output, int samples) {
  if (samples == 1) return {output};
  std::vector<fs::path> names;
  for (int i = 0; i < samples; ++i)
    names.push_back(output.parent_path() /
                    fmt::format("{}_{}{}", output.stem().string(), i, output.extension().string()));
  return names;
}

bool writes_standard(const Options& options) {
  return is_standard(options.output) || is_standard(options.save_edges);
}

/// Finds out before the work whether its results can be written, each to a file of its own.
void check_outputs(const Options& options, const std::vector<fs::path>& names) {
  OptionFiles outputs;
  for (const fs::path& name : names) outputs.emplace_back("--output", name);
  if (is_standard(options.output) && names.size() > 1)
    bad_option(fmt::format("--samples: {}, but --output - takes one picture", names.size()));
  if (!options.save_edges.empty()) outputs.emplace_back("--save-edges", options.save_edges);
  if (options.json && writes_standard(options))
    bad_option("--json: goes to standard output, as a picture named - does; expected one of them");
  for (const auto& [option, path] : outputs) check_output(option, path);
  check_files_differ(outputs, {{"--image", options.image}, {"--edges", options.edges}});
}

Request to_request(const Options& options, Request request, std::vector<std::string>& notices) {
  const auto set = [](auto& field, const auto& given) {
    if (given) field = *given;
  };
  set(request.prompt, options.prompt);
  set(request.added_prompt, options.added_prompt);
  set(request.negative_prompt, options.negative_prompt);
  set(request.samples, options.samples);
  set(request.resolution, options.resolution);
  set(request.steps, options.steps);
  set(request.guidance_scale, options.scale);
  set(request.strength, options.strength);
  set(request.sampler, options.sampler);
  set(request.eta, options.eta);
  set(request.s_noise, options.s_noise);
  set(request.s_churn, options.s_churn);
  set(request.s_tmin, options.s_tmin);
  set(request.s_tmax, options.s_tmax);
  set(request.low_threshold, options.low_threshold);
  set(request.high_threshold, options.high_threshold);
  request.schedule = schedule_named(options.schedule);
  request.guess_mode = options.guess_mode;
  request.seed = parse_seed(options.seed);
  request.random = parse_rng(options.rng);
  request.noise = options.noise == "batch" ? NoiseKind::batch : NoiseKind::per_sample;
  request.is_edges = !options.edges.empty();
  ReadImage read = request.is_edges ? read_picture("--edges", options.edges)
                                    : read_picture("--image", options.image);
  request.image = std::move(read.image);
  notices.insert(notices.end(), read.notices.begin(), read.notices.end());
  return request;
}

/// Seconds from the command's start; with --warm, of the first step, from the end of warming.
struct Times {
  double open = 0;  // until the model was opened
  double to_first_step = 0;
};

void print_result(const Options& options, const Pipeline& pipeline, const Result& result,
                  const Times& times, const std::vector<fs::path>& names,
                  const std::vector<std::string>& notices) {
  if (options.json) {
    Json json;
    json["device"] = pipeline.description().device;
    json["threads"] = pipeline.description().threads;
    json["seed"] = result.seed;
    for (const auto& name : names) json["images"].push_back(name.string());
    if (!options.save_edges.empty()) json["edges"] = options.save_edges;
    json["width"] = result.images[0].width;
    json["height"] = result.images[0].height;
    json["seconds"] = {{"open", times.open}};
    for (const auto& [stage, seconds] : result.seconds) json["seconds"][stage] = seconds;
    json["seconds"]["to_first_step"] = times.to_first_step;
    json["notices"] = notices;
    print_json(json);
    return;
  }
  if (!writes_standard(options))
    for (const auto& name : names) fmt::print("{}\n", name.string());
  if (options.seed == "-1") print_notice(fmt::format("seed {}", result.seed));
}

void run(const Options& options) {
  if (options.image.empty() == options.edges.empty())
    bad_option(fmt::format("--image and --edges: found {}, expected one of them",
                           options.image.empty() ? "neither" : "both"));

  std::vector<std::string> notices;
  const ModelFiles files = options.model.files(notices, "drawing with");
  parse_seed(options.seed);  // options first: files can take their time
  parse_rng(options.rng);

  auto start = std::chrono::steady_clock::now();
  const auto since_start = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Times times;
  Pipeline pipeline(files, options.device.pipeline_options());
  times.open = since_start();
  options.device.note_vain(pipeline.description().device, notices);
  const Request request = to_request(options, pipeline.defaults(), notices);
  const auto names = output_names(options.output, request.samples);
  check_outputs(options, names);
  Result result;
  {
    ProgressLine line;
    if (options.warm) {
      pipeline.generate(request, {.stop = interrupted});
      start = std::chrono::steady_clock::now();
    }
    result =
        pipeline.generate(request, {[&](const Progress& progress) {
                                      line.show(progress);
                                      if (progress.stage == Stage::denoise && progress.done == 1)
                                        times.to_first_step = since_start();
                                    },
                                    interrupted});
  }
  notices.insert(notices.end(), result.notices.begin(), result.notices.end());

  PictureSet outputs;
  for (size_t i = 0; i < names.size(); ++i)
    outputs.add(names[i], result.images[i], result.parameters[i]);
  if (!options.save_edges.empty()) outputs.add(options.save_edges, result.edges);
  outputs.commit();
  for (const auto& notice : notices) print_notice(notice);
  print_result(options, pipeline, result, times, names, notices);
}

}  // namespace

void add_generate(CLI::App& program) {
  auto* command = program.add_subcommand("generate", "Draw a picture from edges and a prompt");
  auto o = std::make_shared<Options>();
  o->model.add_to(*command);
  command
      ->add_option(
          "-i,--image", o->image,
          "Picture (PNG, JPEG, WebP, PGM, PPM) whose edges steer,\nor - for standard input")
      ->transform(path());
  command->add_option("--edges", o->edges, "Ready edge map, taken at its own size, or -")
      ->transform(path());
  command->add_option("-p,--prompt", o->prompt, "What to draw");
  command->add_option("--added-prompt", o->added_prompt,
                      "Added to the prompt [best quality, extremely detailed]");
  command->add_option("-n,--negative-prompt", o->negative_prompt,
                      "What not to draw [longbody, lowres, bad anatomy, ...]");
  command->add_option("--samples", o->samples, "Pictures to draw, 1 to 64 [1]")
      ->check(whole_number());
  command
      ->add_option("--resolution", o->resolution,
                   "Of the shorter side, rounded to 64, 64 to 4096 [512]")
      ->check(whole_number());
  command->add_option("--steps", o->steps, "Denoising steps, 1 to 999 [20]")->check(whole_number());
  command->add_option("--sampler", o->sampler,
                      "DDIM, Euler a, DPM++ 2M, DPM++ 2M Karras, ..., as the web UI,\n"
                      "diffusers or ComfyUI calls it [DDIM]");
  command->add_option("--schedule", o->schedule,
                      "Of noise levels: karras, exponential, sgm_uniform, ...; exact: DDIM's;\n"
                      "official: as ControlNet's own code; automatic: the sampler's [automatic]");
  command->add_option("--scale", o->scale, "Guidance: how closely to follow the prompt [9]")
      ->check(number());
  command->add_option("--strength", o->strength, "How closely to follow the edges [1]")
      ->check(number());
  command->add_flag("--guess-mode", o->guess_mode, "Let the edges decide; works without a prompt");
  command->add_option("--seed", o->seed, "0 to 2^64-1, or -1 for a random one [-1]");
  command->add_option("--rng", o->rng,
                      "Random numbers as PyTorch's on cpu or cuda[:SMSxTHREADS] [cpu]");
  command
      ->add_option("--noise", o->noise,
                   "Noise of several samples: one draw for all (batch),\n"
                   "or sample i from seed+i (per-sample) [batch]")
      ->check(one_of({"batch", "per-sample"}));
  command
      ->add_option("--eta", o->eta,
                   "Fresh noise at each step, from 0 (none) [the sampler's, 0 for DDIM]")
      ->check(number());
  command->add_option("--s-noise", o->s_noise, "Factor of fresh noise, from 0 [1]")
      ->check(number());
  command
      ->add_option("--s-churn", o->s_churn, "Euler, Heun, DPM2: noise before each step, from 0 [0]")
      ->check(number());
  command->add_option("--s-tmin", o->s_tmin, "The least sigma at which there is churn [0]")
      ->check(number());
  command->add_option("--s-tmax", o->s_tmax, "The largest; 0: any [0]")->check(number());
  command->add_option("--low-threshold", o->low_threshold, "Of the edge detector, 0 to 1000 [100]")
      ->check(number());
  command
      ->add_option("--high-threshold", o->high_threshold, "Of the edge detector, 0 to 1000 [200]")
      ->check(number());
  command->add_option("--save-edges", o->save_edges, "Write the edges to this file too, or -")
      ->transform(path());
  o->device.add_to(*command);
  command->add_flag("--warm", o->warm,
                    "Draw once before, so that --json's seconds are those of a warm engine");
  command->add_flag("--json", o->json, "Print the result as JSON");
  command
      ->add_option("-o,--output", o->output,
                   "Picture to write (.png, .jpg, .webp), or - for standard output\n(PNG); several "
                   "samples: NAME_0.png ...")
      ->required()
      ->transform(output_path());
  command->footer(
      "A model may carry defaults of its own; those in brackets apply if it does not.\n\n"
      "  drypoint generate -i photo.jpg -p \"a red bird\" -o bird.png\n"
      "  drypoint generate -m v1-5-pruned.safetensors --control canny=control_canny.pth \\\n"
      "      -i photo.jpg -p \"a watercolour of a harbour\" --seed 7 -o harbour.png\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
