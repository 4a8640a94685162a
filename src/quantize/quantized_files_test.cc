// Checkpoints that others quantised, made of the tiny model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checkpoint/convrot.h"
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "compile/quantization.h"
#include "diffusion/model/calibration.h"
#include "drypoint/calibrate.h"
#include "drypoint/score.h"
#include "support/test_support.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

using Tensors = std::map<std::string, Tensor, std::less<>>;

class QuantizedFiles : public ::testing::Test {
 protected:
  static Request request() {
    Request request;
    request.prompt = "a bird";
    request.seed = 1;
    request.steps = 3;
    request.size = {64, 64};
    return request;
  }
  static Tensors tiny() { return read_tensor_file(testing::tiny_model_path()).tensors.tensors; }

  Image draw(const ModelFiles& files, const char* precision = "fp32") const {
    return Pipeline(files, {.device = "cpu", .precision = precision})
        .generate(request())
        .images.at(0);
  }
  ModelFiles written(const char* name, const Tensors& tensors) const {
    const auto file = folder_ / name;
    write_safetensors(file, tensors, {});
    return {.model = file};
  }
  std::filesystem::path calibrated(double smooth) const {
    const auto file = folder_ / "calibration.safetensors";
    calibrate({.files = {.model = testing::tiny_model_path()},
               .pipeline = {.device = "cpu"},
               .request = request(),
               .count = 1,
               .smooth = smooth},
              file);
    return file;
  }
  testing::TemporaryFolder folder_;
};

bool is_matrix_of_unet(const std::string& name, const Tensor& tensor) {
  return name.starts_with("model.diffusion_model.") && name.ends_with(".weight") &&
         tensor.shape().size() == 2;
}

/// weight [O, K], turned by `rotation` or as it is, as i8 with a scale a row.
void quantize_rows(Tensors& tensors, const std::string& layer, const Tensor& weight,
                   int64_t rotation) {
  const auto rows = weight.shape()[0], depth = weight.shape()[1];
  const Tensor from = weight.to_f32();
  Tensor to({DType::i8, weight.shape()}), scales({DType::f32, {rows, 1}});
  for (int64_t o = 0; o < rows; ++o) {
    const auto row =
        from.floats().subspan(static_cast<size_t>(o * depth), static_cast<size_t>(depth));
    std::vector<float> values(row.begin(), row.end());
    if (rotation > 0) rotate(values, rotation);
    const float scale = scale_of(values, DType::i8);
    scales.mutable_floats()[static_cast<size_t>(o)] = scale;
    for (int64_t i = 0; i < depth; ++i)
      to.mutable_bytes()[static_cast<size_t>(o * depth + i)] =
          std::byte{to_eight_bits(values[static_cast<size_t>(i)] / scale, DType::i8)};
  }
  tensors[layer + ".weight"] = std::move(to);
  tensors[layer + ".weight_scale"] = std::move(scales);
  const std::string mark =
      rotation > 0
          ? fmt::format(R"({{"format":"int8_tensorwise","convrot":true,"convrot_groupsize":{}}})",
                        rotation)
          : R"({"format":"int8_tensorwise"})";
  Tensor bytes({DType::u8, {static_cast<int64_t>(mark.size())}});
  std::ranges::transform(mark, bytes.mutable_bytes().begin(),
                         [](char c) { return static_cast<std::byte>(c); });
  tensors[layer + ".comfy_quant"] = std::move(bytes);
}

TEST_F(QuantizedFiles, OfComfyUIDrawNearlyTheSame) {
  const Image expected = draw({.model = testing::tiny_model_path()});
  for (const int64_t rotation : {0, 16}) {
    Tensors tensors = tiny();
    int count = 0;
    for (const auto& [name, tensor] : tiny()) {
      if (!is_matrix_of_unet(name, tensor)) continue;
      const bool can_turn = rotation > 0 && is_rotation(rotation, tensor.shape()[1]);
      quantize_rows(tensors, name.substr(0, name.size() - 7), tensor, can_turn ? rotation : 0);
      ++count;
    }
    EXPECT_GT(count, 50);
    const Image drawn = draw(written("comfy.safetensors", tensors));
    EXPECT_GT(psnr(drawn, expected), 25) << rotation;
    EXPECT_NE(drawn, expected);
  }
}

TEST_F(QuantizedFiles, RangesOfQuantizersCountAsCalibration) {
  ModelFiles files{.model = testing::tiny_model_path(), .calibration = calibrated(0)};
  const Image expected = draw(files, "int8");
  Tensors tensors = tiny();
  for (const auto& [module, range] : read_calibration(*files.calibration, DType::i8).ranges) {
    const Tensor most = make_tensor({}, std::vector{range});
    for (const char* part : {"", ".to_q", ".to_k", ".to_v"})
      if (tensors.contains(module + part + ".weight"))
        tensors[module + part + ".input_quantizer._amax"] = most;
  }
  const ModelFiles trained = written("qat.safetensors", tensors);
  EXPECT_EQ(draw(trained, "int8"), expected);
  EXPECT_EQ(draw(trained), draw({.model = testing::tiny_model_path()}));
  files.calibration.reset();
  EXPECT_NE(draw(files, "int8"), expected);
}

TEST_F(QuantizedFiles, FactorsOfInputsChangeNothingButTheRounding) {
  ModelFiles files{.model = testing::tiny_model_path(), .calibration = calibrated(0.5)};
  const Quantization found = read_calibration(*files.calibration, DType::i8);
  EXPECT_GT(found.smoothed.size(), 8u);
  const Image plain = draw({.model = testing::tiny_model_path()});
  const Image smoothed = draw(files, "int8");
  EXPECT_GT(psnr(smoothed, plain), 20);

  // As ModelOpt's state has it: weights divided by what inputs are multiplied by.
  Tensors tensors = tiny();
  const Tensors factors = read_tensor_file_as_it_is(*files.calibration).tensors.tensors;
  for (const std::string& module : found.smoothed) {
    const auto weight = tensors.find(module + ".weight");
    if (weight == tensors.end() || weight->second.shape().size() != 2) continue;
    const Tensor by = factors.at(module + std::string(input_factors)),
                 from = weight->second.to_f32();
    Tensor divided({DType::f32, from.shape()});
    const size_t depth = by.floats().size();
    for (size_t i = 0; i < from.floats().size(); ++i)
      divided.mutable_floats()[i] = from.floats()[i] / by.floats()[i % depth];
    weight->second = divided;
    tensors[module + ".input_quantizer._pre_quant_scale"] = by;
    tensors[module + ".input_quantizer._amax"] =
        make_tensor({}, std::vector{found.ranges.at(module)});
  }
  const ModelFiles exported = written("modelopt.safetensors", tensors);
  EXPECT_GT(psnr(draw(exported), plain), 50);
  EXPECT_GT(psnr(draw(exported, "int8"), plain), 15);
}

}  // namespace
}  // namespace drypoint
