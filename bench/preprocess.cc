// What a hint costs, of every preprocessor: the best and the median of some pictures, and how much
// of it its networks take. Weights are random, of the sizes of the public files; what OpenPose sees
// of bodies is drawn. Prints a table, then one JSON object, with the times that are wanted.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "annotate/networks.h"
#include "diffusion/model/annotating.h"
#include "drawn_people.h"
#include "drypoint/image.h"
#include "drypoint/preprocess.h"
#include "drypoint/synth.h"
#include "models/published.h"

using namespace drypoint;
using Json = nlohmann::ordered_json;

namespace {

struct Options {
  std::string weights, image, device = "auto", precision = "auto";
  std::vector<std::string> kinds;
  int side = 512, rounds = 20, threads = 0, level = 0, people = 2;
};

struct Seconds {
  double all = 0, networks = 0;
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Coarse and fine as in photographs: from grids of random colours, the finer the fainter.
Image photo_like(int side) {
  Image image{side, side, 3, {}};
  image.pixels.resize(3 * static_cast<size_t>(side) * static_cast<size_t>(side));
  const auto random = [](int octave, int x, int y, int c) {
    auto bits = static_cast<uint32_t>(x * 73856093 ^ y * 19349663 ^ (8 * octave + c) * 83492791);
    bits = (bits ^ bits >> 13) * 1274126177u;
    return static_cast<float>(bits >> 16 & 0xff) / 255 - 0.5f;
  };
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int c = 0; c < 3; ++c) {
        float value = 0.5f;
        for (int octave = 0; octave < 8; ++octave) {
          const int cell = std::max(side >> (octave + 1), 1);
          const int column = x / cell, row = y / cell;
          const float right = static_cast<float>(x % cell) / static_cast<float>(cell),
                      below = static_cast<float>(y % cell) / static_cast<float>(cell);
          const auto across = [&](int line) {
            return std::lerp(random(octave, column, line, c), random(octave, column + 1, line, c),
                             right);
          };
          value += std::ldexp(std::lerp(across(row), across(row + 1), below), -octave);
        }
        image.pixels[3 * (static_cast<size_t>(y) * static_cast<size_t>(side) +
                          static_cast<size_t>(x)) +
                     static_cast<size_t>(c)] =
            static_cast<uint8_t>(std::clamp(value, 0.0f, 1.0f) * 255);
      }
  return image;
}

/// A file of random weights for the public file of this name, made if it is not there.
std::filesystem::path weights_for(std::string_view file, const std::filesystem::path& folder) {
  const auto networks = published_networks();
  const auto found = std::ranges::find_if(networks, [&](const PublishedNetwork& network) {
    return std::ranges::find(network.files, file) != network.files.end();
  });
  if (found == networks.end()) throw std::runtime_error(fmt::format("{}: unknown", file));
  std::filesystem::create_directories(folder);
  const auto path = folder / fmt::format("{}.safetensors", found->name);
  if (!exists(path)) synthesize(path, {.arch = std::string(found->name), .seed = 1});
  return path;
}

class Measured {
 public:
  Measured(std::string_view preprocessor, std::span<const std::filesystem::path> files,
           std::shared_ptr<OpenDevice> device, int people)
      : maker_(read_hint_maker(preprocessor, files, files_)),
        networks_(std::move(device)),
        people_(people) {}

  Seconds operator()(const Image& picture, const PreprocessOptions& numbers) {
    Seconds seconds;
    const auto timed = [&](const auto& work) {
      const double start = now();
      auto result = work();
      seconds.networks += now() - start;
      return result;
    };
    const double start = now();
    maker_->make(
        picture, numbers,
        [&](const Network& network, ImageSize seen, const NetworkInputs& inputs) -> NetworkOutputs {
          auto outputs = timed([&] { return networks_.run(network, seen, inputs); });
          const auto& drawn = drawn_for(network, seen);
          return [&, outputs](const std::string& name) {
            const auto values = timed([&] { return outputs(name); });
            return drawn.empty() ? values : std::span<const float>(drawn.at(name));
          };
        });
    seconds.all = now() - start;
    return seconds;
  }

 private:
  using Results = std::map<std::string, std::vector<float>>;
  /// Of bodies alone.
  const Results& drawn_for(const Network& network, ImageSize seen) {
    if (network.tensors().has("conv5_1_CPM_L1.weight") && drawn_.empty())
      drawn_ = drawn_people(people_, {seen.width / 8, seen.height / 8});
    static const Results none;
    return network.tensors().has("conv5_1_CPM_L1.weight") ? drawn_ : none;
  }

  NetworkFiles files_;
  std::shared_ptr<const HintMaker> maker_;
  ReadyNetworks networks_;
  int people_;
  Results drawn_;
};

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Json times_of(const std::string& name, int rounds, const std::function<Seconds()>& hint) {
  for (int i = 0; i < 2; ++i) hint();
  std::vector<double> all, networks, host;
  for (int i = 0; i < rounds; ++i) {
    const Seconds seconds = hint();
    all.push_back(1e3 * seconds.all);
    networks.push_back(1e3 * seconds.networks);
    host.push_back(1e3 * (seconds.all - seconds.networks));
  }
  const double best = *std::ranges::min_element(all);
  fmt::print(stderr, "{:44} {:9.2f} {:9.2f} {:9.2f} {:9.2f}\n", name, best, median_of(all),
             median_of(networks), median_of(host));
  return {{"name", name},
          {"best_ms", best},
          {"median_ms", median_of(all)},
          {"networks_ms", median_of(networks)},
          {"host_ms", median_of(host)}};
}

double wanted_ms(const Preprocessor& preprocessor) {
  if (preprocessor.name.starts_with("openpose")) return 15;
  return preprocessor.is_network() ? 5 : 3;
}

Json measure(const Options& o) {
  Image picture = o.image.empty() ? photo_like(o.side) : read_image(o.image).image;
  picture = resize_for_control(picture, {o.side, o.side}, ResizeMode::crop);
  const auto device = std::make_shared<OpenDevice>(DeviceOptions{
      .device = o.device, .threads = o.threads, .precision = o.precision, .level = o.level});
  Json json{{"device", device->backend().name()}, {"size", fmt::format("{0}x{0}", o.side)}};
  fmt::print(stderr, "{:44} {:>9} {:>9} {:>9} {:>9}\n", "ms", "best", "median", "networks", "host");
  for (const Preprocessor& preprocessor : preprocessors()) {
    if (!o.kinds.empty() &&
        std::ranges::find(o.kinds, std::string(preprocessor.name)) == o.kinds.end())
      continue;
    PreprocessOptions numbers;
    numbers.mask = {o.side, o.side, 1, {}};
    numbers.mask.pixels.resize(picture.pixels.size() / 3);
    const auto add = [&](const std::string& name, const std::function<Seconds()>& hint) {
      Json& own = json["kinds"].emplace_back(times_of(name, o.rounds, hint));
      own["wanted_ms"] = wanted_ms(preprocessor);
    };
    if (!preprocessor.is_network()) {
      add(std::string(preprocessor.name), [&]() -> Seconds {
        const double start = now();
        preprocess(preprocessor, picture, numbers);
        return {.all = now() - start};
      });
      continue;
    }
    numbers = checked(preprocessor, {});
    for (const std::string_view file : preprocessor.files) {
      std::vector<std::filesystem::path> files{weights_for(file, o.weights)};
      for (const std::string_view further : preprocessor.further_files)
        files.push_back(weights_for(further, o.weights));
      Measured hint(preprocessor.name, files, device, o.people);
      add(fmt::format("{} {}", preprocessor.name, files[0].stem().string()),
          [&] { return hint(picture, numbers); });
    }
  }
  return json;
}

}  // namespace

int main(int argc, char** argv) try {
  Options o;
  CLI::App app{"What a hint costs, of every preprocessor."};
  app.add_option("weights", o.weights, "Folder for random weights, made where they are missing")
      ->required();
  app.add_option("kinds", o.kinds, "Preprocessors [all]");
  app.add_option("--image", o.image, "Picture [random, coarse and fine as a photograph]");
  app.add_option("--side", o.side, "Of the picture [512]")->check(CLI::Range(64, 4096));
  app.add_option("--device", o.device, "As generate's [auto]");
  app.add_option("--precision", o.precision, "As generate's [auto]");
  app.add_option("--threads", o.threads, "As generate's");
  app.add_option("--level", o.level, "Of tuning, as generate's [0]");
  app.add_option("--rounds", o.rounds, "Pictures, after two to warm up [20]")
      ->check(CLI::Range(1, 1000));
  app.add_option("--people", o.people, "That OpenPose sees [2]")->check(CLI::Range(0, 20));
  CLI11_PARSE(app, argc, argv);
  fmt::print("{}\n", measure(o).dump(2));
} catch (const std::exception& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return 1;
}
