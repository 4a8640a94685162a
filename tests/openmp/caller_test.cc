// Called from inside a program's own parallel regions, nested ones too.
#include <omp.h>

#include "drypoint/pipeline.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

Image draw() {
  Pipeline pipeline(testing::tiny_files(), {.device = "cpu", .threads = 3});
  Request request;
  request.prompt = "a bird";
  request.seed = 5;
  request.steps = 1;
  request.image = {72, 40, 1, std::vector<uint8_t>(72 * 40)};
  request.is_edges = true;
  return pipeline.generate(request).images[0];
}

TEST(CalledFromOpenMp, DrawsTheSame) {
  const Image expected = draw();
  for (const int levels : {0, 1, 2}) {
    omp_set_max_active_levels(levels);
    std::vector<Image> images(4);
#pragma omp parallel for num_threads(2)
    for (size_t i = 0; i < 2; ++i) {
#pragma omp parallel for num_threads(2)
      for (size_t j = 0; j < 2; ++j) images[2 * i + j] = draw();
    }
    for (const Image& image : images) EXPECT_TRUE(image == expected) << levels;
  }
}

}  // namespace
}  // namespace drypoint
