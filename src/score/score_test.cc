#include "drypoint/score.h"

#include <cmath>
#include <limits>

#include "base/file.h"
#include "checkpoint/formats.h"
#include "drypoint/synth.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

Image grey(int width, int height, int value) {
  return {width, height, 1,
          std::vector<uint8_t>(static_cast<size_t>(width) * static_cast<size_t>(height),
                               static_cast<uint8_t>(value))};
}

TEST(Metrics, Psnr) {
  const Image a = grey(20, 16, 100);
  EXPECT_EQ(psnr(a, a), std::numeric_limits<double>::infinity());
  EXPECT_NEAR(psnr(a, grey(20, 16, 110)), 10 * std::log10(255.0 * 255.0 / 100), 1e-12);
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_argument, {"20x16", "20x17"}, [&] { psnr(a, grey(20, 17, 100)); }));
}

TEST(Metrics, Ssim) {
  const Image a = grey(20, 16, 100), photo = read_image(testing::data("images/cat.png")).image;
  EXPECT_NEAR(ssim(a, a), 1, 1e-12);
  EXPECT_NEAR(ssim(photo, photo), 1, 1e-12);
  // Flat pictures differ in luminance alone: (2 a b + c1) / (a² + b² + c1), c1 = 2.55².
  EXPECT_NEAR(ssim(a, grey(20, 16, 150)),
              (2 * 100 * 150 + 6.5025) / (100 * 100 + 150 * 150 + 6.5025), 1e-9);
  Image negative = photo;
  for (uint8_t& value : negative.pixels) value = static_cast<uint8_t>(255 - value);
  EXPECT_LT(ssim(photo, negative), 0.1);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"20x10", "11"},
                         [&] { ssim(grey(20, 10, 1), grey(20, 10, 1)); }));
}

class Features : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder_;
  const std::filesystem::path weights_ = folder_ / "inception.safetensors";
};

/// tests/inception/golden.py computed them with pytorch-fid's network from the same random weights.
TEST_F(Features, AreThoseOfPytorchFid) {
  synthesize(weights_, {.arch = "inception", .seed = 1, .dtype = "f32"});
  FeatureNetwork network(weights_);
  const auto golden = read_tensor_file(testing::data("inception/features.safetensors")).tensors;
  std::vector<Image> images;
  std::vector<Tensor> expected;
  for (const char* name : {"cat", "coffee"}) {
    images.push_back(read_image(testing::data(std::string("images/") + name + ".png")).image);
    expected.push_back(golden.at(name).to_f32());
    EXPECT_TRUE(testing::close(network.features(images.back()), expected.back().floats(), 1e-5));
  }
  double squares = 0;
  for (size_t i = 0; i < expected[0].floats().size(); ++i)
    squares += std::pow(double{expected[0].floats()[i]} - double{expected[1].floats()[i]}, 2);
  EXPECT_GT(squares, 0);
  EXPECT_NEAR(network.distance(images[0], images[1]), std::sqrt(squares),
              1e-4 * std::sqrt(squares));
  EXPECT_EQ(network.distance(images[0], images[0]), 0);
}

TEST_F(Features, OtherWeightsAreRefused) {
  synthesize(weights_, {.arch = "tiny"});
  EXPECT_TRUE(fails_with(ErrorKind::bad_file,
                         {weights_.string(), "Conv2d_1a_3x3.conv.weight", "missing"},
                         [&] { FeatureNetwork network(weights_); }));
}

class Score : public ::testing::Test {
 protected:
  Score() {
    for (const char* name : {"a.png", "b.jpg"}) {
      std::filesystem::create_directories(folder_ / "pictures");
      write_image(folder_ / "pictures" / name,
                  resize_for_control(read_image(testing::data("images/cat.png")).image, 64));
    }
    options_.files = testing::tiny_files();
    options_.pictures = folder_ / "pictures";
    options_.base.request = score_defaults({});
    options_.base.request.resolution = 64;
    options_.base.request.steps = 2;
    options_.base.name = "default";
    options_.variants = {options_.base};
  }

  testing::TemporaryFolder folder_;
  ScoreOptions options_;
};

TEST_F(Score, ComparesWithItsOwnReferences) {
  ScoreVariant other = options_.base;
  other.name = "steps=1";
  other.request.steps = 1;
  options_.variants.push_back(other);
  std::vector<std::string> seen;
  OutputSet outputs;
  Gallery gallery(outputs, folder_ / "score.html");
  const ScoreResult result =
      score(options_, {.progress = [&](const ScoreProgress& p) { seen.push_back(p.variant); },
                       .drawn = [&](auto&&... drawn) { gallery.add(drawn...); }});
  EXPECT_EQ(seen, (std::vector<std::string>{"references", "references", "default", "default",
                                            "steps=1", "steps=1"}));
  ASSERT_EQ(result.variants.size(), 2u);
  const VariantScore &same = result.variants[0], &changed = result.variants[1];
  ASSERT_EQ(same.pictures.size(), 2u);
  EXPECT_EQ(same.pictures[0].name, "a.png");
  EXPECT_EQ(same.pictures[0].psnr, std::numeric_limits<double>::infinity());
  EXPECT_NEAR(same.mean_ssim, 1, 1e-12);
  EXPECT_FALSE(same.mean_distance);
  EXPECT_LT(changed.mean_ssim, 0.999);
  const PictureScore &a = same.pictures[0], &b = same.pictures[1];
  EXPECT_NEAR(same.total, 2 / (a.seconds + b.seconds), 1e-9);
  EXPECT_NEAR(same.median_seconds, (a.seconds + b.seconds) / 2, 1e-12);

  gallery.finish(result);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "score.html"));
  outputs.commit();
  const std::string page = read_file(folder_ / "score.html");
  EXPECT_NE(page.find("<h2>steps=1</h2>"), page.npos);
  EXPECT_NE(page.find("data:image/png;base64,iVBORw0KGgo"), page.npos);
  EXPECT_TRUE(page.ends_with("</html>\n"));
}

TEST_F(Score, TakesPromptsInTurn) {
  options_.base.request.guidance_scale = 7;  // so that prompts tell
  options_.variants = {options_.base};
  options_.prompts = {"a bird", "a harbour at night"};
  std::vector<Image> drawn;
  const auto keep = [&](auto&&, auto&&, const Image& own, auto&&) { drawn.push_back(own); };
  EXPECT_EQ(score(options_, {.drawn = keep}).variants[0].pictures[1].psnr,
            std::numeric_limits<double>::infinity());  // as references are drawn
  Pipeline pipeline(options_.files);
  Request request = options_.base.request;
  for (const char* name : {"a.png", "b.jpg"}) {
    const size_t turn = name[0] - 'a';
    request.image = read_image(folder_ / "pictures" / name).image;
    request.prompt = options_.prompts[turn];
    EXPECT_EQ(pipeline.generate(request).images[0], drawn.at(turn)) << name;
  }
  EXPECT_NE(drawn[0], drawn[1]);
}

TEST_F(Score, LeavesOutWhatIsNoPicture) {
  for (const char* name : {"._a.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.jpg"})
    write_file(folder_ / "pictures" / name, std::string("\0\5\x16\7", 4) + std::string(100, 'x'));
  std::filesystem::create_directory(folder_ / "pictures" / "c.png");
  const Image c = read_image(folder_ / "pictures" / "a.png").image;
  write_file(folder_ / "pictures" / "d.ppm",
             "P6 64 64 255\n" + std::string(c.pixels.begin(), c.pixels.end()));
  std::vector<std::string> names;
  for (const auto& path : score_pictures(folder_ / "pictures")) names.push_back(path.filename());
  EXPECT_EQ(names, (std::vector<std::string>{"a.png", "b.jpg", "d.ppm"}));
  write_file(folder_ / "pictures" / "d.pgm", "");
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"d.ppm", "d.pgm", "but for the extension"},
                         [&] { score_pictures(folder_ / "pictures"); }));
}

TEST_F(Score, FailsPicturesThatAreTooFar) {
  synthesize(folder_ / "inception.safetensors", {.arch = "inception"});
  std::filesystem::create_directories(folder_ / "references");
  const Result drawn = [&] {
    Request request = options_.base.request;
    request.image = read_image(folder_ / "pictures" / "a.png").image;
    return Pipeline(options_.files).generate(request);
  }();
  Image other = drawn.images[0];
  for (uint8_t& value : other.pixels) value = static_cast<uint8_t>(255 - value);
  write_image(folder_ / "references" / "a.png", drawn.images[0]);
  write_image(folder_ / "references" / "b.png", other);
  options_.references = folder_ / "references";
  options_.inception = folder_ / "inception.safetensors";
  options_.threshold = 1e-3;
  const ScoreResult result = score(options_);
  const auto& pictures = result.variants[0].pictures;
  EXPECT_EQ(pictures[0].distance, 0);
  EXPECT_FALSE(pictures[0].failed);
  EXPECT_EQ(pictures[0].quality, 1);
  EXPECT_GT(pictures[1].distance.value(), 1e-3);
  EXPECT_TRUE(pictures[1].failed);
  EXPECT_EQ(pictures[1].quality, 0);
  EXPECT_EQ(result.variants[0].failed, 1);
}

TEST_F(Score, SaysWhatIsWrongBeforeItDraws) {
  const auto refused = [&](ErrorKind kind, std::initializer_list<std::string> parts) {
    return fails_with(kind, parts, [&] {
      score(options_, {.progress = [](const ScoreProgress&) { FAIL() << "it draws"; }});
    });
  };
  const ScoreOptions good = options_;
  options_.pictures = folder_ / "none";
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"none", "is no folder"}));
  std::filesystem::create_directories(folder_ / "empty");
  options_.pictures = folder_ / "empty";
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"empty", "holds no pictures", "or PAM files"}));

  options_ = good;
  std::filesystem::create_directories(folder_ / "references");
  write_image(folder_ / "references" / "a.png", grey(64, 64, 1));
  options_.references = folder_ / "references";
  write_image(folder_ / "references" / "b.png", grey(32, 48, 1));
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"expected", "is drawn"}));
  std::filesystem::remove(folder_ / "references" / "a.png");
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"references", "no reference for a.png"}));

  options_ = good;
  options_.variants[0].request.resolution = 128;
  EXPECT_TRUE(refused(ErrorKind::bad_argument, {"128", "64", "one size"}));
  options_ = good;
  options_.threshold = 0;
  EXPECT_TRUE(refused(ErrorKind::bad_argument, {"threshold"}));
  options_ = good;
  write_file(folder_ / "pictures" / "c.png", "no picture");
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"c.png"}));
}

}  // namespace
}  // namespace drypoint
