// From calibration over comparison to pictures of eight bits, with the tiny model.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/file.h"
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "drypoint/calibrate.h"
#include "drypoint/mixed.h"
#include "drypoint/plan.h"
#include "drypoint/score.h"
#include "support/op_runner.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;
using testing::tiny_files;

constexpr const char* a_module = "model.diffusion_model.middle_block.0.in_layers.2";

Request small_request() {
  Request request;
  request.prompt = "a bird";
  request.seed = 1;
  request.steps = 4;
  request.image = {64, 64, 1, std::vector<uint8_t>(64 * 64)};
  for (int i = 8; i < 56; ++i) request.image.pixels[static_cast<size_t>(i * 64 + i)] = 255;
  request.is_edges = true;
  return request;
}

CalibrationOptions small_calibration() {
  return {.files = tiny_files(),
          .pipeline = {.device = "cpu"},
          .prompts = {"a bird", "a harbour"},
          .request = small_request(),
          .count = 2,
          .step_groups = 2};
}

class EightBits : public ::testing::Test {
 protected:
  std::filesystem::path calibrated() const {
    const auto file = folder_ / "calibration.safetensors";
    calibrate(small_calibration(), file);
    return file;
  }
  ComparisonOptions comparison(const char* precision) const {
    ComparisonOptions options{.files = tiny_files(),
                              .a = {.device = "cpu"},
                              .b = {.device = "cpu", .precision = precision},
                              .request = small_request()};
    options.files.calibration = calibrated();
    return options;
  }
  TemporaryFolder folder_;
};

TEST_F(EightBits, CalibrationHasRangesOfEachModuleAndStepGroup) {
  const auto file = folder_ / "calibration.safetensors";
  const Calibration found = calibrate(small_calibration(), file);
  EXPECT_EQ(found.drawings, 2);
  EXPECT_EQ(found.resumed, 0);
  ASSERT_GT(found.modules.size(), 20u);
  for (const CalibratedModule& module : found.modules) {
    EXPECT_GT(module.largest, 0) << module.name;
    EXPECT_LE(module.range_i8, module.largest) << module.name;
    EXPECT_GT(module.range_i8, 0.1 * module.largest) << module.name;
  }
  const NamedTensors tensors = read_tensor_file(file).tensors;
  EXPECT_EQ(tensors.at(std::string(a_module) + ".i8").shape(), Shape{2});
  EXPECT_EQ(tensors.at(std::string(a_module) + ".f8_e4m3").shape(), Shape{2});
  EXPECT_FALSE(std::filesystem::exists(folder_ / "calibration.safetensors.part"));
  EXPECT_TRUE(is_calibration(file));
  EXPECT_FALSE(is_calibration(testing::tiny_control_path()));
  const CalibrationFile read = inspect_calibration(file);
  ASSERT_EQ(read.modules.size(), found.modules.size());
  for (size_t i = 0; i < read.modules.size(); ++i) {
    EXPECT_EQ(read.modules[i].name, found.modules[i].name);
    EXPECT_EQ(read.modules[i].range_i8, found.modules[i].range_i8);
  }
  EXPECT_NE(read.how.find("\"method\":\"max\""), std::string::npos);
  const std::string bytes = read_file(file);
  calibrate(small_calibration(), folder_ / "again.safetensors");
  EXPECT_EQ(read_file(folder_ / "again.safetensors"), bytes);
}

TEST_F(EightBits, CalibrationGoesOnWhereItWasStopped) {
  const std::string whole = read_file(calibrated());
  const auto file = folder_ / "stopped.safetensors";
  int begun = 0;
  const CalibrationCallbacks stopping{
      [&](const CalibrationProgress& progress) { begun = progress.drawing; },
      [&] { return begun == 1; }};
  EXPECT_TRUE(fails_with(ErrorKind::cancelled, {},
                         [&] { calibrate(small_calibration(), file, stopping); }));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(calibrate(small_calibration(), file).resumed, 1);
  EXPECT_EQ(read_file(file), whole);
}

TEST_F(EightBits, ComparisonFindsWhatIsLostWhere) {
  for (const char* precision : {"fp8", "int8"}) {
    ComparisonOptions options = comparison(precision);
    options.files.keep = {a_module};
    const PrecisionComparison found = compare(options);
    EXPECT_EQ(found.steps, (std::vector<int>{0, 1, 3}));
    ASSERT_EQ(found.psnr.size(), 1u);
    EXPECT_GT(found.psnr[0], 15) << precision;
    EXPECT_LT(found.psnr[0], 75) << precision;
    EXPECT_TRUE(
        std::ranges::is_sorted(found.modules, std::ranges::greater(), &ComparedModule::worst));
    EXPECT_GT(found.modules.front().worst, 1e-3);
    EXPECT_LT(found.modules.front().worst, 1);
    for (const ComparedModule& module : found.modules)
      EXPECT_EQ(module.rounded, module.name != a_module) << module.name;
  }
}

TEST_F(EightBits, TheSamePrecisionLosesNothing) {
  ComparisonOptions options = comparison("fp32");
  options.files.calibration.reset();
  const PrecisionComparison found = compare(options);
  for (const ComparedModule& module : found.modules) EXPECT_EQ(module.worst, 0) << module.name;
}

TEST_F(EightBits, AsManyModulesStayAsTheQualityNeeds) {
  ComparisonOptions options = comparison("int8");
  const double rounded = compare(options).psnr[0];
  const KeptModules none = find_kept(options, rounded - 1);
  EXPECT_TRUE(none.kept.empty());
  const KeptModules some = find_kept(options, rounded + 3);
  EXPECT_FALSE(some.kept.empty());
  EXPECT_GE(some.psnr, rounded + 3);
  const auto mixed = folder_ / "mixed.safetensors";
  write_kept(*options.files.calibration, mixed, "int8", some);
  options.files.calibration = mixed;
  EXPECT_NEAR(compare(options).psnr[0], some.psnr, 1e-9);
}

TEST_F(EightBits, MixedTakesWhatTheQualityAllows) {
  MixedOptions options{.files = tiny_files(),
                       .pipeline = {.device = "cpu"},
                       .quality = 1,
                       .request = small_request()};
  const FoundMixed most = find_mixed(options);
  EXPECT_EQ(most.pipeline.precision, "int8");
  ASSERT_TRUE(most.measured);
  EXPECT_TRUE(most.measured->kept.empty());
  double gain = 0;
  for (const ComparedModule& module : most.measured->comparison.modules) {
    EXPECT_GT(module.gain, 0) << module.name;
    gain += module.gain;
  }
  EXPECT_GT(gain, 0.1);
  EXPECT_LT(gain, 1);

  const double quality = most.measured->psnr + 3;
  options.quality = quality;
  const FoundMixed some = find_mixed(options);
  ASSERT_TRUE(some.measured);
  EXPECT_GE(some.measured->psnr, quality);
  EXPECT_LT(some.measured->kept.size(), some.measured->comparison.modules.size());
  const Image reference =
      Pipeline(tiny_files(), {.device = "cpu"}).generate(small_request()).images[0];
  const Image drawn = Pipeline(some.files, some.pipeline).generate(small_request()).images[0];
  EXPECT_NEAR(psnr(drawn, reference), some.measured->psnr, 1e-9);

  // A calibration that has been made for it says all.
  options.files.calibration = folder_ / "known.safetensors";
  write_kept(*some.files.calibration, *options.files.calibration, "int8", *some.measured);
  const FoundMixed known = find_mixed(options);
  EXPECT_FALSE(known.measured);
  EXPECT_EQ(Pipeline(known.files, known.pipeline).generate(small_request()).images[0], drawn);
}

TEST_F(EightBits, MixedIsRefusedWhereNothingIsDrawn) {
  const PipelineOptions cpu{.device = "cpu"};
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"quality: 32", "prompts"},
                         [&] { find_mixed({.files = tiny_files(), .pipeline = cpu}); }));
  for (const double wrong : {0.0, -1.0, double{INFINITY}, double{NAN}})
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"quality"}, [&] {
      find_mixed(
          {.files = tiny_files(), .pipeline = cpu, .quality = wrong, .request = small_request()});
    }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"plan", "x.plan"}, [&] {
    find_mixed({.files = {.plan = "x.plan"}, .pipeline = cpu, .request = small_request()});
  }));
}

TEST_F(EightBits, PlansKeepRangesAndWhatIsKept) {
  ModelFiles files = tiny_files();
  files.calibration = calibrated();
  files.keep = {"control_model.*"};
  const DeviceOptions device{.device = "cpu", .precision = "int8"};
  const auto plan = folder_ / "int8.plan";
  build_plan(files, plan, {.sizes = {{64, 64}}, .pipeline = device});
  const Image expected = Pipeline(files, device).generate(small_request()).images[0];
  EXPECT_EQ(Pipeline({.plan = plan}).generate(small_request()).images[0], expected);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"precision", "fp32", "int8"}, [&] {
    Pipeline({.plan = plan}, {.device = "cpu", .precision = "fp32"});
  }));
}

TEST_F(EightBits, NoticesSayHowWithoutCalibrationAndWhatIsSlow) {
  for (const char* precision : {"fp8", "int8"}) {
    Pipeline pipeline(tiny_files(), {.device = "cpu", .precision = precision});
    const Result result = pipeline.generate(small_request());
    ASSERT_FALSE(result.notices.empty());
    EXPECT_NE(result.notices[0].find("without calibration"), std::string::npos);
    // No CPU multiplies f8; some multiply i8.
    const bool is_slow = std::ranges::any_of(result.notices, [](const std::string& notice) {
      return notice.find("slower than fp32") != std::string::npos;
    });
    EXPECT_TRUE(is_slow || precision == std::string("int8"));
  }
}

/// The tiny model with other values of some tensors.
std::filesystem::path changed_tiny_model(
    const TemporaryFolder& folder,
    const std::function<void(std::map<std::string, Tensor, std::less<>>&)>& change) {
  const NamedTensors model = read_tensor_file(testing::tiny_model_path()).tensors;
  std::map<std::string, Tensor, std::less<>> tensors(model.tensors.begin(), model.tensors.end());
  change(tensors);
  const auto path = folder / "changed.safetensors";
  write_safetensors(path, tensors, {model.metadata.begin(), model.metadata.end()});
  return path;
}

/// An adapter of a merged projection, a product and a convolution; what it changes them to is set
/// in the model's tensors.
void write_adapter(const std::filesystem::path& path,
                   std::map<std::string, Tensor, std::less<>>& model) {
  constexpr int64_t rank = 2;
  std::map<std::string, Tensor, std::less<>> adapter;
  const std::string block = "model.diffusion_model.input_blocks.1.";
  int seed = 1;
  for (const auto& [name, module] :
       {std::pair("attentions_0_transformer_blocks_0_attn1_to_k",
                  "1.transformer_blocks.0.attn1.to_k"),
        {"attentions_0_transformer_blocks_0_ff_net_0_proj", "1.transformer_blocks.0.ff.net.0.proj"},
        {"resnets_0_conv1", "0.in_layers.2"}}) {
    Tensor& weight = model.at(block + module + ".weight");
    const Tensor before = weight.to_f32();
    const int64_t rows = before.shape()[0], columns = before.type().elements() / rows;
    Shape down_shape = before.shape(), up_shape(before.shape().size(), 1);
    down_shape[0] = up_shape[1] = rank;
    up_shape[0] = rows;
    const Tensor down = testing::random_tensor(down_shape, seed++, 0.2f),
                 up = testing::random_tensor(up_shape, seed++, 0.2f);
    Tensor merged(before.type());
    for (int64_t i = 0; i < rows * columns; ++i) {
      float sum = before.floats()[static_cast<size_t>(i)];
      for (int64_t r = 0; r < rank; ++r)
        sum += up.floats()[static_cast<size_t>(i / columns * rank + r)] *
               down.floats()[static_cast<size_t>(r * columns + i % columns)];
      merged.mutable_floats()[static_cast<size_t>(i)] = sum;
    }
    weight = merged;
    const std::string stem = std::string("lora_unet_down_blocks_0_") + name;
    adapter[stem + ".lora_down.weight"] = down;
    adapter[stem + ".lora_up.weight"] = up;
  }
  write_safetensors(path, adapter);
}

/// What an adapter touches is rounded as if the model had come so.
TEST_F(EightBits, AnAdapterIsMergedAndRoundedAnew) {
  const auto adapter = folder_ / "adapter.safetensors";
  const auto merged =
      changed_tiny_model(folder_, [&](auto& tensors) { write_adapter(adapter, tensors); });
  Request request = small_request();
  request.loras = {{adapter.string(), 1, {}}};
  for (const double smooth : {0.0, 0.5}) {
    CalibrationOptions calibration = small_calibration();
    calibration.smooth = smooth;
    ModelFiles files = tiny_files();
    files.calibration = folder_ / "calibration.safetensors";
    calibrate(calibration, *files.calibration);
    ModelFiles changed = files;
    changed.model = merged;
    for (const char* precision : {"int8", "fp8"}) {
      const DeviceOptions device{.device = "cpu", .precision = precision};
      Pipeline pipeline(files, device);
      const Image plain = pipeline.generate(small_request()).images[0],
                  adapted = pipeline.generate(request).images[0];
      EXPECT_GT(psnr(adapted, Pipeline(changed, device).generate(small_request()).images[0]), 45)
          << precision << ", smooth " << smooth;
      EXPECT_LT(psnr(adapted, plain), 35) << precision << ", smooth " << smooth;
      EXPECT_EQ(pipeline.generate(small_request()).images[0], plain) << precision;
    }
  }
}

TEST_F(EightBits, ComparisonTellsOfAdapters) {
  ComparisonOptions options = comparison("int8");
  options.files.loras = testing::data("lora");
  const PrecisionComparison plain = compare(options);
  options.request.loras = {{"kohya_unet.safetensors", 1, {}}};
  const PrecisionComparison adapted = compare(options);
  ASSERT_EQ(adapted.modules.size(), plain.modules.size());
  EXPECT_GT(adapted.modules.front().worst, 1e-3);
  EXPECT_LT(adapted.modules.front().worst, 1);
  EXPECT_NE(adapted.psnr, plain.psnr);
  EXPECT_GT(adapted.psnr[0], 15);
}

/// A channel that reaches far beyond others, for which the weight makes up, costs eight bits
/// nothing where SmoothQuant moves it into the weight.
TEST_F(EightBits, SmoothingTakesOutliersAway) {
  constexpr float factor = 256;
  ModelFiles files = tiny_files();
  files.model = changed_tiny_model(folder_, [&](auto& tensors) {
    for (auto& [name, tensor] : tensors) {
      const bool is_norm = name.ends_with(".norm3.weight") || name.ends_with(".norm3.bias");
      if (!is_norm && !name.ends_with(".ff.net.0.proj.weight")) continue;
      const Tensor values = tensor.to_f32();
      Tensor changed({DType::f32, values.shape()});
      std::ranges::copy(values.floats(), changed.mutable_floats().begin());
      const auto columns = static_cast<size_t>(values.shape().back());
      for (size_t i = 0; i < changed.floats().size(); i += columns)
        changed.mutable_floats()[i] *= is_norm ? factor : 1 / factor;
      tensor = changed;
    }
  });
  CalibrationOptions calibration = small_calibration();
  calibration.files = files;
  const auto error = [&](double smooth) {
    calibration.smooth = smooth;
    files.calibration = folder_ / "calibration.safetensors";
    calibrate(calibration, *files.calibration);
    const PrecisionComparison found = compare({.files = files,
                                               .a = {.device = "cpu"},
                                               .b = {.device = "cpu", .precision = "int8"},
                                               .request = small_request()});
    double sum = 0;
    int count = 0;
    for (const ComparedModule& module : found.modules)
      if (module.name.ends_with(".ff.net.0.proj")) sum += module.worst, ++count;
    return sum / count;
  };
  EXPECT_LT(error(0.5), 0.5 * error(0));
}

TEST_F(EightBits, APictureDoesNotDependOnItsBatch) {
  ModelFiles files = tiny_files();
  files.calibration = calibrated();
  Pipeline pipeline(files, {.device = "cpu", .precision = "int8"});
  Request request = small_request();
  request.noise = NoiseKind::per_sample;
  const Image alone = pipeline.generate(request).images[0];
  request.samples = 3;
  EXPECT_EQ(pipeline.generate(request).images[0], alone);
}

TEST_F(EightBits, WhatDoesNotFitIsRefusedByName) {
  ModelFiles files = tiny_files();
  const DeviceOptions int8{.device = "cpu", .precision = "int8"};
  files.calibration = testing::tiny_model_path();
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_file, {"is no calibration file"}, [&] { Pipeline(files, int8); }));
  files.calibration.reset();
  files.keep = {"model.diffusion_model.middle_blok.0"};
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"keep", "middle_blok", "middle_block"},
                         [&] { Pipeline(files, int8); }));
  files.keep = {a_module};
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"keep", "neither fp8 nor int8"},
                         [&] { Pipeline(files, {.device = "cpu"}); }));
  CalibrationOptions options = small_calibration();
  options.pipeline.precision = "int8";
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"precision: int8"},
                         [&] { calibrate(options, folder_ / "x.safetensors"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"method", "best", "entropy"},
                         [] { range_method_named("best"); }));
}

}  // namespace
}  // namespace drypoint
