// Options out of range or in contradiction: exit code 2, one line that names them.
#include "cli/program.h"

namespace drypoint::testing {
namespace {

class BadOption : public Cli {};

TEST_F(BadOption, Numbers) {
  struct {
    const char *option, *value, *field, *expected;
  } const cases[] = {
      {"--steps", "0", "steps: 0", "1 to 999"},
      {"--steps", "1000", "steps: 1000", "1 to 999"},
      {"--steps", "1.5", "--steps: \"1.5\"", "a whole number"},
      {"--steps", "99999999999", "--steps: \"99999999999\"", "a whole number"},
      {"--samples", "0", "samples: 0", "1 to 64"},
      {"--samples", "65", "samples: 65", "1 to 64"},
      {"--resolution", "63", "resolution: 63", "64 to 4096"},
      {"--resolution", "4097", "resolution: 4097", "64 to 4096"},
      {"--scale", "-0.5", "scale: -0.5", "a finite number from 0"},
      {"--scale", "nan", "scale: nan", "a finite number from 0"},
      {"--scale", "x", "--scale: \"x\"", "a number"},
      {"--strength", "-1", "strength: -1", "a finite number from 0"},
      {"--strength", "inf", "strength: inf", "a finite number from 0"},
      {"--eta", "-1", "eta: -1", "a finite number from 0"},
      {"--eta", "nan", "eta: nan", "a finite number from 0"},
      {"--eta", "50", "--eta: 50", "less"},
      {"--low-threshold", "-1", "--low-threshold: -1", "0 to 1000"},
      {"--high-threshold", "1001", "--high-threshold: 1001", "0 to 1000"},
      {"--high-threshold", "99", "--low-threshold: 100", "at most high_threshold, 99"},
      {"--threads", "-1", "threads: -1", "0 to 1024"},
      {"--threads", "1025", "threads: 1025", "0 to 1024"},
      {"--seed", "-2", "--seed: \"-2\"", "-1 (random) to 18446744073709551615"},
      {"--seed", "18446744073709551616", "--seed: \"18446744073709551616\"", "-1 (random) to"},
      {"--seed", "1e3", "--seed: \"1e3\"", "-1 (random) to"},
  };
  for (const auto& c : cases)
    expect_refused(2, {c.field, "expected " + std::string(c.expected)},
                   generate({{c.option, c.value}}));
}

TEST_F(BadOption, Words) {
  expect_refused(2, {"schedule: \"x\"", "did you mean", "karras"}, generate({{"--schedule", "x"}}));
  expect_refused(2, {"--noise: \"x\"", "batch or per-sample"}, generate({{"--noise", "x"}}));
  expect_refused(2, {"device: \"x\"", "auto, cpu"}, generate({{"--device", "x"}}));
  expect_refused(2, {"--rng: \"x\"", "cuda:SMSxTHREADS"}, generate({{"--rng", "x"}}));
  expect_refused(2, {"--rng: cuda:0x2048", "1 to 1024"}, generate({{"--rng", "cuda:0x2048"}}));
  expect_refused(2, {"--control", "expected canny=FILE"},
                 generate({{"--control", tiny_control_path()}}));
  expect_refused(3, {"x", "No such file"}, generate({{"--control", "depth=x"}}));
  const std::string net = "canny=" + tiny_control_path().string();
  expect_refused(2, {"--control: canny: \"wight=1\" is no setting", "is it weight?"},
                 generate({{"--control", net + ",wight=1"}}));
  expect_refused(2, {"--control: canny: weight: \"x\""},
                 generate({{"--control", net + ",weight=x"}}));
  expect_refused(2, {"--control: canny: weight is given twice"},
                 generate({{"--control", net + ",weight=1,weight=2"}}));
  expect_refused(2, {"--strength: does not count", "weight="},
                 generate({{"--control", net + ",weight=1"}, {"--strength", "1"}}));
  expect_refused(2, {"controls[0].preprocessor: \"cany\"", "is it canny?"},
                 generate({{"--control", net + ",preprocessor=cany"}}));
  expect_refused(2, {"--control: canny: weight is for drawing alone"},
                 {"bench", "--control", net + ",weight=1"});
  expect_refused(2, {"preprocessor: \"cany\"", "is it canny?"},
                 {"preprocess", "cany", "-i", data("images/cat.png"), "-o", path("out.png")});
  const auto preprocess = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all{"preprocess", "-i", data("images/cat.png"), "-o", path("out.png")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::string hed = data("annotators/hed.safetensors");
  expect_refused(2, {"--model: found none", "body_pose_model.pth"}, preprocess({"openpose"}));
  expect_refused(2,
                 {"--model: found none", "body_pose_model.pth and hand_pose_model.pth in a folder"},
                 preprocess({"openpose_hand"}));
  expect_refused(2, {"--model: canny is no network"}, preprocess({"canny", "--model", hed}));
  expect_refused(2, {"--threshold-a: 50", "softedge_hed takes none"},
                 preprocess({"hed", "--model", hed, "--threshold-a", "50"}));
  expect_refused(2,
                 {"controls[0].", "softedge_hed is a network", "ControlNetHED.pth", "annotators"},
                 generate({{"--control", net + ",preprocessor=hed"},
                           {"--image", data("images/cat.png")},
                           {"--size", "64x64"}}));
  expect_refused(2, {"sampler: \"Eular\"", "mean \"Euler\"", "DPM++ 2M SDE"},
                 generate({{"--sampler", "Eular"}}));
  expect_refused(2, {"eta: 0.5", "Euler"}, generate({{"--sampler", "Euler"}, {"--eta", "0.5"}}));
  expect_refused(2, {"--steps: 3", "schedule exact"},
                 generate({{"--steps", "3"}, {"--schedule", "official"}}));
}

TEST_F(BadOption, TextsThatAreNotUtf8) {
  expect_refused(2, {"--prompt: ", "UTF-8", "byte 2 is 0xff"}, generate({{"--prompt", "a \xff"}}));
  expect_refused(2, {"--negative-prompt: ", "UTF-8"}, generate({{"--negative-prompt", "\xc3("}}));
  expect_refused(2, {"--added-prompt: ", "UTF-8"}, generate({{"--added-prompt", "\xed\xa0\x80"}}));
}

TEST_F(BadOption, UnknownAndMissing) {
  const auto out = path("out.png");
  expect_refused(2, {"drypoint generate has no option --bogus; see drypoint generate --help"},
                 generate({{"--bogus", std::nullopt}}));
  expect_refused(2, {"generate has no option --foo;"}, {"generate", "--foo", "1"});
  expect_refused(2, {"generate has no option --foo;"}, {"generate", "--foo=1", "-o", out});
  expect_refused(2, {"drypoint has no option --foo;"}, {"--foo"});
  expect_refused(2, {"\"b\" belongs to no option; see drypoint generate"},
                 {"generate", "-o", out, "b", "c"});
  expect_refused(2, {"\"edge\" is no command, expected generate, build, ", " or serve"},
                 {"edge", "-i", "x", "-o", out});
  expect_refused(2, {"--output", "required"}, {"generate", "--edges", path("edges.png")});
  expect_refused(2, {"--control", "expected canny=FILE"}, {"generate", "--control", "", "-o", out});
  expect_refused(2, {"--image and --edges: found both"},
                 {"generate", "-i", "a", "--edges", "b", "-o", out});
  for (const char* option : {"--model", "--vae", "--image", "--edges", "--save-edges"})
    expect_refused(2, {option, "expected a file or folder"}, {"generate", option, "", "-o", out});
  expect_refused(2, {"--prompt"}, {"generate", "-o", out, "--prompt"});
  expect_refused(2, {"bogus"}, {"inspect", "a", "bogus"});
  expect_refused(2,
                 {"no command",
                  "expected generate, build, edges, preprocess, upscale, text, inspect, synth, "
                  "export, calibrate, compare, score, bench, "
                  "profile or serve"},
                 {});
  expect_refused(2, {"bogus"}, {"bogus"});
  expect_refused(2, {"FILE"}, {"inspect"});
  expect_refused(2, {"--image"}, {"edges", "-o", out});
  expect_refused(2, {"--save-edges: ", "out: ends in \"\""},
                 generate({{"--save-edges", path("out")}}));
  expect_refused(2, {"--image", "expected a file or folder"}, {"edges", "-i", "", "-o", out});
  expect_refused(2, {"--output"}, {"synth"});
  expect_refused(2, {"--onnx"}, {"export"});
  expect_refused(2, {"PICTURES"}, {"score"});
}

TEST_F(BadOption, SuggestsWhatIsMeant) {
  const std::map<std::string, std::string> meant{{"--cfg", "--scale"},
                                                 {"--cfg-scale", "--scale"},
                                                 {"--cfg_scale=7", "--scale"},
                                                 {"--guidance", "--scale"},
                                                 {"--guidance_scale", "--scale"},
                                                 {"--width", "--size"},
                                                 {"--height", "--size"},
                                                 {"-W", "--size"},
                                                 {"--negative", "--negative-prompt"},
                                                 {"--negative_prompt", "--negative-prompt"},
                                                 {"--Steps", "--steps"},
                                                 {"--step", "--steps"},
                                                 {"--setps", "--steps"},
                                                 {"--num_inference_steps", "--steps"},
                                                 {"--n", "--samples"},
                                                 {"--batch-size", "--samples"},
                                                 {"--num_images_per_prompt", "--samples"},
                                                 {"--ckpt", "--model"},
                                                 {"--controlnet", "--control"},
                                                 {"--input", "--image"},
                                                 {"--out", "--output"},
                                                 {"--gpu", "--device"},
                                                 {"--fp16", "--precision"},
                                                 {"--low-treshold", "--low-threshold"}};
  for (const auto& [word, option] : meant)
    expect_refused(
        2, {"has no option " + word.substr(0, word.find('=')) + "; did you mean " + option + "?"},
        {"generate", "-o", path("out.png"), word});
  expect_refused(2, {"no option --width; did you mean --size?"}, {"profile", "--width", "64"});
  expect_refused(2, {"no option --strength; it is one of generate or score's"},
                 {"edges", "--strength", "1"});
  expect_refused(2, {"options follow a command, as in drypoint generate -i"}, {"-i", "a.png"});
  for (const auto& [word, command] : std::map<std::string, std::string>{{"txt2img", "generate"},
                                                                        {"genrate", "generate"},
                                                                        {"info", "inspect"},
                                                                        {"canny", "edges"},
                                                                        {"benchmark", "bench"},
                                                                        {"prof", "profile"}})
    expect_refused(2, {"\"" + word + "\" is no command", "; did you mean " + command + "?"},
                   {word});
  expect_refused(2, {"\"lamp\" is no command"}, {"help", "lamp"});
}

TEST_F(BadOption, ValuesThatAreNotThere) {
  const auto out = path("out.png");
  for (const char* option : {"--prompt", "--steps", "--output", "-p"})
    expect_refused(2, {": found no value, expected one"}, {"generate", option});
  expect_refused(2, {"--diff: found no value"}, {"inspect", "--diff"});
  expect_refused(2, {"--json: \"5\", expected no value"}, {"generate", "--json=5", "-o", out});
  expect_refused(2, {"--guess-mode: \"", "expected no value"},
                 generate({{"--guess-mode=no", std::nullopt}}));
  expect_refused(2, {"--output: is empty"},
                 {"generate", "--edges", path("edges.png"), "--output="});
  expect_refused(2, {"--model: \"\", expected a file"}, {"generate", "--model=", "-o", out});
  expect_refused(2, {"\"-o\" belongs to no option"}, {"generate", "--", "-o"});
  for (const char* depth : {"x", "-1", "101", "1.5"})
    expect_refused(2, {"--depth: \"", "expected 0 to 100"}, {"inspect", "a", "--depth", depth});
}

TEST_F(BadOption, EndingsOfOutputs) {
  expect_refused(2, {"--output", "expected a name that ends in .safetensors"},
                 {"synth", "-o", path("a.ckpt")});
  expect_refused(2, {"--output", "expected a name that ends in .plan"},
                 {"build", "-m", tiny_model_path(), "-o", path("a.safetensors")});
}

TEST_F(BadOption, HomeFoldersAreNotLookedForHere) {
  for (const auto& arguments :
       {generate({{"--control", "canny=~/none.pth"}}),
        generate({{"--control", "canny=~root/none.pth"}}), generate({{"--vae", "~/none.pth"}})}) {
    const Outcome outcome = drypoint(arguments);
    EXPECT_EQ(outcome.status, 3);
    EXPECT_EQ(outcome.err.find('~'), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("/none.pth"), std::string::npos) << outcome.err;
  }
  expect_refused(2, {"--control", ", as in canny=" + tiny_control_path().string()},
                 generate({{"--control", tiny_control_path()}}));
}

TEST_F(BadOption, OfEdgesAndSynth) {
  const auto edges = [&](const char* option, const char* value) {
    return std::vector<std::string>{"edges", "-i", data("images/cat.png"), "-o", path("out.png"),
                                    option,  value};
  };
  expect_refused(2, {"resolution", "63", "64 to 4096"}, edges("--resolution", "63"));
  expect_refused(2, {"--resolution: \"x\"", "whole number"}, edges("--resolution", "x"));
  expect_refused(2, {"--low-threshold", "-1", "0 to 1000"}, edges("--low-threshold", "-1"));
  expect_refused(2, {"--low-threshold: 201", "high_threshold, 200"},
                 edges("--low-threshold", "201"));
  const auto synth = [&](const char* option, const char* value) {
    return std::vector<std::string>{"synth", "-o", path("a.safetensors"), option, value};
  };
  expect_refused(2, {"--arch: \"sdxl\"", "sd15, sd15-inpainting"}, synth("--arch", "sdxl"));
  expect_refused(2, {"--dtype: \"f8\"", "f16, bf16 or f32"}, synth("--dtype", "f8"));
  expect_refused(2, {"--seed: \"-1\"", "0 to 18446744073709551615"}, synth("--seed", "-1"));
}

TEST_F(BadOption, OfExport) {
  const auto onnx = [&](const char* option, const char* value) {
    return std::vector<std::string>{"export", "-m", tiny_model_path(), "--onnx", path("onnx"),
                                    option,   value};
  };
  expect_refused(2, {"--precision: \"fp8\"", "fp32 or fp16"}, onnx("--precision", "fp8"));
  expect_refused(2, {"parts: \"lamp\"", "text_encoder, unet"}, onnx("--parts", "unet,lamp"));
  expect_refused(2, {"parts: \"lamp\""}, onnx("--parts", " unet , lamp "));
  expect_refused(2, {"parts: \"denoiser\""}, onnx("--parts", "denoiser"));
  expect_refused(2, {"parts: \"\""}, onnx("--parts", "unet,,vae_decoder"));
  expect_refused(2, {"parts: \"\""}, onnx("--parts", ""));
  expect_refused(2, {"--onnx: \"\"", "expected a file or folder"}, {"export", "--onnx", ""});
  expect_refused(3, {"none.safetensors"}, onnx("--vae", "none.safetensors"));
}

TEST_F(BadOption, OfScore) {
  std::filesystem::create_directory(path("pictures"));
  write_image(path("pictures/a.png"), Image{64, 64, 1, std::vector<uint8_t>(64 * 64)});
  const auto score = [&](const char* option, const std::string& value) {
    return std::vector<std::string>{"score",        path("pictures"),
                                    "-m",           tiny_model_path(),
                                    "--control",    "canny=" + tiny_control_path().string(),
                                    "--resolution", "64",
                                    "--steps",      "1",
                                    option,         value};
  };
  expect_refused(2, {"--sweep: \"steps\"", "KEY=VALUE", "steps, strength"},
                 score("--sweep", "steps"));
  expect_refused(2, {"--sweep: \"lamp=1\""}, score("--sweep", "lamp=1"));
  expect_refused(2, {"--sweep: steps: \"x\"", "a whole number"}, score("--sweep", "steps=1,x"));
  expect_refused(2, {"--sweep: steps: \"\"", "a whole number"}, score("--sweep", "steps="));
  expect_refused(2, {"--sweep: scale: \"x\"", "a number"}, score("--sweep", "scale=x"));
  expect_refused(2, {"--sweep: seed: \"-1\"", "0 to 1844"}, score("--sweep", "seed=-1"));
  expect_refused(2, {"--sweep: steps: 1 is there twice"}, score("--sweep", "steps=1,2,1"));
  auto twice = score("--sweep", "steps=1,2");
  twice.insert(twice.end(), {"--sweep", "steps=3"});
  expect_refused(2, {"--sweep: steps is there twice"}, twice);
  expect_refused(2, {"steps: 0", "1 to 999"}, score("--sweep", "steps=1,0"));
  expect_refused(2, {"schedule: \"x\""}, score("--sweep", "schedule=x"));
  expect_refused(2, {"device: \"x\""}, score("--sweep", "device=x"));
  expect_refused(2, {"device: \"x\""}, score("--device", "x"));
  expect_refused(2, {"--sweep: precision: \"fp6\"", "fp8 or int8"},
                 score("--sweep", "precision=fp6"));
  auto on_cpu = score("--sweep", "precision=fp32,fp16");
  on_cpu.insert(on_cpu.end(), {"--device", "cpu"});
  expect_refused(4, {"precision: \"fp16\" on device cpu"}, on_cpu);
  expect_refused(2, {"--fail-above: 0", "more than 0"}, score("--fail-above", "0"));
  expect_refused(3, {"none", "is no folder"}, score("--references", path("none")));
  expect_refused(3, {"none.pth"}, score("--inception", path("none.pth")));
  expect_refused(3, {"Conv2d_1a_3x3.conv.weight: missing"},
                 score("--inception", tiny_model_path()));
  expect_refused(7, {"--html", "there is no folder"}, score("--html", path("none/a.html")));
  expect_refused(3, {"none: is no folder"},
                 {"score", path("none"), "-m", tiny_model_path(), "--control",
                  "canny=" + tiny_control_path().string()});
}

TEST_F(BadOption, IsToldInJsonToo) {
  auto arguments = generate({{"--steps", "0"}, {"--json", std::nullopt}});
  expect_refused(2, {"steps: 0"}, arguments);
  EXPECT_EQ(drypoint(arguments).out,
            "{\n  \"error\": {\n    \"kind\": \"bad_argument\",\n"
            "    \"message\": \"--steps: 0, expected 1 to 999\"\n  }\n}\n");
}

}  // namespace
}  // namespace drypoint::testing
