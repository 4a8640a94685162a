// `generate` and `edges`: what they write and say.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace drypoint::testing {
namespace {

using nlohmann::json;

class Draw : public Cli {
 protected:
  /// It succeeds without a word on stderr but `notice`, in one line, if there is one.
  Outcome expect_done(const std::vector<std::string>& arguments, const std::string& notice = "") {
    const Outcome outcome = drypoint(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    if (notice.empty()) {
      EXPECT_EQ(outcome.err, "");
    } else {
      EXPECT_TRUE(outcome.err.starts_with("note: ")) << outcome.err;
      EXPECT_NE(outcome.err.find(notice), std::string::npos) << outcome.err;
      EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
    }
    return outcome;
  }
};

/// The text that web UIs read; as PNG has it: keyword, NUL, text.
std::string parameters_in(const std::string& png) {
  const auto keyword = png.find(std::string("tEXtparameters\0", 15));
  if (keyword == std::string::npos) return "";
  const auto* length = reinterpret_cast<const unsigned char*>(&png[keyword - 4]);
  return png.substr(keyword + 15, (length[2] << 8 | length[3]) - 11);
}

TEST_F(Draw, TheReferencesPicture) {
  const auto arguments =
      generate({{"--edges", data("golden/process/seed_score_edges.png")},
                {"--prompt", "a bird"},
                {"--negative-prompt", "longbody, lowres, bad anatomy, bad hands, missing fingers"},
                {"--steps", "20"},
                {"--seed", "2946901"}});
  EXPECT_EQ(expect_done(arguments).out, path("out.png") + "\n");
  const Image drawn = read_image(path("out.png")).image;
  const Image expected = read_image(data("golden/process/seed_score_0.png")).image;
  ASSERT_EQ(drawn.pixels.size(), expected.pixels.size());
  size_t near = 0;
  for (size_t i = 0; i < drawn.pixels.size(); ++i)
    near += std::abs(drawn.pixels[i] - expected.pixels[i]) <= 1;
  EXPECT_GE(static_cast<double>(near), 0.999 * static_cast<double>(drawn.pixels.size()));
}

TEST_F(Draw, PartsOfSeveralFilesAndOtherSettings) {
  expect_done(generate({{"--vae", tiny_model_path()}}));
  const std::string first = contents("out.png");
  const Image picture = read_image(path("out.png")).image;
  for (const Options& same : {Options{}, Options{{"--rng", "cpu"}, {"--noise", "batch"}},
                              Options{{"--warm", std::nullopt}}}) {
    expect_done(generate(same));
    EXPECT_EQ(contents("out.png"), first);
  }
  expect_done(generate({{"--schedule", "official"}}));
  EXPECT_EQ(read_image(path("out.png")).image, picture);
  EXPECT_NE(parameters_in(contents("out.png")).find("Schedule: official"), std::string::npos);
  expect_done(generate({{"--sampler", "dpmpp_2m_sde karras"}, {"--eta", "0.5"}}));
  expect_done(generate({{"--sampler", "Heun"}, {"--s-churn", "1"}, {"--schedule", "Beta"}}));
  for (const Options& other :
       {Options{{"--rng", "cuda"}}, Options{{"--seed", "18446744073709551615"}},
        Options{{"--guess-mode", std::nullopt}}, Options{{"--scale", "1"}},
        Options{{"--scale", "0"}}, Options{{"--strength", "0"}}, Options{{"--eta", "1"}},
        Options{{"--added-prompt", ""}}, Options{{"--negative-prompt", ""}}}) {
    expect_done(generate(other));
    EXPECT_NE(contents("out.png"), first) << other.begin()->first;
  }
}

TEST_F(Draw, OptionsAreWrittenInAnyWay) {
  expect_done(generate({{"--added-prompt", ""}}));
  const std::string first = contents("out.png");
  auto words = generate({{"--added-prompt=", std::nullopt}, {"-p=a cat", std::nullopt}});
  expect_done(words);
  EXPECT_EQ(contents("out.png"), first);
}

TEST_F(Draw, WhatIsNoPlainPromptIsNoticed) {
  const auto notices = [&](const std::string& prompt) {
    const Outcome outcome = drypoint(generate({{"--prompt", prompt}}));
    EXPECT_EQ(outcome.status, 0);
    return outcome.err;
  };
  EXPECT_EQ(notices("  "), "note: prompt: is blank\n");
  EXPECT_NE(notices("a (red:1.2) cat").find("note: prompt: brackets, BREAK and AND are read as in"),
            std::string::npos);
}

TEST_F(Draw, AdaptersThatAreNotThereAreRefused) {
  expect_refused(2, {"\"ink\"", "LoRAs"}, generate({{"--prompt", "a cat <lora:ink:1>"}}));
}

TEST_F(Draw, RequestsInJson) {
  const auto told = json::parse(expect_done(generate({{"--json", std::nullopt}})).out);
  const std::string first = contents("out.png");
  const std::vector<std::string> words{"generate",
                                       "-m",
                                       tiny_model_path(),
                                       "--control",
                                       "canny=" + tiny_control_path().string(),
                                       "--json-request",
                                       path("request.json")};
  json request = told["request"];  // what was drawn, told so that it can be drawn again
  request["edges"] = path("edges.png");
  request["output"] = path("again.png");
  write_file(path("request.json"), request.dump());
  expect_done(words);
  EXPECT_EQ(contents("again.png"), first);
  // Options count instead of what it says, and other settings are the model's own.
  write_file(path("request.json"), json{{"prompt", "a dog"}, {"steps", 1}, {"seed", 1}}.dump());
  auto more = words;
  more.insert(more.end(), {"-p", "a cat", "--edges", path("edges.png"), "-o", path("third.png")});
  expect_done(more);
  EXPECT_EQ(contents("third.png"), first);

  const auto refused = [&](const std::string& text, const std::vector<std::string>& parts,
                           int status = 2) {
    write_file(path("request.json"), text);
    expect_refused(status, parts, more);
  };
  refused("{\"stepz\": 1}", {"\"stepz\" is no field of a request"});
  refused("{\"steps\": \"1\"}", {"--steps: \"1\", expected a whole number, 1 to 999"});
  refused("{\"steps\": 0}", {"--steps: 0, expected 1 to 999"});
  refused("{\"guidance_scale\": -1}", {"--scale: -1, expected a finite number from 0"});
  refused("[1]", {"request.json: is JSON of type array"}, 3);
  refused("{", {"request.json: is no JSON"}, 3);
  more[6] = path("none.json");
  expect_refused(3, {"none.json: cannot be read"}, more);
}

TEST_F(Draw, SeveralControlNets) {
  const std::string cat = data("controls/cat_64x128.png"),
                    camera = data("controls/camera_64x128.png"),
                    second = data("controls/control2.safetensors");
  auto arguments = generate({{"--control", "canny=" + tiny_control_path().string() +
                                               ",image=" + cat + ",preprocessor=none"},
                             {"--size", "24x16"}});
  arguments.emplace_back("--control");
  arguments.push_back("depth=" + second + ",image=" + camera + ",weight=0.5,end=0.5,mode=prompt");
  std::erase(arguments, "--edges");
  std::erase(arguments, path("edges.png"));
  expect_done(arguments);
  const std::string drawn = contents("out.png"), text = parameters_in(drawn);
  for (const char* part : {"ControlNet 0: \"Module: none, Model: control [",
                           "ControlNet 1: \"Module: none, Model: control2", "Weight: 0.5",
                           "Guidance End: 0.5", "My prompt is more important"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;

  const json request{{"prompt", "a cat"},
                     {"steps", 1},
                     {"seed", 1},
                     {"size", "24x16"},
                     {"controls",
                      {{{"name", "canny"}, {"image", cat}, {"preprocessor", "none"}},
                       {{"name", "depth"},
                        {"image", camera},
                        {"weight", 0.5},
                        {"end", 0.5},
                        {"mode", "prompt"}}}}};
  write_file(path("request.json"), request.dump());
  const json said = json::parse(
      expect_done({"generate", "-m", tiny_model_path(), "--control",
                   "canny=" + tiny_control_path().string(), "--control", "depth=" + second,
                   "--json-request", path("request.json"), "-o", path("same.png"), "--json"})
          .out);
  EXPECT_EQ(contents("same.png"), drawn);
  EXPECT_EQ(said["request"]["controls"][1]["weight"], 0.5);
}

TEST_F(Draw, WithoutControl) {
  const std::vector<std::string> bare{"generate", "-m", tiny_model_path(), "-p", "a cat",
                                      "--steps",  "1",  "--seed",          "1",  "--resolution",
                                      "64",       "-o", path("out.png")};
  expect_done(bare);
  EXPECT_EQ(read_image(path("out.png")).image.width, 64);
  EXPECT_EQ(parameters_in(contents("out.png")).find("ControlNet"), std::string::npos);
}

TEST_F(Draw, HintsOfAPicture) {
  const std::string cat = data("images/cat.png");
  const std::vector<std::string> words{"-i", cat, "--resolution", "64", "-o"};
  const auto with = [&](std::vector<std::string> command, const char* out) {
    command.insert(command.end(), words.begin(), words.end());
    command.push_back(path(out));
    expect_done(command);
    return contents(out);
  };
  EXPECT_EQ(with({"preprocess", "canny"}, "a.png"), with({"edges"}, "b.png"));
  EXPECT_NE(with({"preprocess", "blur_gaussian", "--threshold-a", "2"}, "c.png"),
            with({"preprocess", "blur_gaussian"}, "d.png"));
}

TEST_F(Draw, Sizes) {
  const std::string cat = data("images/cat.png");
  expect_done(generate({{"--image", cat}, {"--size", "64x72"}}));
  const Image drawn = read_image(path("out.png")).image;
  EXPECT_EQ(drawn.height, 64);
  EXPECT_EQ(drawn.width, 72);
  expect_refused(2, {"--size: \"64\"", "HEIGHTxWIDTH"},
                 generate({{"--image", cat}, {"--size", "64"}}));
  expect_refused(2, {"--size: 60x64", "multiples of 8"},
                 generate({{"--image", cat}, {"--size", "60x64"}}));
  expect_refused(2, {"--size: 64x72", "edges have 64x64"}, generate({{"--size", "64x72"}}));
  expect_refused(2, {"--size and --resolution: found both"},
                 generate({{"--image", cat}, {"--size", "64x64"}, {"--resolution", "64"}}));
}

TEST_F(Draw, SettingsAreInThePicture) {
  expect_done(generate({{"--steps", "2"}, {"--scale", "7.5"}}));
  const std::string text = parameters_in(contents("out.png"));
  EXPECT_TRUE(
      text.starts_with("a cat, best quality, extremely detailed\nNegative prompt: longbody"))
      << text;
  for (const char* part :
       {"Steps: 2,", "Sampler: DDIM,", "CFG scale: 7.5,", "Seed: 1,", "Size: 64x64,",
        "Model: sd15,", "ControlNet 0: \"Module: none, Model: control ["})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
}

TEST_F(Draw, OfAnOptionGivenTwiceTheLastCounts) {
  auto arguments = generate({{"--steps", "1"}, {"--seed", "5"}, {"--guess-mode", std::nullopt}});
  for (const char* word : {"--steps", "2", "--seed", "1", "--guess-mode", "--prompt", "a dog"})
    arguments.emplace_back(word);
  expect_done(arguments);
  const std::string text = parameters_in(contents("out.png"));
  for (const char* part : {"a dog, best", "Steps: 2,", "Seed: 1,"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
}

TEST_F(Draw, SeveralSamples) {
  const auto samples = [&](const char* number, const char* noise) {
    return generate({{"--samples", number}, {"--noise", noise}, {"--output", path("s.webp")}});
  };
  EXPECT_EQ(expect_done(samples("3", "per-sample")).out,
            path("s_0.webp") + "\n" + path("s_1.webp") + "\n" + path("s_2.webp") + "\n");
  EXPECT_EQ(files(), (std::set<std::string>{"edges.png", "s_0.webp", "s_1.webp", "s_2.webp"}));
  EXPECT_NE(contents("s_0.webp"), contents("s_1.webp"));
  const std::string second = contents("s_1.webp");
  expect_done(samples("2", "per-sample"));
  EXPECT_EQ(contents("s_1.webp"), second);
}

TEST_F(Draw, EdgesOfAPicture) {
  const std::string cat = data("images/cat.png");
  expect_done(
      generate({{"--image", cat}, {"--resolution", "64"}, {"--save-edges", path("e.png")}}));
  const std::string drawn = contents("out.png");
  EXPECT_EQ(expect_done({"edges", "-i", cat, "--resolution", "64", "-o", path("same.png")}).out,
            path("same.png") + "\n");
  EXPECT_EQ(contents("e.png"), contents("same.png"));
  expect_done(generate({{"--edges", path("e.png")}}));
  EXPECT_EQ(read_image(path("out.png")).image.width, 128);
  const auto few = std::vector<std::string>{
      "edges", "-i", cat, "--high-threshold", "400", "-o", path("few.png"), "--json"};
  const json said = json::parse(expect_done(few).out);
  EXPECT_EQ(said, (json{{"edges", path("few.png")},
                        {"width", 768},
                        {"height", 512},
                        {"notices", json::array()}}));
}

TEST_F(Draw, Json) {
  const auto outcome = drypoint(generate({{"--json", std::nullopt},
                                          {"--samples", "2"},
                                          {"--prompt", ""},
                                          {"--threads", "1"},
                                          {"--save-edges", path("e.png")}}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  json said = json::parse(outcome.out);
  for (const char* stage : {"prepare", "text", "denoise", "decode"})
    EXPECT_GT(said["seconds"].value(stage, 0.0), 0.0) << stage;
  said.erase("seconds");
  EXPECT_EQ(said["request"]["samples"], 2);
  said.erase("request");
  EXPECT_EQ(said, (json{{"device", "cpu"},
                        {"threads", 1},
                        {"seed", 1},
                        {"images", {path("out_0.png"), path("out_1.png")}},
                        {"edges", path("e.png")},
                        {"width", 64},
                        {"height", 64},
                        {"notices", {"prompt: is empty"}}}));
}

TEST_F(Draw, ARandomSeedIsSaidAndServesAgain) {
  const auto outcome = expect_done(generate({{"--seed", "-1"}}), "note: seed ");
  const std::string first = contents("out.png");
  const std::string seed = outcome.err.substr(11, outcome.err.size() - 12);
  expect_done(generate({{"--seed", seed}}));
  EXPECT_EQ(contents("out.png"), first);
}

TEST_F(Draw, NoticesAboutPrompts) {
  expect_done(generate({{"--prompt", ""}}), "prompt: is empty");
  std::string words;
  for (int i = 0; i < 74; ++i) words += "cat ";
  expect_done(generate({{"--prompt", words + "bird\nand flowers"}, {"--parser", "plain"}}),
              "prompt: longer than 75 tokens, cut before \"");
  expect_done(generate({{"--negative-prompt", words + "bird and flowers"}, {"--parser", "plain"}}),
              "negative prompt: longer than 75 tokens, cut before \"and flowers\"");
}

TEST_F(Draw, PromptsAsTheWebUiHasThem) {
  const auto picture = [&](const Options& changes, const std::string& notice = "") {
    expect_done(generate(changes), notice);
    return contents("out.png");
  };
  const std::string plain = picture({{"--prompt", "a cat on a sofa"}});
  const auto parsed = [&](const char* prompt, const char* option, const char* value) {
    return picture(
        {{"--prompt", prompt}, {option, value ? std::optional<std::string>(value) : std::nullopt}},
        "as in the web UI");
  };
  const std::string weighed = parsed("a (cat:1.5) on a sofa", "--emphasis", "original");
  EXPECT_NE(weighed, plain);
  EXPECT_NE(parsed("a (cat:1.5) on a sofa", "--emphasis", "no-norm"), weighed);
  EXPECT_NE(parsed("a (cat:1.5) on a sofa", "--clip-skip", "2"), weighed);
  EXPECT_NE(parsed("a cat BREAK on a sofa", "--samples", "1"), plain);
  EXPECT_NE(parsed("a [cat:dog:1] on a sofa", "--steps", "4"),
            picture({{"--prompt", "a cat on a sofa"}, {"--steps", "4"}}));
  EXPECT_NE(parsed("a cat on a sofa AND a dog:0.5", "--guess-mode", nullptr), plain);
  EXPECT_NE(picture({{"--prompt", "a zorp on a sofa"},
                     {"--embeddings", data("prompts/embeddings").string()}}),
            picture({{"--prompt", "a zorp on a sofa"}}));
  expect_refused(2, {"--prompt: ", "the weight \"1.2.3\""}, generate({{"--prompt", "(a:1.2.3)"}}));
  expect_refused(2, {"--negative-prompt: ", "nested"},
                 generate({{"--negative-prompt", std::string(100'000, '(')}}));
}

TEST_F(Draw, WithAdapters) {
  const std::string folder = data("lora").string(), file = data("lora/locon.safetensors").string();
  const auto picture = [&](const std::vector<std::string>& more,
                           const std::string& prompt = "a cat") {
    auto words = generate({{"--prompt", prompt}});
    words.insert(words.end(), more.begin(), more.end());
    expect_done(words);
    return contents("out.png");
  };
  const std::string plain = picture({}), one = picture({"--lora", file + "=0.5"});
  EXPECT_NE(one, plain);
  EXPECT_EQ(parameters_in(one).find("a cat, best quality, extremely detailed <lora:locon:0.5>\n"),
            0u);
  // The pixels are the same, the text is as typed.
  const std::string by_prompt = picture({"--loras", folder}, "a cat<lora:locon:0.5>");
  EXPECT_EQ(parameters_in(by_prompt).find("a cat<lora:locon:0.5>, best"), 0u);
  const auto pixels = [](const std::string& png) {
    return read_image(std::as_bytes(std::span(png)), "picture").image.pixels;
  };
  EXPECT_EQ(pixels(by_prompt), pixels(one));
  EXPECT_EQ(picture({"--lora", file + "=0"}).size() > 0, true);
  EXPECT_EQ(pixels(contents("out.png")), pixels(plain));
  EXPECT_NE(pixels(picture({"--lora", file + "=0.5", "--lora", "loha=-0.3:1", "--loras", folder})),
            pixels(one));
  const auto refused = [&](int status, const std::vector<std::string>& parts,
                           const std::vector<std::string>& more, const char* prompt = "a cat") {
    auto words = generate({{"--prompt", prompt}});
    words.insert(words.end(), more.begin(), more.end());
    expect_refused(status, parts, words);
  };
  refused(2, {"\"loco\"", "dora_in, ", "did you mean \"locon\"?"},
          {"--loras", folder, "--lora", "loco"});
  refused(2, {"\"ink\"", "no folder"}, {}, "a cat <lora:ink:1>");
  refused(2, {"--prompt: ", "\"x\", expected a number"}, {}, "a cat <lora:ink:x>");
  refused(2, {"--loras: ", "is no folder"}, {"--loras", file});
  refused(3, {tiny_control_path(), "holds no LoRA"}, {"--lora", tiny_control_path()});
}

TEST_F(Draw, NoticesAboutPictures) {
  const std::pair<const char*, const char*> cases[] = {
      {"grey16.png", "16 bits per channel, rounded to 8"},
      {"rgb16.ppm", "16 bits"},
      {"cmyk.jpg", "CMYK, converted to RGB"},
      {"palette.png", "palette"},
      {"animated.png", "first frame"},
      {"animated.webp", "first frame"},
  };
  for (const auto& [file, notice] : cases) {
    const auto picture = data(std::string("pictures/") + file).string();
    expect_done({"edges", "-i", picture, "--resolution", "64", "-o", path("e.png")},
                picture + ": ");
    expect_done(generate({{"--image", picture}, {"--resolution", "64"}}), notice);
  }
}

TEST_F(Draw, WithoutAModelTheDemoModel) {
  if (!std::filesystem::exists(DRYPOINT_SOURCE_DIR "/models/demo/demo.safetensors"))
    GTEST_SKIP() << "the demo model is not here";
  expect_done({"generate", "--edges", path("edges.png"), "-p", "a cat", "--steps", "1", "--seed",
               "1", "-o", path("out.png")},
              "demo model");
  EXPECT_EQ(read_image(path("out.png")).image.width, 64);
}

}  // namespace
}  // namespace drypoint::testing
