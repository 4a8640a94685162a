// `score` and `export`, as they are used.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "drypoint/edges.h"

namespace drypoint::testing {
namespace {

using nlohmann::json;

class Tools : public Cli {
 protected:
  const std::vector<std::string> model_{"-m", tiny_model_path(), "--control",
                                        "canny=" + tiny_control_path().string()};
  Outcome run(std::vector<std::string> words) const {
    words.insert(words.end(), model_.begin(), model_.end());
    return drypoint(words);
  }
};

TEST_F(Tools, ScoreSweeps) {
  std::filesystem::create_directory(path("pictures"));
  write_image(path("pictures/a.png"),
              resize_for_control(read_image(data("images/cat.png")).image, 64));
  const std::vector<std::string> words{
      "score",    path("pictures"), "--resolution", "64",           "--steps",
      "3",        "--sweep",        "steps=1,3",    "--sweep",      "scale=1,9",
      "--output", path("drawn"),    "--html",       path("a.html"), "--json"};
  const Outcome outcome = run(words);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json said = json::parse(outcome.out);
  EXPECT_EQ(said["references"], "drawn at float32");
  EXPECT_EQ(said["threshold"], 12);
  std::vector<std::string> names;
  for (const json& variant : said["variants"]) {
    names.push_back(variant["name"]);
    EXPECT_GT(variant["total"], 0);
    EXPECT_GT(variant["median_seconds"], 0);
    EXPECT_EQ(variant["mean_distance"], nullptr);
    ASSERT_EQ(variant["pictures"].size(), 1u);
    EXPECT_EQ(variant["pictures"][0]["name"], "a.png");
    EXPECT_TRUE(std::filesystem::exists(path("drawn/" + names.back() + "/a.png")));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"steps=1 scale=1", "steps=1 scale=9",
                                             "steps=3 scale=1", "steps=3 scale=9"}));
  EXPECT_EQ(said["variants"][3]["pictures"][0]["psnr"], nullptr);  // like the reference
  EXPECT_NEAR(said["variants"][3]["mean_ssim"], 1, 1e-12);
  EXPECT_EQ(contents("drawn/references/a.png"), contents("drawn/steps=3 scale=9/a.png"));
  EXPECT_TRUE(contents("a.html").starts_with("<!DOCTYPE html>"));

  // Drawings serve as references.
  write_file(path("prompts"), "a bird\n\n");
  const Outcome again =
      run({"score", path("pictures"), "--resolution", "64", "--steps", "3", "--references",
           path("drawn/references"), "--prompts", path("prompts")});
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.out.find("default"), again.out.npos);
  EXPECT_NE(again.out.find("1.0000"), again.out.npos) << again.out;
  EXPECT_NE(again.err.find("note: no --inception given"), again.err.npos);
}

TEST_F(Tools, Export) {
  const Outcome outcome = run({"export", "--onnx", path("onnx"), "--parts", "unet,vae_decoder"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              ::testing::MatchesRegex(path("onnx") + "/unet-[0-9a-f]+.weights\n" + path("onnx") +
                                      "/vae-[0-9a-f]+.weights\n" + path("onnx") + "/unet.onnx\n" +
                                      path("onnx") + "/vae_decoder.onnx\n"));
  const json said =
      json::parse(run({"export", "--onnx", path("onnx"), "--precision", "fp16", "--json"}).out);
  EXPECT_EQ(said["precision"], "fp16");
  EXPECT_EQ(said["files"].size(), 10u);
  // Folders are made as far as they are missing, and the last of two lists counts.
  const Outcome deep =
      run({"export", "--onnx", path("new/folder/"), "--parts", "unet", "--parts", "text_encoder"});
  EXPECT_EQ(deep.status, 0) << deep.err;
  EXPECT_TRUE(std::filesystem::exists(path("new/folder/text_encoder.onnx")));
  EXPECT_FALSE(std::filesystem::exists(path("new/folder/unet.onnx")));
}

}  // namespace
}  // namespace drypoint::testing
