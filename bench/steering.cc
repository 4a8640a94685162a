// What steps cost by what steers them and where they begin: none to three ControlNets, one of them
// in half of the steps, a picture to begin with, a mask. Prints one JSON object: of each way the
// milliseconds a step and how many times those of another way that is, beside the times wanted.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "drypoint/pipeline.h"

using namespace drypoint;
using Json = nlohmann::ordered_json;

namespace {

struct Options {
  std::string model, device = "auto", precision = "auto";
  int height = 512, width = 512, steps = 20, rounds = 5, threads = 0;
};

struct Way {
  std::string name;
  Request request;
  int steps;            // that it walks
  std::string against;  // the way that it is compared with
  double wanted;        // times that, at most
  double seconds = 1e9;
};

Image noise_picture(int width, int height) {
  Image image{width, height, 3, {}};
  uint32_t state = 1;
  for (int i = 0; i < 3 * width * height; ++i)
    image.pixels.push_back(static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24));
  return image;
}

Request plain_request(const Options& o) {
  Request request;
  request.prompt = "a bird";
  request.seed = 1;
  request.steps = o.steps;
  request.size = {o.width, o.height};
  return request;
}

Request steered(Request request, int controls, double end) {
  for (int i = 0; i < controls; ++i) {
    Control& control = request.controls.emplace_back();
    control.name = fmt::format("c{}", i);
    control.image = noise_picture(request.size.width, request.size.height);
    control.preprocessor = "none";
    control.end = end;
  }
  return request;
}

std::vector<Way> all_ways(const Options& o) {
  const Request plain = plain_request(o);
  Request from_picture = plain, inpainting;
  from_picture.init_image = noise_picture(o.width, o.height);
  from_picture.denoising_strength = 0.75;
  inpainting = from_picture;
  inpainting.mask = {o.width, o.height, 1, {}};
  inpainting.mask.pixels.resize(static_cast<size_t>(o.width) * static_cast<size_t>(o.height));
  std::fill_n(inpainting.mask.pixels.begin(), inpainting.mask.pixels.size() / 2, uint8_t{255});
  Request soft = inpainting;
  soft.soft_inpainting = true;
  const int walked = static_cast<int>(o.steps * 0.75);
  return {{"none", plain, o.steps, "", 0},
          {"one", steered(plain, 1, 1), o.steps, "", 0},
          {"two", steered(plain, 2, 1), o.steps, "one", 1.45},
          {"three", steered(plain, 3, 1), o.steps, "one", 1.9},
          {"one in half of the steps", steered(plain, 1, 0.5), o.steps, "half", 1.02},
          {"from a picture", from_picture, walked, "none", 1.02},
          {"inpainting", inpainting, walked, "none", 1.02},
          {"soft inpainting", soft, walked + 1, "none", 1.02}};
}

double denoising_seconds(const Result& result) {
  for (const auto& [stage, seconds] : result.seconds)
    if (stage == "denoise") return seconds;
  return 0;
}

Json measure(const Options& o) {
  ModelFiles files{.model = o.model};
  for (const char* name : {"c0", "c1", "c2"}) files.controls.push_back({name, o.model});
  Pipeline pipeline(files, {.device = o.device, .threads = o.threads, .precision = o.precision});
  std::vector<Way> ways = all_ways(o);
  // In turns, so that whatever disturbs meets all; the first round warms up.
  for (int round = 0; round <= o.rounds; ++round)
    for (Way& way : ways) {
      const double seconds = denoising_seconds(pipeline.generate(way.request));
      if (round > 0) way.seconds = std::min(way.seconds, seconds);
    }
  const auto step_of = [&](const std::string& name) {
    double step = 0;
    for (const Way& way : ways)
      if (way.name == name) step = way.seconds / way.steps;
    return step;
  };
  Json json{{"device", pipeline.description().device},
            {"size", fmt::format("{}x{}", o.height, o.width)},
            {"steps", o.steps}};
  for (const Way& way : ways) {
    Json one{{"name", way.name}, {"steps", way.steps}, {"step_ms", 1e3 * way.seconds / way.steps}};
    if (!way.against.empty()) {
      const double other =
          way.against == "half" ? (step_of("none") + step_of("one")) / 2 : step_of(way.against);
      one["against"] = way.against == "half" ? "the mean of none and one" : way.against;
      one["ratio"] = way.seconds / way.steps / other;
      one["wanted"] = way.wanted;
    }
    json["ways"].push_back(one);
  }
  return json;
}

}  // namespace

int main(int argc, char** argv) try {
  Options o;
  CLI::App app{"What steps cost by what steers them and where they begin."};
  app.add_option("model", o.model, "Checkpoint with ControlNet, as drypoint synth writes")
      ->required();
  app.add_option("--device", o.device, "As generate's [auto]");
  app.add_option("--precision", o.precision, "As generate's [auto]");
  app.add_option("--threads", o.threads, "As generate's");
  app.add_option("--height", o.height, "Of the picture [512]");
  app.add_option("--width", o.width, "[512]");
  app.add_option("--steps", o.steps, "[20]")->check(CLI::Range(4, 999));
  app.add_option("--rounds", o.rounds, "Pictures of each way, of which the fastest counts [5]")
      ->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  fmt::print("{}\n", measure(o).dump(2));
} catch (const std::exception& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return 1;
}
