// Files that are not what they should be, and outputs that cannot be written.
#include <cmath>

#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "cli/program.h"

namespace drypoint::testing {
namespace {

using Tensors = std::map<std::string, Tensor, std::less<>>;

class BadFile : public Cli {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    write_file(path(name), text);
    return path(name);
  }
  /// The tiny ControlNet with something changed, as an option's value.
  std::string changed_control(const std::function<void(Tensors&)>& change) const {
    auto file = read_tensor_file(tiny_control_path());
    change(file.tensors.tensors);
    write_safetensors(path("changed.safetensors"), file.tensors.tensors);
    return "canny=" + path("changed.safetensors");
  }
  std::string only(const std::string& name, Shape shape) const {
    write_safetensors(path("model.safetensors"),
                      {{name, Tensor(TensorType{DType::f16, std::move(shape)})}});
    return path("model.safetensors");
  }
  std::string safetensors(const std::string& header) const {
    const uint64_t size = header.size();
    return write("model.safetensors",
                 std::string(reinterpret_cast<const char*>(&size), 8) + header + "12345678");
  }
  void expect_bad_model(int status, const std::vector<std::string>& parts,
                        const std::string& model) const {
    auto all = parts;
    all.push_back(model);
    expect_refused(status, all, generate({{"--model", model}}));
  }
  void expect_bad_picture(int status, const std::vector<std::string>& parts,
                          const std::string& picture) const {
    auto all = parts;
    all.push_back(picture);
    expect_refused(status, all, generate({{"--image", picture}, {"--resolution", "64"}}));
  }
};

TEST_F(BadFile, DamagedCheckpoints) {
  const std::string good = read_file(tiny_control_path());
  expect_bad_model(3, {"No such file"}, path("missing.safetensors"));
  expect_bad_model(3, {"diffusers folder"}, folder_.path());
  expect_bad_model(3, {"not a regular file"}, "/dev/null");
  expect_bad_model(3, {"is empty"}, write("model.safetensors", ""));
  expect_bad_model(3, {"neither a safetensors file nor a PyTorch file"},
                   write("model.ckpt", std::string(5000, 'x')));
  expect_bad_model(3, {"is a picture, expected a checkpoint"}, data("images/cat.png"));
  expect_bad_model(3, {"header", "only 992 follow"}, write("m", good.substr(0, 1000)));
  expect_bad_model(3, {"cut short", "tensor", "bytes", "download"},
                   write("m", good.substr(0, good.size() / 2)));
  for (const char* page :
       {"<!doctype html>\n<html class=\"\">", "<!DOCTYPE html>", "<HTML>", "\n <!-- x -->\n<html>"})
    expect_bad_model(3, {"a web page"}, write("page", page + std::string(200, ' ')));
  for (const char* file : {"merged.pth", "training.ckpt", "control_legacy.pth"}) {
    const std::string whole = read_file(data(std::string("checkpoint/") + file));
    expect_bad_model(3, {}, write(file, whole.substr(0, whole.size() / 2)));
  }
}

TEST_F(BadFile, HeadersThatLie) {
  const auto entry = [](const char* dtype, const char* offsets) {
    return std::string("{\"a\":{\"dtype\":\"") + dtype + "\",\"shape\":[2],\"data_offsets\":[" +
           offsets + "]}}";
  };
  expect_bad_model(3, {"header"}, safetensors("{\"a\":"));
  expect_bad_model(3, {"a", "-4"}, safetensors(entry("F16", "-4,0")));
  expect_bad_model(3, {"a"}, safetensors(entry("F16", "0,18446744073709551615")));
  expect_bad_model(3, {"a"}, safetensors(entry("F16", "8,4")));
  expect_bad_model(3, {"a", "F13"}, safetensors(entry("F13", "0,4")));
  expect_bad_model(3, {"overlap"},
                   safetensors("{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                               "\"b\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[2,8]}}"));
  expect_bad_model(3, {"nested"}, safetensors("{\"a\":" + std::string(100'000, '[')));
}

TEST_F(BadFile, PartsInTheWrongPlace) {
  const std::string base = tiny_model_path(), control = tiny_control_path();
  expect_bad_model(3, {"ControlNet", "expected a base model"}, control);
  expect_refused(3, {base, "expected a ControlNet"}, generate({{"--control", "canny=" + base}}));
  expect_refused(3, {control, "expected a VAE"}, generate({{"--vae", control}}));
  expect_refused(3, {"none.pth"}, generate({{"--control", "canny=none.pth"}}));
  std::filesystem::create_directories(path("folder/unet"));
  write("folder/unet/readme.md", "");
  expect_bad_model(3, {"unet", "no weights", "it holds readme.md"}, path("folder"));
  expect_refused(2, {base, "no ControlNet", "canny=FILE"},
                 {"generate", "-m", base, "--edges", path("edges.png"), "-o", path("out.png")});
}

TEST_F(BadFile, OtherFamilies) {
  expect_bad_model(4, {"SDXL", "not supported yet"},
                   only("conditioner.embedders.0.transformer.x", {2}));
  const std::string query = ".transformer_blocks.0.attn2.to_k.weight";
  expect_bad_model(4, {"refiner", "1280", "768 or 1024"},
                   only("model.diffusion_model.input_blocks.1.1" + query, {320, 1280}));
  expect_bad_model(4, {"SDXL", "2048", "768"},
                   only("model.diffusion_model.input_blocks.4.1" + query, {640, 2048}));
  const std::string block = "down_blocks.0.attentions.0.transformer_blocks.0.attn1";
  for (const std::string& name :
       {std::string("lora_unet_down_blocks_0.alpha"), "unet." + block + ".to_k.lora_A.weight",
        "base_model.model." + block + ".to_k.lora_B.weight",
        "unet." + block + ".processor.to_q_lora.down.weight",
        std::string("lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight")})
    expect_bad_model(4, {"is a LoRA", name}, only(name, {4, 32}));
  const auto difference = changed_control([](Tensors& tensors) {
    tensors["difference"] = Tensor(TensorType{DType::f16, {1}});
  });
  expect_refused(4, {"changed.safetensors", "\"difference\" ControlNet"},
                 generate({{"--control", difference}}));
}

TEST_F(BadFile, TensorsMissingMisshapenOrNotNumbers) {
  const std::string name = "control_model.middle_block.0.in_layers.2.weight";
  const auto expect = [&](int status, const std::vector<std::string>& parts,
                          const std::function<void(Tensors&)>& change) {
    auto all = parts;
    all.insert(all.end(), {"changed.safetensors", name});
    expect_refused(status, all, generate({{"--control", changed_control(change)}}));
  };
  expect(3, {"missing"}, [&](Tensors& tensors) { tensors.erase(name); });
  expect(3, {"[7, 3]", "expected"}, [&](Tensors& tensors) {
    tensors[name] = Tensor(TensorType{DType::f16, {7, 3}});
  });
  const auto with = [&](float value) {
    return [&name, value](Tensors& tensors) {
      const Tensor good = tensors.at(name).to_f32();
      std::vector<float> values(good.floats().begin(), good.floats().end());
      values[5] = value;
      tensors[name] = make_tensor(good.shape(), values);
    };
  };
  expect(8, {"value 5", "NaN or infinite"}, with(NAN));
  expect(8, {"value 5", "NaN or infinite"}, with(INFINITY));
  expect_refused(8, {"changed.safetensors: ", name, "value 5"},
                 {"export", "-m", tiny_model_path(), "--control", changed_control(with(NAN)),
                  "--onnx", path("onnx"), "--parts", "controlnet"});
}

TEST_F(BadFile, WhatChangesTheComputation) {
  auto model = read_tensor_file(tiny_model_path()).tensors.tensors;
  const auto with = [&](const std::string& name, Shape shape) {
    auto changed = model;
    changed[name] = Tensor(TensorType{DType::f16, std::move(shape)});
    write_safetensors(path("model.safetensors"), changed);
    return path("model.safetensors");
  };
  expect_bad_model(4, {"edm_mean"}, with("edm_mean", {0}));
  expect_bad_model(3, {"time_embed.cond_proj.weight"},
                   with("model.diffusion_model.time_embedding.cond_proj.weight", {2, 2}));
  write_safetensors(path("model.safetensors"), model, {{"modelspec.prediction_type", "flow"}});
  expect_bad_model(4, {"modelspec.prediction_type", "epsilon"}, path("model.safetensors"));
}

TEST_F(BadFile, PartsAreToldOfTheFileThatHasThem) {
  auto model = read_tensor_file(tiny_model_path()).tensors.tensors;
  std::erase_if(model, [](const auto& named) { return named.first.starts_with("first_stage"); });
  write_safetensors(path("model.safetensors"), model);
  const Outcome outcome = drypoint(generate({{"--model", path("model.safetensors")}}));
  EXPECT_EQ(outcome.status, 3);
  EXPECT_NE(outcome.err.find("it has no VAE"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find("ControlNet"), std::string::npos) << outcome.err;
}

TEST_F(BadFile, DefaultsThatAreNone) {
  const auto model = read_tensor_file(tiny_model_path());
  const auto with = [&](const std::string& key, const std::string& value) {
    write_safetensors(path("model.safetensors"), model.tensors.tensors, {{key, value}});
    return path("model.safetensors");
  };
  expect_bad_model(3, {"metadata drypoint.guidance_scale: ", "nan", "from 0"},
                   with("drypoint.guidance_scale", "nan"));
  expect_bad_model(3, {"metadata drypoint.steps: ", "0, expected 1 to 999"},
                   with("drypoint.steps", "0"));
  expect_bad_model(3, {"metadata drypoint.strength: ", "\"much\", expected a number"},
                   with("drypoint.strength", "much"));
}

TEST_F(BadFile, RunsThatTurnNonFinite) {
  expect_refused(8, {"denoiser at step 1 of 2", "NaN or infinity"},
                 generate({{"--scale", "1e40"}, {"--steps", "2"}}));
}

TEST_F(BadFile, Pictures) {
  const std::string cat = read_file(data("images/cat.png"));
  expect_bad_picture(3, {"No such file"}, path("missing.png"));
  expect_bad_picture(3, {"is a directory"}, folder_.path());
  expect_bad_picture(3, {"is empty"}, write("a.png", ""));
  expect_bad_picture(3, {"is no picture", "expected PNG"}, write("a.png", "hello"));
  expect_bad_picture(3, {}, write("a.png", cat.substr(0, cat.size() / 2)));
  expect_bad_picture(4, {"GIF", "expected PNG"}, data("pictures/plain.gif"));
  expect_bad_picture(3, {"40x15", "at least 16"}, data("pictures/small.png"));
  expect_bad_picture(3, {"20000x20000", "100 megapixels"}, write("a.pgm", "P5 20000 20000 255\n"));
  expect_refused(2, {"edges: 300x451", "multiples of 8"},
                 generate({{"--edges", data("images/cat.png")}}));
  expect_refused(3, {"missing.png"}, {"edges", "-i", "missing.png", "-o", path("out.png")});
}

TEST_F(BadFile, Inspect) {
  expect_refused(3, {"missing.pth", "No such file"}, {"inspect", "missing.pth"});
  const auto arguments = std::vector<std::string>{"inspect", data("images/cat.png"), "--json"};
  expect_refused(3, {"picture"}, arguments);
  EXPECT_NE(drypoint(arguments).out.find("\"kind\": \"bad_file\""), std::string::npos);
}

TEST_F(BadFile, Outputs) {
  expect_refused(7, {"--output", "is a directory"}, generate({{"--output", folder_.path()}}));
  expect_refused(7, {"--output", "no folder"}, generate({{"--output", path("none/a.png")}}));
  expect_refused(2, {"--output", "is empty"}, generate({{"--output", ""}}));
  expect_refused(2, {"\".txt\"", ".png"}, generate({{"--output", path("a.txt")}}));
  expect_refused(7, {"--save-edges", "no folder"},
                 generate({{"--save-edges", path("none/a.png")}}));
  expect_refused(2, {"--save-edges", "another"}, generate({{"--save-edges", path("./out.png")}}));
  std::filesystem::create_symlink("out.png", path("link.png"));  // to what is not yet there
  expect_refused(2, {"--save-edges", "another"}, generate({{"--save-edges", path("link.png")}}));
  std::filesystem::create_directory(path("two_1.png"));
  expect_refused(7, {"two_1.png", "is a directory"},
                 generate({{"--output", path("two.png")}, {"--samples", "2"}}));
  const std::string cat = data("images/cat.png");
  expect_refused(7, {"no folder"}, {"edges", "-i", cat, "-o", path("none/a.png")});
  expect_refused(7, {"no folder"}, {"synth", "-o", path("none/a.safetensors")});
  expect_refused(7, {"is a directory"}, {"synth", "-o", folder_.path()});
}

TEST_F(BadFile, FullDisk) {
  const Surroundings full{.file_size = 2000};
  const std::string out = path("out.png");
  expect_refused(7, {out, "File too large"}, generate(), full);
  expect_refused(7, {out, "File too large"}, {"edges", "-i", data("images/cat.png"), "-o", out},
                 full);
  const std::string weights = path("a.safetensors");
  expect_refused(7, {weights, "File too large"}, {"synth", "-o", weights}, full);
}

TEST_F(BadFile, AFolderThatCannotBeWrittenTo) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  std::filesystem::permissions(
      folder_.path(), std::filesystem::perms::owner_exec | std::filesystem::perms::owner_read);
  EXPECT_EQ(drypoint(generate()).status, 7);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::owner_all);
}

TEST_F(BadFile, NotEnoughMemory) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer takes terabytes of address space";
#endif
  write_image(path("large.png"), {2048, 2048, 1, std::vector<uint8_t>(2048 * 2048)});
  expect_refused(5, {"2048x2048 pixels, 1 sample", "MiB more needed", "MiB available"},
                 generate({{"--edges", path("large.png")}}), {.address_space = rlim_t{512} << 20});
}

TEST_F(BadFile, WhatIsReadIsNotWrittenTo) {
  const std::string before = contents("edges.png");
  expect_refused(2, {"--output", "--edges's file"}, generate({{"--output", path("edges.png")}}));
  expect_refused(2, {"--save-edges", "--edges's file"},
                 generate({{"--save-edges", path("edges.png")}}));
  expect_refused(2, {"--output", "--image's file"},
                 {"edges", "-i", path("edges.png"), "-o", path("edges.png")});
  std::filesystem::create_directories(path("scores/default"));
  write_image(path("scores/default/a.png"), Image{64, 64, 1, std::vector<uint8_t>(64 * 64)});
  const std::vector<std::string> score{"score",     path("scores/default"),
                                       "-m",        tiny_model_path(),
                                       "--control", "canny=" + tiny_control_path().string()};
  const auto with = [&](const char* option, const std::string& value) {
    auto words = score;
    words.insert(words.end(), {option, value});
    return words;
  };
  expect_refused(2, {"--output", "default", "another folder"}, with("--output", path("scores")));
  expect_refused(2, {"--html", ".html"}, with("--html", path("scores/default/a.png")));
  EXPECT_EQ(contents("edges.png"), before);
}

TEST_F(BadFile, AnErrorThatNobodyCanReadEndsAsOthers) {
  EXPECT_EQ(drypoint(generate({{"--steps", "0"}}), {.deaf = true}).status, 2);
  const Outcome drawn = drypoint(generate({{"--json", std::nullopt}}), {.deaf = true});
  EXPECT_EQ(drawn.status, 0);
  EXPECT_TRUE(drawn.out.starts_with("{")) << drawn.out;
}

}  // namespace
}  // namespace drypoint::testing
