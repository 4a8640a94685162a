// `inspect` of graphs and of two checkpoints; what it says of one is in commands_test.cc.
#include <nlohmann/json.hpp>

#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "cli/program.h"
#include "support/xml.h"

namespace drypoint::testing {
namespace {

using nlohmann::json;

class Inspect : public Cli {
 protected:
  std::vector<std::string> command(std::vector<std::string> more) const {
    std::vector<std::string> words{
        "inspect", "-m",   tiny_model_path(), "--control", "canny=" + tiny_control_path().string(),
        "--size",  "64x48"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(Inspect, ListsModulesToADepth) {
  const auto lines = [&](const char* depth) {
    const Outcome outcome = drypoint({"inspect", tiny_control_path(), "--depth", depth});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return std::count(outcome.out.begin(), outcome.out.end(), '\n');
  };
  const auto none = lines("0");
  EXPECT_EQ(lines("1"), none + 2 + 6);  // heading and six modules
  EXPECT_GT(lines("9"), none + 338);    // every tensor
  const json all = json::parse(drypoint({"inspect", tiny_control_path(), "--json"}).out);
  const json& part = all["parts"][0];
  EXPECT_EQ(part["modules"]["parameters"], part["parameters"]);
  EXPECT_EQ(part["modules"]["modules"].size(), 6u);
  const json flat =
      json::parse(drypoint({"inspect", tiny_control_path(), "--json", "--depth", "0"}).out);
  EXPECT_FALSE(flat["parts"][0]["modules"].contains("modules"));
}

TEST_F(Inspect, CompilesAndDraws) {
  const Outcome told = drypoint(command({"--device", "cuda", "--pass", "fuse_gate", "--operations",
                                         "--module", "model.diffusion_model.input_blocks.1",
                                         "--graph", path("g.svg"), "--memory", path("m.svg")}));
  EXPECT_EQ(told.status, 0) << told.err;
  for (const char* expected :
       {"pair_twins", "what fuse_gate did", "gate=true", "memory: kept", "most in use at once"})
    EXPECT_NE(told.out.find(expected), std::string::npos) << expected << "\n" << told.out;
  EXPECT_EQ(told.out.find("output_blocks.5.0.in_layers"), std::string::npos);
  for (const char* file : {"g.svg", "m.svg"}) EXPECT_GT(parse_xml(contents(file)).size(), 20u);

  const Outcome machine = drypoint(command({"--json", "--part", "vae", "--graph", path("g.dot")}));
  const json said = json::parse(machine.out);
  EXPECT_EQ(said["part"], "vae");
  EXPECT_EQ(said["passes"][0]["name"], "built");
  EXPECT_EQ(said["operations"].size(), said["passes"].back()["after"]["load"].get<size_t>() +
                                           said["passes"].back()["after"]["picture"].get<size_t>() +
                                           said["passes"].back()["after"]["step"].get<size_t>());
  EXPECT_EQ(said["memory"]["in_use"].size(),
            said["operations"].size() - said["passes"].back()["after"]["load"].get<size_t>());
  EXPECT_TRUE(contents("g.dot").starts_with("digraph"));
}

TEST_F(Inspect, ExitCodeSaysWhetherTheyDiffer) {
  const Outcome same = drypoint({"inspect", "--diff", tiny_control_path(), tiny_control_path()});
  EXPECT_EQ(same.status, 0) << same.err;
  EXPECT_EQ(same.out, "equal: 338 tensors\n");
  NamedTensors tensors = read_tensor_file(tiny_control_path()).tensors;
  tensors.tensors.erase("control_model.zero_convs.3.0.bias");
  write_safetensors(path("b.safetensors"), tensors.tensors);
  const Outcome other = drypoint({"inspect", "--diff", tiny_control_path(), path("b.safetensors")});
  EXPECT_EQ(other.status, 1);
  EXPECT_EQ(other.err, "");
  EXPECT_NE(other.out.find("control_model.zero_convs.3.0.bias f16[32]"), std::string::npos);
  const json said = json::parse(
      drypoint({"inspect", "--json", "--diff", tiny_control_path(), path("b.safetensors")}).out);
  EXPECT_EQ(said["same"], false);
  EXPECT_EQ(said["equal"], 337);
  EXPECT_EQ(said["only_a"], json::array({"control_model.zero_convs.3.0.bias f16[32]"}));
  EXPECT_EQ(said["modules"]["control_model.zero_convs.3"]["only_a"], 1);
}

TEST_F(Inspect, RefusesBadOptions) {
  const std::string model = tiny_model_path();
  expect_refused(2, {"FILE", "--diff", "--model"}, {"inspect"});
  expect_refused(2, {"FILE"}, {"inspect", model, "--part", "vae"});
  expect_refused(2, {"--diff"}, {"inspect", "--diff", model});
  expect_refused(2, {"--depth"}, {"inspect", "--depth", "2", "--diff", model, model});
  expect_refused(2, {"--size", "big", "HEIGHTxWIDTH"}, {"inspect", "-m", model, "--size", "big"});
  expect_refused(2, {"size", "64x100", "multiples of 8"},
                 {"inspect", "-m", model, "--size", "64x100"});
  expect_refused(2, {"--part", "unet"}, {"inspect", "-m", model, "--part", "unet"});
  expect_refused(2, {"--pass", "fuse_all", "fuse_bias"}, command({"--pass", "fuse_all"}));
  expect_refused(2, {"--module", "nowhere"},
                 command({"--module", "nowhere", "--graph", path("g.svg")}));
  expect_refused(2, {"g.png", ".svg", ".dot"}, command({"--graph", path("g.png")}));
  expect_refused(2, {"m.dot", ".svg"},
                 command({"--graph", path("g.svg"), "--memory", path("m.dot")}));
  expect_refused(2, {"--before", "--graph"}, command({"--before"}));
  expect_refused(2, {"--module", "--graph", "--operations"},
                 command({"--module", "model.diffusion_model.input_blocks.1"}));
  expect_refused(2, {"--memory", "--graph", "another"},
                 command({"--graph", path("g.svg"), "--memory", path("./g.svg")}));
  expect_refused(7, {"--graph", "no folder"}, command({"--graph", path("no/g.svg")}));
  expect_refused(3, {"nowhere"}, {"inspect", "--diff", model, path("nowhere")});
  expect_refused(4, {"precision", "fp16"}, command({"--precision", "fp16"}));
  expect_refused(2, {"tuning-cache", "cuda"}, command({"--tuning-cache", path("t.json")}));
  expect_refused(3, {"edges.png"},
                 command({"--device", "cuda", "--tuning-cache", path("edges.png")}));
}

TEST_F(Inspect, NamesCommandNoTerminal) {
  const auto write = [&](const char* file, const std::string& module, const std::string& tensor) {
    NamedTensors tensors = read_tensor_file(tiny_control_path()).tensors;
    const Tensor some = tensors.tensors.begin()->second;
    tensors.tensors["control_model." + module + "." + tensor] = some;
    write_safetensors(path(file), tensors.tensors);
  };
  write("a.safetensors", "\x1b[2Jm\x7f",
        "\xc2\x9b"
        "31mx\ny");
  write("b.safetensors", "\x1b]0;n\x07", "z\r");
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"inspect", path("a.safetensors"), "--depth", "9"},
           {"inspect", "--diff", path("a.safetensors"), path("b.safetensors")}}) {
    const Outcome outcome = drypoint(words);
    EXPECT_EQ(outcome.err, "");
    EXPECT_NE(outcome.out.find("[2Jm"), std::string::npos) << outcome.out;
    for (const char* sign : {"\x1b", "\x7f", "\x07", "\r", "\xc2\x9b"})
      EXPECT_EQ(outcome.out.find(sign), std::string::npos) << outcome.out;
  }
}

TEST_F(Inspect, NothingHalfWritten) {
  expect_refused(7, {"g.svg"}, command({"--graph", path("g.svg")}), {.file_size = 20000});
}

TEST_F(Inspect, TellsWhatAnAdapterIs) {
  const auto told = [&](const char* name, bool in_json) {
    std::vector<std::string> words{"inspect", data(std::string("lora/") + name).string()};
    if (in_json) words.emplace_back("--json");
    const Outcome outcome = drypoint(words);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  };
  const json peft = json::parse(told("peft.safetensors", true)),
             kohya = json::parse(told("kohya_unet_text.safetensors", true));
  EXPECT_EQ(kohya["changes"].size(), 114u);
  EXPECT_EQ(peft["changes"].size(), kohya["changes"].size());
  double of_peft = 0, of_kohya = 0;  // they say the same
  for (const json& change : peft["changes"]) of_peft += change["norm"].get<double>();
  for (const json& change : kohya["changes"]) {
    EXPECT_EQ(change["kind"], "LoRA");
    EXPECT_EQ(change["rank"], 4);
    EXPECT_TRUE(change["alpha"].is_number());
    of_kohya += change["norm"].get<double>();
  }
  EXPECT_NEAR(of_peft, of_kohya, 1e-3 * of_kohya);
  const std::string dora = told("dora_in.safetensors", false);
  for (const char* part : {"safetensors\nadapter for models whose text has a width of 64\n",
                           "DoRA of LoRA", "\nrank         4", "\nlora_unet_"})
    EXPECT_NE(dora.find(part), std::string::npos) << part << " in " << dora.substr(0, 500);
}

}  // namespace
}  // namespace drypoint::testing
