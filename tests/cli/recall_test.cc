// `text` and `generate --from`: settings out of pictures.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace drypoint::testing {
namespace {

using nlohmann::json;

class RecallCli : public Cli {
 protected:
  Outcome expect_done(const std::vector<std::string>& arguments) {
    const Outcome outcome = drypoint(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome;
  }
  /// The tiny model's picture from another's text.
  std::vector<std::string> again(const std::string& from,
                                 const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"generate",
                                   "-m",
                                   tiny_model_path(),
                                   "--control",
                                   "canny=" + tiny_control_path().string(),
                                   "--from",
                                   from,
                                   "-o",
                                   path("out.png")};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::vector<std::string> again_with_edges(const std::string& from,
                                            std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--edges", path("edges.png")});
    return again(from, more);
  }
  /// A grey picture with a text.
  std::string written(const std::string& text) const {
    write_image(path("said.png"), {16, 16, 1, std::vector<uint8_t>(256)}, text);
    return path("said.png");
  }
};

TEST_F(RecallCli, OurPicturesAreDrawnAgainToTheByte) {
  const std::vector<Options> cases{
      {},
      {{"--sampler", "dpmpp_2m_sde karras"},
       {"--compat", "a1111"},
       {"--rng", "nv"},
       {"--ensd", "31337"},
       {"--steps", "3"}},
      {{"--sampler", "Euler a"}, {"--compat", "comfy"}, {"--steps", "2"}, {"--eta", "0.5"}},
      {{"--subseed", "5"},
       {"--subseed-strength", "0.25"},
       {"--seed-resize", "64x128"},
       {"--clip-skip", "2"},
       {"--guess-mode", std::nullopt},
       {"--strength", "0.5"}},
      {{"--prompt", "a (red:1.3) cat, \"yes\": ü"},
       {"--negative-prompt", "a, b"},
       {"--schedule", "official"},
       {"--rng", "cuda:2x256"}}};
  for (const Options& options : cases) {
    expect_done(generate(options));
    const std::string first = contents("out.png");
    std::filesystem::rename(path("out.png"), path("first.png"));
    expect_done(again_with_edges(path("first.png")));
    EXPECT_TRUE(contents("out.png") == first) << drypoint({"text", path("first.png")}).out;
  }
}

TEST_F(RecallCli, SeveralControlsAndInitialPicturesAreDrawnAgainToTheByte) {
  const std::string second = "scribble=" + data("controls/control2.safetensors").string();
  const auto drawn = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"generate",     "-m", tiny_model_path(), "-p", "a cat",
                                   "--steps",      "3",  "--seed",          "4",  "-o",
                                   path("out.png")};
    words.insert(words.end(), more.begin(), more.end());
    expect_done(words);
    return contents("out.png");
  };
  const std::string canny = "canny=" + tiny_control_path().string(), edges = path("edges.png");
  const std::vector<std::string> inits{"--init", edges, "--mask", edges};
  // What is drawn, and what to give beside its text.
  const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> cases{
      {{"--control", canny + ",weight=0.5,end=0.7", "--control",
        second + ",preprocessor=invert,mode=prompt", "-i", edges},
       {"--control", canny, "--control", second, "-i", edges}},
      {{"--control", canny, "--control", second + ",image=" + edges, "-i", edges, "--size",
        "64x64"},
       {"--control", canny, "--control", second + ",image=" + edges, "-i", edges}},
      {{"--control", canny, "-i", edges, "--resolution", "64", "--hires-scale", "1.5",
        "--denoising-strength", "0.6", "--guidance-end", "0.6"},
       {"--control", canny, "-i", edges}},
      {{"--init", edges, "--mask", edges, "--mask-blur", "2", "--sampler", "Euler a"}, inits},
      {{"--init", edges, "--compat", "comfy", "--sampler", "Euler", "--denoising-strength", "0.5"},
       {"--init", edges}}};
  for (const auto& [options, given] : cases) {
    const std::string first = drawn(options);
    write_file(path("first.png"), first);
    std::vector<std::string> words{"generate",        "-m", tiny_model_path(), "--from",
                                   path("first.png"), "-o", path("out.png")};
    words.insert(words.end(), given.begin(), given.end());
    expect_done(words);
    EXPECT_TRUE(contents("out.png") == first) << drypoint({"text", path("first.png")}).out;
  }
  expect_refused(
      4, {"first.png", "expected init"},
      {"generate", "-m", tiny_model_path(), "--from", path("first.png"), "-o", path("out.png")});
}

TEST_F(RecallCli, OptionsCountInsteadOfTheText) {
  expect_done(generate({{"--seed", "2"}}));
  std::filesystem::rename(path("out.png"), path("first.png"));
  expect_done(again_with_edges(path("first.png"), {"--seed", "1"}));
  const std::string changed = contents("out.png");
  expect_done(generate());
  EXPECT_TRUE(read_image(path("out.png")).image ==
              (write_file(path("changed.png"), changed), read_image(path("changed.png")).image));
}

TEST_F(RecallCli, TextPrintsWhatIsThere) {
  expect_done(generate({{"--steps", "2"}, {"--scale", "7.5"}}));
  const Outcome told = expect_done({"text", path("out.png")});
  EXPECT_TRUE(told.out.starts_with("a cat, best quality, extremely detailed\nNegative prompt: "));
  EXPECT_EQ(told.err, "");
  const json said = json::parse(expect_done({"text", path("out.png"), "--json"}).out);
  EXPECT_EQ(said["source"], "drypoint");
  EXPECT_EQ(said["request"]["steps"], 2);
  EXPECT_EQ(said["request"]["guidance_scale"], 7.5);
  EXPECT_EQ(said["model"], "sd15");
  EXPECT_EQ(said["model_hash"].get<std::string>().size(), 10u);
  EXPECT_EQ(said["missing"], json::array());
  // What it prints serves as a request.
  const std::string first = contents("out.png");
  write_file(path("request.json"), said["request"].dump());
  expect_done({"generate", "-m", tiny_model_path(), "--control",
               "canny=" + tiny_control_path().string(), "--json-request", path("request.json"),
               "--edges", path("edges.png"), "-o", path("out.png")});
  EXPECT_TRUE(contents("out.png") == first);
}

TEST_F(RecallCli, PicturesOfOtherProgramsAreDrawn) {
  const std::string web_ui = data("recall/a1111.png");
  EXPECT_EQ(expect_done({"text", web_ui}).out, read_file(data("recall/web_ui.txt")) + "\n");
  const Outcome drawn = expect_done(again_with_edges(web_ui));
  EXPECT_NE(drawn.err.find("note: model: the picture was drawn with bird-v1 [45dee52b0a], this is "
                           "sd15 ["),
            std::string::npos)
      << drawn.err;
  json told = json::parse(expect_done({"text", path("out.png"), "--json"}).out)["request"];
  json asked = json::parse(expect_done({"text", web_ui, "--json"}).out)["request"];
  EXPECT_EQ(told["controls"][0]["weight"], asked["strength"]);
  for (json* request : {&told, &asked})  // of edges that are found, not of ready ones
    for (const char* key : {"low_threshold", "high_threshold", "strength", "controls"})
      request->erase(key);
  EXPECT_EQ(told, asked);

  const std::string comfy = data("recall/comfy.png");
  EXPECT_TRUE(expect_done({"text", comfy}).out.starts_with("beautiful scenery nature"));
  write_image(path("edges.png"), {64, 128, 1, std::vector<uint8_t>(size_t{64} * 128)});
  expect_done(again_with_edges(comfy));
  EXPECT_EQ(read_image(path("out.png")).image.height, 128);
}

TEST_F(RecallCli, ATextWithoutAControlNetNeedsNoPicture) {
  const std::string said =
      written("a cat\nSteps: 1, Sampler: Euler, CFG scale: 4, Seed: 3, Size: 64x72, RNG: CPU");
  expect_done(again(said));
  EXPECT_EQ(read_image(path("out.png")).image.height, 72);
}

TEST_F(RecallCli, WhatCannotBeHadIsRefused) {
  const std::string hires = written(
      "a cat\nSteps: 1, Sampler: Euler, Seed: 3, Size: 64x64, Hires upscale: 2, Hires upscaler: "
      "SwinIR_4x, Tiling: True");
  expect_refused(4, {"said.png", "SwinIR_4x", "Tiling: True"}, again_with_edges(hires));
  EXPECT_NE(expect_done({"text", hires}).err.find("note: not to be had: Tiling"),
            std::string::npos);
  const std::string sampler = written("a cat\nSteps: 1, Sampler: DPM fast, Seed: 3, Size: 64x64");
  expect_refused(4, {"Sampler: ", "DPM fast"}, again_with_edges(sampler));
  expect_done(again_with_edges(sampler, {"--sampler", "Euler"}));
  expect_refused(3, {"edges.png", "no text with settings"}, again_with_edges(path("edges.png")));
  expect_refused(3, {"none.png"}, again_with_edges(path("none.png")));
}

TEST_F(RecallCli, ABatchOfTheWebUisIsOfSinglePictures) {
  const Options as_web_ui{{"--compat", "a1111"}, {"--sampler", "DPM++ SDE"}, {"--steps", "2"}};
  Options two = as_web_ui, alone = as_web_ui;
  two["--samples"] = "2";
  alone["--seed"] = "2";
  expect_done(generate(two));
  expect_done(generate(alone));
  EXPECT_TRUE(contents("out_1.png") == contents("out.png"));
  EXPECT_FALSE(contents("out_0.png") == contents("out.png"));
}

}  // namespace
}  // namespace drypoint::testing
