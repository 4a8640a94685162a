// A picture depends on its own seed, prompt and settings alone: neither on what is drawn beside it
// nor on the number of threads.
#include <fmt/format.h>

#include "drypoint/pipeline.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

/// Every device and precision there is here.
std::vector<PipelineOptions> devices() {
  std::vector<PipelineOptions> all{{.device = "cpu"}, {.device = "cpu", .precision = "bf16"}};
  for (const char* precision : {"fp16", "bf16", "tf32", "fp32"}) {
    const PipelineOptions gpu{.device = "cuda", .precision = precision};
    try {
      Pipeline(testing::tiny_files(), gpu);
      all.push_back(gpu);
    } catch (const Error& error) {  // no GPU here, or not in this precision
      if (error.kind() != ErrorKind::unsupported) throw;
    }
  }
  return all;
}

Pipeline tiny_pipeline(const PipelineOptions& options) {
  return Pipeline(testing::tiny_files(), options);
}

Request small_request(int width, int height) {
  Request request;
  request.prompt = "a bird";
  request.seed = 5;
  request.steps = 2;
  request.noise = NoiseKind::per_sample;
  request.image = {width, height, 1, std::vector<uint8_t>(size_t(width) * size_t(height))};
  for (int i = 0; i < std::min(width, height); ++i)
    request.image.pixels[size_t(i) * (size_t(width) + 1)] = 255;
  request.is_edges = true;
  return request;
}

/// Batches of each size, at the bottom of which feature maps have one row, one tile, and more.
std::vector<Request> requests() {
  std::vector<Request> all{small_request(72, 40), small_request(64, 64), small_request(128, 192)};
  all[1].guess_mode = true;
  Request& plain = all.emplace_back(small_request(64, 72));
  plain.guidance_scale = 1;
  plain.eta = 0.5;
  return all;
}

TEST(Batch, APictureIsTheSameAloneAndAtAnyPlace) {
  for (const PipelineOptions& device : devices()) {
    SCOPED_TRACE(fmt::format("{} {}", device.device, device.precision.name()));
    Pipeline pipeline = tiny_pipeline(device);
    for (Request request : requests()) {
      const uint64_t seed = *request.seed;
      std::vector<Image> alone;
      for (request.samples = 1; alone.size() < 5; ++*request.seed)
        alone.push_back(pipeline.generate(request).images[0]);
      request.seed = seed;
      for (const int samples : {2, 3, 4, 5}) {
        request.samples = samples;
        const auto images = pipeline.generate(request).images;
        for (size_t i = 0; i < images.size(); ++i)
          EXPECT_TRUE(images[i] == alone[i])
              << i << " of " << samples << ", " << images[i].width << "x" << images[i].height;
      }
    }
  }
}

TEST(Batch, APictureIsTheSameOnAnyNumberOfThreads) {
  Request request = small_request(72, 40);
  request.samples = 2;
  const auto expected = tiny_pipeline({.device = "cpu", .threads = 1}).generate(request).images;
  for (const int threads : {2, 3, 16})
    EXPECT_TRUE(tiny_pipeline({.device = "cpu", .threads = threads}).generate(request).images ==
                expected)
        << threads;
}

}  // namespace
}  // namespace drypoint
