#include "drypoint/folder.h"

#include <fstream>

#include "drypoint/parameters.h"
#include "drypoint/picture_text.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;
using testing::fails_with;

Pipeline& folder_pipeline() {
  static Pipeline pipeline(testing::tiny_files(), {.device = "cpu"});
  return pipeline;
}

Image plain_square(int side, int channels, uint8_t value) {
  return {side, side, channels,
          std::vector<uint8_t>(static_cast<size_t>(side * side * channels), value)};
}

Request folder_request() {
  Request request;
  request.prompt = "a {words}, {name}";
  request.added_prompt = request.negative_prompt = "";
  request.seed = 5;
  request.steps = 2;
  request.sampler = "Euler";
  request.size = {32, 32};
  return request;
}

/// Two pictures and one that is none.
class FolderOfThree : public ::testing::Test {
 protected:
  FolderOfThree() {
    fs::create_directory(folder_ / "in");
    write_image(folder_ / "in/red_bird.png", plain_square(32, 3, 90));
    write_image(folder_ / "in/cat.jpg", plain_square(32, 3, 200));
    std::ofstream(folder_ / "in/broken.png") << "no picture";
    std::ofstream(folder_ / "in/cat.txt") << " a black cat \n";
    run_.images = folder_ / "in";
    run_.output = folder_ / "out";
  }

  FolderReport draw(const Request& request) {
    failures_.clear();
    FolderCallbacks callbacks;
    callbacks.failed = [&](const FolderPicture& picture, const Error& error) {
      failures_.push_back(picture.image.filename().string() + ": " +
                          std::string(name(error.kind())));
    };
    callbacks.drawn = [&](const FolderPicture&, const std::vector<Result>& loops) {
      last_ = loops;
    };
    return draw_folder(folder_pipeline(), request, run_, callbacks);
  }

  std::string prompt_in(const std::string& file) {
    return parse_parameters(read_picture_text(folder_ / file).parameters).prompt;
  }

  testing::TemporaryFolder folder_;
  FolderRun run_;
  std::vector<std::string> failures_;
  std::vector<Result> last_;
};

TEST_F(FolderOfThree, DrawsTheOthersWhereOneIsBad) {
  const FolderReport report = draw(folder_request());
  EXPECT_EQ(report.drawn, 2u);
  EXPECT_EQ(report.failed, 1u);
  EXPECT_EQ(report.seed, 5u);
  EXPECT_EQ(failures_, (std::vector<std::string>{"broken.png: bad_file"}));
  EXPECT_EQ(prompt_in("out/red_bird.png"), "a red bird, red_bird");
  Request alone = folder_request();
  alone.prompt = "a cat, cat";
  alone.image = read_image(folder_ / "in/cat.jpg").image;
  EXPECT_EQ(folder_pipeline().generate(alone).images[0], read_image(folder_ / "out/cat.png").image);
}

TEST_F(FolderOfThree, EachHasItsOwnText) {
  fs::remove(folder_ / "in/broken.png");
  run_.prompts = {{"c*", "{text} at night"}, {"*", "all else"}, {"red*", "never"}};
  run_.output = folder_ / "new/{name}_drawn.webp";
  draw(folder_request());
  EXPECT_EQ(prompt_in("new/cat_drawn.webp"), "a black cat at night");
  EXPECT_EQ(prompt_in("new/red_bird_drawn.webp"), "all else");
  run_.prompts = {{"*", "{text}"}};  // of which one has none
  draw(folder_request());
  EXPECT_EQ(failures_, (std::vector<std::string>{"red_bird.png: bad_file"}));
}

TEST_F(FolderOfThree, PassesOverWhatIsThereWhenAsked) {
  fs::remove(folder_ / "in/broken.png");
  draw(folder_request());
  const auto first = fs::last_write_time(folder_ / "out/cat.png");
  fs::remove(folder_ / "out/red_bird.png");
  run_.skip_existing = true;
  const FolderReport report = draw(folder_request());
  EXPECT_EQ(report.drawn, 1u);
  EXPECT_EQ(report.passed_over, 1u);
  EXPECT_EQ(fs::last_write_time(folder_ / "out/cat.png"), first);
  EXPECT_TRUE(fs::exists(folder_ / "out/red_bird.png"));
  run_.skip_existing = false;
  EXPECT_EQ(draw(folder_request()).drawn, 2u);
}

TEST_F(FolderOfThree, BeginsWithThemWithinTheirMasks) {
  fs::remove(folder_ / "in/broken.png");
  fs::create_directory(folder_ / "masks");
  Image mask = plain_square(32, 1, 0);
  std::fill_n(mask.pixels.begin(), 32 * 8, uint8_t{255});
  write_image(folder_ / "masks/cat.png", mask);
  run_.use = FolderUse::init;
  run_.masks = folder_ / "masks";
  run_.loopback.loops = 2;
  Request request = folder_request();
  request.mask_blur = 0;
  const FolderReport report = draw(request);
  EXPECT_EQ(report.drawn, 1u);
  EXPECT_EQ(failures_, (std::vector<std::string>{"red_bird.png: bad_file"}));  // it has no mask
  ASSERT_EQ(last_.size(), 2u);
  const Image drawn = read_image(folder_ / "out/cat_1.png").image;
  EXPECT_EQ(drawn, last_[1].images[0]);
  EXPECT_EQ(drawn.pixels.back(), read_image(folder_ / "in/cat.jpg").image.pixels.back());
}

TEST_F(FolderOfThree, IsRefusedBeforeTheWork) {
  const auto refused = [&](ErrorKind kind, std::initializer_list<std::string> parts,
                           const Request& request = folder_request()) {
    EXPECT_TRUE(fails_with(kind, parts, [&] { folder_pictures(run_, request); }));
  };
  Request request = folder_request();
  request.image = plain_square(32, 3, 0);
  refused(ErrorKind::bad_argument, {"image: was given"}, request);
  run_.masks = run_.images;
  refused(ErrorKind::bad_argument, {"masks", "no initial picture"});
  run_.masks.clear();
  run_.output = run_.images;
  refused(ErrorKind::bad_argument, {"output", "one of the folder's pictures"});
  run_.output = folder_ / "{name}.gif";
  refused(ErrorKind::bad_argument, {".gif"});
  run_.output = folder_ / "out";
  write_image(folder_ / "in/cat.png", plain_square(32, 3, 0));
  refused(ErrorKind::bad_file, {"cat.png", "cat.jpg"});
  run_.images = folder_ / "none";
  refused(ErrorKind::bad_file, {"none"});
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

}  // namespace
}  // namespace drypoint
