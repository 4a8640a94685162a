// What was exported, read back with a decoder of our own.
#include "drypoint/export.h"

#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "models/assemble.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

/// A message's fields by number: the bytes of strings and messages, numbers as they are.
struct Message {
  std::multimap<int, std::string_view> texts;
  std::multimap<int, int64_t> integers;

  explicit Message(std::string_view bytes) {
    const auto varint = [&] {
      uint64_t value = 0;
      for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.at(0));
        bytes.remove_prefix(1);
        value |= uint64_t{byte & 0x7fu} << shift;
        if (byte < 0x80) return value;
      }
    };
    const auto take = [&](size_t count) {
      if (count > bytes.size()) throw std::out_of_range("a field longer than its message");
      const auto taken = bytes.substr(0, count);
      bytes.remove_prefix(count);
      return taken;
    };
    while (!bytes.empty()) {
      const uint64_t key = varint();
      const int field = static_cast<int>(key >> 3);
      switch (key & 7) {
        case 0: integers.emplace(field, static_cast<int64_t>(varint())); break;
        case 2: texts.emplace(field, take(varint())); break;
        case 5: take(4); break;
        default: throw std::out_of_range("a wire type that ONNX does not use");
      }
    }
  }

  std::vector<std::string> strings(int field) const {
    std::vector<std::string> all;
    for (auto [it, end] = texts.equal_range(field); it != end; ++it) all.emplace_back(it->second);
    return all;
  }
  std::string string(int field) const { return strings(field).at(0); }
  std::vector<int64_t> numbers(int field) const {
    std::vector<int64_t> all;
    for (auto [it, end] = integers.equal_range(field); it != end; ++it) all.push_back(it->second);
    return all;
  }
  Message message(int field) const { return Message(texts.find(field)->second); }
  std::vector<Message> messages(int field) const {
    std::vector<Message> all;
    for (auto [it, end] = texts.equal_range(field); it != end; ++it) all.emplace_back(it->second);
    return all;
  }
};

/// "latent f32[batch, 4, height, width]"
std::string describe(const Message& port) {
  static const std::map<int64_t, std::string> types{{1, "f32"}, {6, "i32"}, {10, "f16"}};
  const Message tensor = port.message(2).message(1);
  std::string text = port.string(1) + " " + types.at(tensor.numbers(1).at(0)) + "[";
  bool first = true;
  for (const Message& dim : tensor.message(2).messages(1)) {
    if (!std::exchange(first, false)) text += ", ";
    text += dim.texts.empty() ? std::to_string(dim.numbers(1).at(0)) : dim.string(2);
  }
  return text + "]";
}

struct Weight {
  Shape shape;
  std::string file;
  uint64_t offset = 0, bytes = 0;
};

struct Exported {
  std::set<std::string> inputs, outputs;
  std::multiset<std::string> operators;
  std::map<std::string, Weight> weights;

  /// Reads the file and checks that every value is there before it is read.
  explicit Exported(const fs::path& path) {
    const std::string bytes = read_file(path);
    const Message model(bytes), graph = model.message(7);
    EXPECT_EQ(model.numbers(1), std::vector<int64_t>{10});
    EXPECT_EQ(model.message(8).numbers(2), std::vector<int64_t>{21});
    EXPECT_EQ(graph.string(2), path.stem());

    std::set<std::string> known{""};
    for (const Message& input : graph.messages(11)) {
      inputs.insert(describe(input));
      known.insert(input.string(1));
    }
    for (const Message& tensor : graph.messages(5)) {
      EXPECT_TRUE(known.insert(tensor.string(8)).second) << tensor.string(8);
      if (tensor.numbers(14).empty()) continue;
      std::map<std::string, std::string> place;
      for (const Message& entry : tensor.messages(13)) place[entry.string(1)] = entry.string(2);
      weights[tensor.string(8)] = {tensor.numbers(1), place.at("location"),
                                   std::stoull(place.at("offset")),
                                   std::stoull(place.at("length"))};
    }
    for (const Message& node : graph.messages(1)) {
      for (const auto& input : node.strings(1)) EXPECT_TRUE(known.contains(input)) << input;
      EXPECT_TRUE(known.insert(node.string(2)).second) << node.string(2);
      operators.insert(node.string(4));
    }
    for (const Message& output : graph.messages(12)) {
      outputs.insert(describe(output));
      EXPECT_TRUE(known.contains(output.string(1))) << output.string(1);
    }
  }
};

using Names = std::set<std::string>;
const ModelFiles tiny{.model = testing::tiny_model_path(), .control = testing::tiny_control_path()};

TEST(Export, KnowsTheOtherFamilies) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(export_onnx({.model = testing::data("checkpoint/sd2")}, folder / "sd2").size(), 10u);
  EXPECT_TRUE(Exported(folder / "sd2/text_encoder.onnx").operators.contains("Gelu"));
  EXPECT_TRUE(
      Exported(folder / "sd2/denoiser.onnx").outputs.contains("eps f32[batch, 4, height, width]"));

  export_onnx({.model = "random:tiny-inpainting"}, folder / "nine");
  EXPECT_TRUE(
      Exported(folder / "nine/unet.onnx").inputs.contains("latent f32[batch, 9, height, width]"));
  EXPECT_TRUE(Exported(folder / "nine/controlnet.onnx")
                  .inputs.contains("latent f32[batch, 4, height, width]"));
  EXPECT_FALSE(fs::exists(folder / "nine/denoiser.onnx"));
}

TEST(Export, PartsHaveNamedInputsAndOutputsOfAnySize) {
  const testing::TemporaryFolder folder;
  const auto files = export_onnx(tiny, folder.path());
  EXPECT_EQ(files.size(), 10u);
  for (const auto& file : files) EXPECT_TRUE(fs::exists(file)) << file;

  const std::string latent = "latent f32[batch, 4, height, width]", time = "timestep f32[1]",
                    context = "context f32[batch, length, 64]",
                    hint = "hint f32[batch, 3, picture_height, picture_width]",
                    scales = "control_scales f32[13]", eps = "eps f32[batch, 4, height, width]";
  const Exported text(folder / "text_encoder.onnx");
  EXPECT_EQ(text.inputs, Names{"ids i32[batch, 77]"});
  EXPECT_EQ(text.outputs, Names{"embedding f32[batch, 77, 64]"});
  const Exported control(folder / "controlnet.onnx");
  EXPECT_EQ(control.inputs, (Names{latent, time, context, hint}));
  EXPECT_EQ(control.outputs.size(), 13u);
  EXPECT_TRUE(control.outputs.contains("control12 f32[batch, 64, height_by_8, width_by_8]"));
  const Exported unet(folder / "unet.onnx");
  Names unet_inputs{latent, time, context, scales};
  unet_inputs.insert(control.outputs.begin(), control.outputs.end());
  EXPECT_EQ(unet.inputs, unet_inputs);
  EXPECT_EQ(unet.outputs, Names{eps});
  const Exported denoiser(folder / "denoiser.onnx");
  EXPECT_EQ(denoiser.inputs, (Names{latent, time, context, hint, scales}));
  EXPECT_EQ(denoiser.outputs, Names{eps});
  const Exported decoder(folder / "vae_decoder.onnx"), encoder(folder / "vae_encoder.onnx");
  EXPECT_EQ(decoder.inputs, Names{latent});
  EXPECT_EQ(decoder.outputs, Names{"image f32[batch, 3, picture_height, picture_width]"});
  EXPECT_EQ(encoder.inputs, Names{"image f32[batch, 3, picture_height, picture_width]"});
  EXPECT_EQ(encoder.outputs, Names{"moments f32[batch, 8, height, width]"});

  for (const char* type : {"GroupNormalization", "LayerNormalization", "Gelu", "Resize"})
    EXPECT_TRUE(denoiser.operators.contains(type)) << type;
  // Both networks and the denoiser share files.
  for (const auto& [name, weight] : denoiser.weights) {
    const auto& owner = name.starts_with("control_model.") ? control.weights : unet.weights;
    ASSERT_TRUE(owner.contains(name)) << name;
    EXPECT_EQ(weight.file, owner.at(name).file);
    EXPECT_EQ(weight.offset, owner.at(name).offset);
  }
}

TEST(Export, WeightsAreTheCheckpoints) {
  const testing::TemporaryFolder folder;
  const Checkpoint checkpoint = assemble(tiny);
  std::map<fs::path, std::unique_ptr<MappedFile>> files;
  const auto bytes_of = [&](const char* precision, const Weight& weight) {
    const fs::path path = folder / precision / weight.file;
    auto& file = files[path];
    if (!file) file = std::make_unique<MappedFile>(path);
    EXPECT_EQ(weight.offset % 4096, 0u);
    return file->bytes().subspan(weight.offset, weight.bytes);
  };
  export_onnx(tiny, folder / "32");
  export_onnx(tiny, folder / "16", {.precision = "fp16"});
  for (const char* part : {"denoiser.onnx", "text_encoder.onnx", "vae_decoder.onnx"}) {
    const Exported full(folder / "32" / part), half(folder / "16" / part);
    ASSERT_EQ(full.weights.size(), half.weights.size());
    for (const auto& [name, weight] : full.weights) {
      const bool transposed = name.ends_with(".T");
      const Tensor stored = checkpoint.tensors.at(name.substr(0, name.size() - 2 * transposed));
      const Tensor expected = stored.to_f32();
      Shape shape = expected.shape();
      if (transposed) std::swap(shape[0], shape[1]);
      EXPECT_EQ(weight.shape, shape) << name;
      const auto count = static_cast<size_t>(element_count(shape));
      ASSERT_EQ(weight.bytes, 4 * count);
      std::vector<float> found(count), wanted(count);
      std::memcpy(found.data(), bytes_of("32", weight).data(), weight.bytes);
      for (size_t i = 0; i < count; ++i) {
        const size_t rows = transposed ? static_cast<size_t>(shape[1]) : count;
        wanted[i] = expected.floats()[i % rows * (count / rows) + i / rows];
      }
      EXPECT_TRUE(found == wanted) << name;

      const Weight& small = half.weights.at(name);
      ASSERT_EQ(small.bytes, 2 * count);
      const auto halves = bytes_of("16", small);
      for (size_t i = 0; i < count; ++i) {
        uint16_t bits;
        std::memcpy(&bits, halves.data() + 2 * i, 2);
        ASSERT_EQ(bits, float_to_half(wanted[i])) << name;
      }
    }
  }
}

TEST(Export, HalfPrecisionLeavesTimestepsAlone) {
  const testing::TemporaryFolder folder;
  export_onnx(tiny, folder.path(), {.precision = "fp16", .parts = {"unet"}});
  const Exported unet(folder / "unet.onnx");
  EXPECT_TRUE(unet.inputs.contains("timestep f32[1]"));
  EXPECT_TRUE(unet.inputs.contains("latent f16[batch, 4, height, width]"));
  EXPECT_TRUE(unet.outputs.contains("eps f16[batch, 4, height, width]"));
}

TEST(Export, ProductsWithRangesAreRounded) {
  const testing::TemporaryFolder folder;
  ModelFiles files = tiny;
  files.calibration = folder / "ranges.safetensors";
  const std::string middle = "model.diffusion_model.middle_block.";
  std::map<std::string, Tensor, std::less<>> ranges;
  for (const char* type : {".i8", ".f8_e4m3"})  // a convolution, and three products in one
    for (const char* module : {"0.in_layers.2", "1.transformer_blocks.0.attn1"})
      ranges[middle + module + type] = make_tensor({1}, std::vector{3.f});
  write_safetensors(*files.calibration, ranges, {{"drypoint.calibration", "{}"}});
  for (const char* precision : {"fp8", "int8"}) {
    export_onnx(files, folder / precision, {.rounded = precision, .parts = {"unet"}});
    const Exported unet(folder / precision / "unet.onnx");
    EXPECT_EQ(unet.operators.count("QuantizeLinear"), 8u);
    EXPECT_EQ(unet.operators.count("DequantizeLinear"), 8u);
  }
  files.keep = {middle + "0.in_layers.2"};
  export_onnx(files, folder / "kept", {.rounded = "int8", .parts = {"unet"}});
  EXPECT_EQ(Exported(folder / "kept/unet.onnx").operators.count("QuantizeLinear"), 6u);
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {"calibration", "rounded"},
                                  [&] { export_onnx(files, folder / "no"); }));
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {"fp8", "calibration"},
                                  [&] { export_onnx(tiny, folder / "no", {.rounded = "fp8"}); }));
}

TEST(Export, WithoutControlNetTheUnetIsAlone) {
  const testing::TemporaryFolder folder;
  const ModelFiles base{.model = testing::tiny_model_path()};
  export_onnx(base, folder.path(), {.parts = {"unet"}});
  EXPECT_EQ(Exported(folder / "unet.onnx").inputs,
            (Names{"latent f32[batch, 4, height, width]", "timestep f32[1]",
                   "context f32[batch, length, 64]"}));
  for (const auto& entry : fs::directory_iterator(folder.path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with("vae")) << entry.path();
  EXPECT_TRUE(testing::fails_with(
      ErrorKind::bad_argument, {"\"denoiser\"", "text_encoder, unet, vae_decoder"},
      [&] { export_onnx(base, folder.path(), {.parts = {"denoiser"}}); }));
}

TEST(Export, LeavesTheWeightsOfOtherGraphsAlone) {
  const testing::TemporaryFolder folder;
  export_onnx(tiny, folder.path(), {.precision = "fp16"});
  std::map<std::string, std::string> before;
  for (const auto& [name, weight] : Exported(folder / "denoiser.onnx").weights)
    if (!before.contains(weight.file)) before[weight.file] = read_file(folder / weight.file);
  EXPECT_EQ(before.size(), 2u);
  // Another precision, other weights, and the same once more.
  export_onnx(tiny, folder.path(), {.parts = {"unet"}});
  ModelFiles other = tiny;
  other.control = "random:tiny";
  export_onnx(other, folder.path(), {.precision = "fp16", .parts = {"controlnet"}});
  export_onnx(tiny, folder.path(), {.precision = "fp16", .parts = {"vae_decoder"}});
  for (const auto& [file, contents] : before) EXPECT_TRUE(read_file(folder / file) == contents);
  // Graphs of one precision and checkpoint share their files, whenever they were written.
  export_onnx(tiny, folder.path(), {.precision = "fp16", .parts = {"unet"}});
  for (const auto& [name, weight] : Exported(folder / "unet.onnx").weights)
    EXPECT_TRUE(before.contains(weight.file)) << weight.file;
}

TEST(Export, ChecksAllItsFilesBeforeItWritesAny) {
  const testing::TemporaryFolder folder;
  export_onnx(tiny, folder.path(), {.parts = {"unet"}});
  const auto listed = [&] {
    std::map<fs::path, fs::file_time_type> times;
    for (const auto& entry : fs::directory_iterator(folder.path()))
      times[entry.path()] = entry.last_write_time();
    return times;
  };
  fs::create_directory(folder / "vae_decoder.onnx");
  const auto before = listed();
  EXPECT_TRUE(testing::fails_with(ErrorKind::write_failed, {"vae_decoder.onnx", "directory"},
                                  [&] { export_onnx(tiny, folder.path()); }));
  EXPECT_EQ(listed(), before);
}

TEST(Export, FailuresLeaveNothing) {
  const testing::TemporaryFolder folder;
  const fs::path target = folder / "onnx", deep = folder / "a" / "b";
  int asked = 0;
  EXPECT_TRUE(testing::fails_with(ErrorKind::cancelled, {}, [&] {
    export_onnx(tiny, target, {}, [&] { return ++asked > 100; });
  }));
  EXPECT_FALSE(fs::exists(target));
  EXPECT_TRUE(testing::fails_with(ErrorKind::cancelled, {},
                                  [&] { export_onnx(tiny, deep, {}, [] { return true; }); }));
  EXPECT_FALSE(fs::exists(folder / "a"));
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {"bf16", "fp32 or fp16"},
                                  [&] { export_onnx(tiny, target, {.precision = "bf16"}); }));
  EXPECT_FALSE(fs::exists(target));
  write_file(target, "a file");
  EXPECT_TRUE(testing::fails_with(ErrorKind::write_failed, {"cannot be made", "Not a directory"},
                                  [&] { export_onnx(tiny, target / "below", {}); }));
  EXPECT_TRUE(testing::fails_with(ErrorKind::write_failed, {"is a file"},
                                  [&] { export_onnx(tiny, target); }));
  EXPECT_EQ(read_file(target), "a file");
}

}  // namespace
}  // namespace drypoint
