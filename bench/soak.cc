// Draws many pictures of changing sizes in one process, some of them cancelled, some refused for
// want of memory, and says what memory that leaves behind. The first picture is drawn again at the
// end, and must come out the same. Prints one JSON object; exits with 1 if anything is amiss.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "backend/backend.h"
#include "drypoint/demo_model.h"
#include "drypoint/pipeline.h"

using namespace drypoint;

namespace {

struct Options {
  std::string model, device = "auto";
  int pictures = 1000, steps = 4, sizes = 24;
};

double resident_mib() {
  size_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

/// Looks at the GPU from outside of the pipeline, and can take memory away from it.
class Gpu {
 public:
  explicit Gpu(bool wanted) {
    if (wanted) backend_ = make_cuda_backend({});
  }
  double free_mib() const {
    return backend_ ? static_cast<double>(backend_->available_memory()) / (1 << 20) : 0;
  }
  /// Nearly all memory, as long as it is held.
  DeviceMemory take() const {
    return backend_ ? backend_->allocate(backend_->available_memory() - (size_t{64} << 20))
                    : nullptr;
  }
  explicit operator bool() const { return backend_ != nullptr; }

 private:
  std::unique_ptr<Backend> backend_;
};

Request request_of(const Request& defaults, ImageSize size, int steps) {
  Request request = defaults;
  request.prompt = "a red ladybug";
  request.seed = 7;
  request.steps = steps;
  request.is_edges = true;
  const auto [width, height] = size;
  request.image = {width, height, 1, std::vector<uint8_t>(static_cast<size_t>(width) * height)};
  for (int i = 0; i < width * height; i += 97) request.image.pixels[i] = 255;
  return request;
}

/// One of 24.
ImageSize size_of(int number) { return {64 + number % 6 * 40, 64 + number / 6 * 56}; }

int run(const Options& options) {
  std::optional<Pipeline> drawing(
      std::in_place,
      ModelFiles{.model = options.model.empty() ? demo_model().string() : options.model},
      PipelineOptions{.device = options.device});
  Pipeline& pipeline = *drawing;
  const Gpu gpu(pipeline.description().device.starts_with("cuda"));
  const auto first = pipeline.generate(request_of(pipeline.defaults(), size_of(0), options.steps));
  std::mt19937 random(1);
  nlohmann::ordered_json json, memory;
  int cancelled = 0, refused = 0;
  for (int i = 1; i <= options.pictures; ++i) {
    const auto number = static_cast<int>(random() % options.sizes);
    DeviceMemory taken = i % 50 == 0 ? gpu.take() : nullptr;  // and more is asked for
    const Request request = request_of(
        pipeline.defaults(), taken ? ImageSize{2048, 2048} : size_of(number), options.steps);
    int asked = 0;
    try {
      pipeline.generate(request, {.stop = [&] { return i % 10 == 0 && !taken && ++asked > 40; }});
    } catch (const Error& error) {
      cancelled += error.kind() == ErrorKind::cancelled;
      refused += error.kind() == ErrorKind::out_of_memory;
      if (error.kind() != ErrorKind::cancelled && error.kind() != ErrorKind::out_of_memory) throw;
    }
    taken.reset();
    if (i % (options.pictures / 10) == 0)
      memory.push_back(
          {{"pictures", i}, {"resident_mib", resident_mib()}, {"gpu_free_mib", gpu.free_mib()}});
  }
  const auto last = pipeline.generate(request_of(pipeline.defaults(), size_of(0), options.steps));
  const bool same = first.images[0].pixels == last.images[0].pixels;
  json["device"] = pipeline.description().device;
  json["pictures"] = options.pictures;
  json["cancelled"] = cancelled;
  json["refused"] = refused;
  json["same_bytes_at_the_end"] = same;
  json["memory"] = memory;
  drawing.reset();
  json["resident_mib_without_pipeline"] = resident_mib();
  fmt::print("{}\n", json.dump(2));
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app("What many pictures leave behind");
  app.add_option("-m,--model", o.model, "Checkpoint [the demo model]");
  app.add_option("--device", o.device, "As generate's [auto]");
  app.add_option("--pictures", o.pictures, "How many, 10 and up [1000]")
      ->check(CLI::Range(10, 1 << 20));
  app.add_option("--steps", o.steps, "Of each picture [4]");
  app.add_option("--sizes", o.sizes, "How many different ones, 1 to 24 [24]")
      ->check(CLI::Range(1, 24));
  CLI11_PARSE(app, argc, argv);
  try {
    return run(o);
  } catch (const std::exception& error) {
    fmt::print(stderr, "soak: {}\n", error.what());
    return 1;
  }
}
