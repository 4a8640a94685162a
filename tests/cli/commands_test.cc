// `inspect`, `synth`, and what the program says about itself.
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "drypoint/version.h"

namespace drypoint::testing {
namespace {

using nlohmann::json;

class Commands : public Cli {};

/// All words such as --low-threshold.
std::set<std::string> options_in(const std::string& text) {
  std::set<std::string> options;
  for (size_t begin = text.find("--"); begin != text.npos; begin = text.find("--", begin + 2)) {
    const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", begin);
    if (end > begin + 2) options.insert(text.substr(begin, end - begin));
  }
  return options;
}

TEST_F(Commands, Help) {
  // What draws: the device, the model, and the fields of requests that a folder of pictures may
  // share.
  const std::set<std::string> of_drawing{"--help",
                                         "--model",
                                         "--control",
                                         "--vae",
                                         "--prompt",
                                         "--added-prompt",
                                         "--negative-prompt",
                                         "--resolution",
                                         "--steps",
                                         "--schedule",
                                         "--scale",
                                         "--strength",
                                         "--guess-mode",
                                         "--guidance-end",
                                         "--guidance-rescale",
                                         "--guidance-start",
                                         "--seed",
                                         "--rng",
                                         "--noise",
                                         "--eta",
                                         "--low-threshold",
                                         "--high-threshold",
                                         "--threads",
                                         "--device",
                                         "--precision",
                                         "--level",
                                         "--tuning-cache",
                                         "--aux-streams",
                                         "--no-graph",
                                         "--no-tf32",
                                         "--json",
                                         "--output",
                                         "--plan",
                                         "--size",
                                         "--sampler",
                                         "--s-noise",
                                         "--s-churn",
                                         "--s-tmin",
                                         "--s-tmax",
                                         "--parser",
                                         "--emphasis",
                                         "--clip-skip",
                                         "--comma-backtrack",
                                         "--embeddings",
                                         "--prediction",
                                         "--calibration",
                                         "--keep",
                                         "--lora",
                                         "--loras",
                                         "--compat",
                                         "--ensd",
                                         "--subseed",
                                         "--subseed-strength",
                                         "--seed-resize",
                                         "--max-memory",
                                         "--tile",
                                         "--vae-tile",
                                         "--upscaler",
                                         "--annotators",
                                         "--first-noise",
                                         "--lower-order-final",
                                         "--sigmas",
                                         "--solver-order",
                                         "--solver-type",
                                         "--timesteps"};
  const auto with = [&](std::set<std::string> options) {
    options.insert(of_drawing.begin(), of_drawing.end());
    return options;
  };
  const std::map<std::string, std::set<std::string>> commands{
      {"generate", with({"--image",
                         "--edges",
                         "--samples",
                         "--save-edges",
                         "--warm",
                         "--json-request",
                         "--from",
                         "--init",
                         "--mask",
                         "--denoising-strength",
                         "--preview",
                         "--preview-steps",
                         "--painting-rule",
                         "--resize-mode",
                         "--mask-blur",
                         "--inpaint-fill",
                         "--only-masked",
                         "--mask-padding",
                         "--paste-kept",
                         "--outpaint",
                         "--hires-scale",
                         "--hires-upscaler",
                         "--hires-steps",
                         "--denoising-curve",
                         "--final-denoising-strength",
                         "--images",
                         "--images-are",
                         "--loops",
                         "--masks",
                         "--prompt-for",
                         "--skip-existing",
                         "--soft-difference-contrast",
                         "--soft-difference-threshold",
                         "--soft-inpainting",
                         "--soft-mask-influence",
                         "--soft-preservation-strength",
                         "--soft-schedule-bias",
                         "--soft-transition-contrast-boost"})},
      {"text", {"--help", "--json", "--json-request", "--from"}},  // the last two in its help
      {"build", {"--help",       "--model",           "--control",
                 "--vae",        "--sizes",           "--size",
                 "--resolution", "--samples",         "--only-sizes",
                 "--device",     "--precision",       "--threads",
                 "--level",      "--tuning-cache",    "--aux-streams",
                 "--no-graph",   "--no-tf32",         "--json",
                 "--output",     "--prediction",      "--keep-tensors",
                 "--plan",       "--calibration",     "--keep",
                 "--pictures",   "--prompts",         "--count",
                 "--prompt",     "--negative-prompt", "--steps",
                 "--sampler",    "--schedule",        "--scale",
                 "--seed",       "--max-memory"}},  // the last in its example
      {"edges",
       {"--help", "--image", "--resolution", "--size", "--low-threshold", "--high-threshold",
        "--json", "--output", "--edges"}},  // the last in its example
      {"preprocess",
       {"--help",       "--model",      "--image",        "--mask",        "--resolution",
        "--size",       "--seed",       "--threshold-a",  "--threshold-b", "--resize",
        "--json",       "--output",     "--threads",      "--device",      "--precision",
        "--max-memory", "--level",      "--tuning-cache", "--aux-streams", "--no-tf32",
        "--no-graph",   "--calibration"}},  // the last in its help
      {"inspect",
       {"--help", "--depth",      "--diff",      "--model",  "--control",   "--vae",
        "--part", "--size",       "--batch",     "--device", "--precision", "--tuning-cache",
        "--pass", "--operations", "--module",    "--graph",  "--before",    "--memory",
        "--json", "--verify",     "--resolution"}},
      {"synth", {"--help", "--arch", "--seed", "--dtype", "--output"}},
      {"export",
       {"--help", "--model", "--control", "--vae", "--onnx", "--precision", "--quantize",
        "--calibration", "--keep", "--parts", "--json"}},
      {"serve",
       {"--help",        "--model",        "--control",     "--vae",           "--plan",
        "--lora",        "--loras",        "--embeddings",  "--prediction",    "--models",
        "--calibration", "--keep",         "--loaded",      "--model-memory",  "--preview-every",
        "--host",        "--port",         "--keys",        "--insecure",      "--allow-origin",
        "--host-name",   "--certificate",  "--private-key", "--pipelines",     "--together",
        "--queue",       "--client-queue", "--max-pixels",  "--max-steps",     "--max-pictures",
        "--max-seconds", "--max-body",     "--journal",     "--drain-seconds", "--log",
        "--threads",     "--device",       "--precision",   "--level",         "--tuning-cache",
        "--aux-streams", "--no-tf32",      "--no-graph",    "--max-memory",    "--upscaler",
        "--annotators"}},
      {"upscale",
       {"--help", "--model", "--tile", "--threads", "--device", "--precision", "--max-memory",
        "--level", "--tuning-cache", "--aux-streams", "--no-tf32", "--no-graph", "--json",
        "--output", "--calibration"}},  // the last in its help
      {"calibrate",
       {"--help",       "--prompts",     "--count", "--prompt",       "--negative-prompt",
        "--size",       "--resolution",  "--steps", "--sampler",      "--schedule",
        "--scale",      "--seed",        "--model", "--control",      "--vae",
        "--method",     "--step-groups", "--for",   "--quality",      "--threads",
        "--device",     "--precision",   "--level", "--tuning-cache", "--aux-streams",
        "--no-tf32",    "--no-graph",    "--json",  "--output",       "--calibration",
        "--max-memory", "--smooth",      "--lora",  "--loras"}},
      {"compare",
       {"--help",       "--prompts",     "--count",   "--prompt",       "--negative-prompt",
        "--size",       "--resolution",  "--steps",   "--sampler",      "--schedule",
        "--scale",      "--seed",        "--model",   "--control",      "--vae",
        "--a",          "--b",           "--look-at", "--show",         "--bisect",
        "--prediction", "--calibration", "--keep",    "--html",         "--threads",
        "--device",     "--precision",   "--level",   "--tuning-cache", "--aux-streams",
        "--no-tf32",    "--no-graph",    "--json",    "--max-memory",   "--lora",
        "--loras"}},
      {"score",
       with({"--prompts", "--references", "--inception", "--sweep", "--fail-above", "--html"})}};
  const std::string program = drypoint({"--help"}).out;
  const std::string manual = read_file(DRYPOINT_SOURCE_DIR "/docs/command_line.md");
  for (const auto& [command, options] : commands) {
    const Outcome help = drypoint({command, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_NE(program.find("\n  " + command + " "), std::string::npos) << command;
    EXPECT_EQ(options_in(help.out), options) << command;
    for (const auto& option : options)
      EXPECT_NE(manual.find("`" + option), std::string::npos) << "docs: " << option;
  }
  for (const char* word : {"--version", "version"}) {
    const Outcome version = drypoint({word});
    EXPECT_EQ(version.status, 0);
    EXPECT_EQ(version.out, std::string(drypoint::version()) + "\n");
  }
  EXPECT_EQ(drypoint({"help"}).out, program);
  EXPECT_EQ(drypoint({"help", "edges"}).out, drypoint({"edges", "--help"}).out);
}

TEST_F(Commands, InspectEveryLayout) {
  struct {
    std::string file, layout;
    std::vector<std::string> parts;
  } const cases[] = {
      {tiny_model_path(), "safetensors", {"UNet", "VAE", "text encoder"}},
      {tiny_control_path(), "safetensors", {"ControlNet"}},
      {data("checkpoint/merged.pth"), "PyTorch zip", {"UNet", "ControlNet", "VAE", "text encoder"}},
      {data("checkpoint/training.ckpt"), "PyTorch zip", {"UNet", "VAE", "text encoder"}},
      {data("checkpoint/control_legacy.pth"), "PyTorch legacy", {"ControlNet"}},
      {data("checkpoint/control_noprefix_bf16.safetensors"), "safetensors", {"ControlNet"}},
      {data("checkpoint/folder"),
       "diffusers folder",
       {"UNet", "ControlNet", "VAE", "text encoder"}},
      {data("checkpoint/small"),
       "diffusers folder",
       {"UNet", "ControlNet", "VAE", "text encoder"}}};
  for (const auto& [file, layout, parts] : cases) {
    SCOPED_TRACE(file);
    const Outcome told = drypoint({"inspect", file});
    EXPECT_EQ(told.status, 0) << told.err;
    EXPECT_TRUE(told.out.starts_with(layout + "\n")) << told.out;
    for (const auto& part : parts) EXPECT_NE(told.out.find("\n" + part + ": "), std::string::npos);

    const json said = json::parse(drypoint({"inspect", file, "--json"}).out);
    EXPECT_EQ(said["layout"], layout);
    std::vector<std::string> found;
    for (const auto& part : said["parts"]) {
      found.push_back(part["name"]);
      EXPECT_GT(part["tensors"], 0);
      for (const char* key : {"source", "parameters", "bytes", "dtypes", "sizes", "problems"})
        EXPECT_TRUE(part.contains(key)) << key;
    }
    EXPECT_EQ(std::set(found.begin(), found.end()), std::set(parts.begin(), parts.end()));
    for (const char* key : {"missing_parts", "other_tensors", "has_schedule", "difference_control",
                            "has_tokenizer", "metadata", "family", "prediction"})
      EXPECT_TRUE(said.contains(key)) << key;
  }
}

TEST_F(Commands, SynthIsTheSameForTheSameSeed) {
  const auto synth = [&](const char* name, const char* seed, const char* dtype) {
    const Outcome outcome = drypoint({"synth", "--seed", seed, "--dtype", dtype, "-o", path(name)});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, path(name) + "\n");
    return contents(name);
  };
  const std::string first = synth("a.safetensors", "7", "f16");
  EXPECT_TRUE(synth("b.safetensors", "7", "f16") == first);
  EXPECT_FALSE(synth("b.safetensors", "8", "f16") == first);
  EXPECT_GT(synth("b.safetensors", "7", "f32").size(), first.size() * 3 / 2);
  // It is whole: it says so, and it draws with its own ControlNet.
  const json said = json::parse(drypoint({"inspect", path("a.safetensors"), "--json"}).out);
  for (const auto& part : said["parts"]) EXPECT_EQ(part["problems"], json::array());
  EXPECT_EQ(said["missing_parts"], json::array());
  const Outcome drawn =
      drypoint({"generate", "-m", path("a.safetensors"), "--edges", path("edges.png"), "-p",
                "a cat", "--steps", "1", "--seed", "1", "-o", path("out.png")});
  EXPECT_EQ(drawn.status, 0) << drawn.err;
}

}  // namespace
}  // namespace drypoint::testing
