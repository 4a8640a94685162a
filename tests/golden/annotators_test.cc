// Preprocessors that are networks, against controlnet-aux (annotators.py).
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "drypoint/annotate.h"
#include "golden/golden_test_base.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

std::filesystem::path annotator_path(const std::string& name) {
  return testing::data("annotators/" + name);
}

TEST(Annotator, HedFindsTheEdgesThatControlnetAuxFinds) {
  const Image picture = read_image(annotator_path("picture.png")).image;
  const Image expected = read_image(annotator_path("hed.png")).image;
  for (const char* device : {"cpu", "reference"}) {
    Annotator hed("hed", annotator_path("hed.safetensors"), {.device = device});
    const Image hint = hed.annotate(picture);
    ASSERT_EQ(3 * hint.pixels.size(), expected.pixels.size());
    for (size_t i = 0; i < hint.pixels.size(); ++i)
      ASSERT_LE(std::abs(hint.pixels[i] - expected.pixels[3 * i]), 1) << device;
  }
}

TEST(Annotator, RefusesWhatItIsNot) {
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {"\"head\"", "hed"}, [] {
    Annotator("head", annotator_path("hed.safetensors"), testing::tested_device());
  }));
  EXPECT_TRUE(testing::fails_with(ErrorKind::unsupported, {"sd15.safetensors", "HED"}, [] {
    Annotator("hed", testing::tiny_model_path(), testing::tested_device());
  }));
  const testing::TemporaryFolder folder;
  auto tensors = read_tensor_file(annotator_path("hed.safetensors")).tensors.tensors;
  tensors.erase("block3.projection.bias");
  write_safetensors(folder / "less.safetensors", tensors);
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_file, {"less", "block3.projection.bias"}, [&] {
    Annotator("hed", folder / "less.safetensors", testing::tested_device());
  }));
}

}  // namespace
}  // namespace drypoint
