// Plans draw what their checkpoints draw, and say what does not fit.
#include <cmath>
#include <fstream>
#include <random>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "diffusion/model/model.h"
#include "drypoint/plan.h"
#include "models/assemble.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;
using testing::tiny_files;
using Tensors = std::map<std::string, Tensor, std::less<>>;

Request small_request(int side = 16) {
  Request request;
  request.prompt = "a cat";
  request.seed = 1;
  request.steps = 1;
  request.image = {side, side, 1, std::vector<uint8_t>(static_cast<size_t>(side * side))};
  for (size_t i = 0; i < request.image.pixels.size(); i += 3) request.image.pixels[i] = 255;
  request.is_edges = true;
  return request;
}

/// One plan for all tests, for pictures of 16x16, and another ControlNet.
class Plans : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    build_plan(tiny_files(), plan(), {.sizes = {{16, 16}}, .pipeline = cpu()});
    Tensors control = load_checkpoint(testing::tiny_control_path()).tensors.tensors;
    for (auto& [name, tensor] : control) {
      tensor = tensor.to_f32().reshaped(tensor.shape());
      for (float& value : tensor.mutable_floats()) value *= 1.25f;
    }
    write_safetensors(*folder_ / "other.safetensors", control);
  }
  static void TearDownTestSuite() { delete folder_; }

  static PipelineOptions cpu() { return {.device = "cpu", .threads = 2}; }
  static std::filesystem::path plan() { return *folder_ / "tiny.plan"; }
  static std::filesystem::path other() { return *folder_ / "other.safetensors"; }
  static ModelFiles files() { return {.plan = plan()}; }

  static void expect_same(const Result& a, const Result& b) {
    EXPECT_EQ(a.images, b.images);
    EXPECT_EQ(a.parameters, b.parameters);
  }
  static ::testing::AssertionResult refused(ErrorKind kind,
                                            std::initializer_list<std::string> parts,
                                            const ModelFiles& files,
                                            const PipelineOptions& options = cpu()) {
    return fails_with(kind, parts, [&] { Pipeline(files, options); });
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* Plans::folder_ = nullptr;

TEST_F(Plans, DrawWhatTheirCheckpointsDraw) {
  Pipeline from_plan(files(), cpu()), from_files(tiny_files(), cpu());
  std::vector<Request> requests(6, small_request());
  requests[1] = small_request(40);  // another size
  requests[2].guidance_scale = 1;
  requests[3].guess_mode = true;
  requests[4].eta = 1;
  requests[5].samples = 2;
  for (const Request& request : requests)
    expect_same(from_plan.generate(request), from_files.generate(request));
}

TEST_F(Plans, SayWhatTheyAreFor) {
  const PlanInfo info = inspect_plan(plan(), true);
  EXPECT_EQ(info.device.kind, "cpu");
  EXPECT_EQ(info.device.precision, "fp32");
  EXPECT_EQ(info.sizes, (std::vector<ImageSize>{{16, 16}}));
  EXPECT_EQ(info.parts.size(), 4u);
  EXPECT_TRUE(info.any_size);
  EXPECT_TRUE(is_plan(plan()));
  EXPECT_FALSE(is_plan(other()));
  EXPECT_FALSE(is_plan(folder_->path()));
  Pipeline pipeline(files(), cpu());
  EXPECT_EQ(pipeline.description().model, "sd15");
  EXPECT_EQ(pipeline.description().control, "control");
}

TEST_F(Plans, TakeAnotherControlNet) {
  ModelFiles with_other = tiny_files();
  with_other.control = other();
  Pipeline expected(with_other, cpu());
  const Request request = small_request(), large = small_request(24);
  for (const ModelFiles& start : {files(), tiny_files()}) {
    Pipeline pipeline(start, cpu());
    const Result before = pipeline.generate(request);
    pipeline.generate(large);
    pipeline.set_control(other());
    EXPECT_EQ(pipeline.description().control, "other");
    expect_same(pipeline.generate(request), expected.generate(request));
    expect_same(pipeline.generate(large), expected.generate(large));
    EXPECT_NE(pipeline.generate(request).images, before.images);
    pipeline.set_control(testing::tiny_control_path());
    expect_same(pipeline.generate(request), before);
  }
  ModelFiles at_once = files();
  at_once.control = other();
  expect_same(Pipeline(at_once, cpu()).generate(request), expected.generate(request));
}

TEST_F(Plans, ChangeNothingForAControlNetThatDoesNotFit) {
  const std::string name = "control_model.middle_block.0.in_layers.2.bias";
  const auto changed = [&](const std::function<void(Tensors&)>& change) {
    Tensors tensors = load_checkpoint(testing::tiny_control_path()).tensors.tensors;
    change(tensors);
    write_safetensors(*folder_ / "changed.safetensors", tensors);
    return *folder_ / "changed.safetensors";
  };
  Pipeline pipeline(files(), cpu());
  const Result before = pipeline.generate(small_request());
  const auto refuses = [&](ErrorKind kind, std::initializer_list<std::string> parts,
                           const std::filesystem::path& path) {
    EXPECT_TRUE(fails_with(kind, parts, [&] { pipeline.set_control(path); }));
    expect_same(pipeline.generate(small_request()), before);
  };
  refuses(ErrorKind::bad_file, {"changed", name, "f16[7]", "expected floating-point [64]"},
          changed([&](Tensors& t) {
            t[name] = Tensor({DType::f16, {7}});
          }));
  refuses(ErrorKind::bad_file, {"changed", name, "missing"},
          changed([&](Tensors& t) { t.erase(name); }));
  refuses(ErrorKind::non_finite, {"changed", name, "value 3"}, changed([&](Tensors& t) {
            std::vector<float> values(64, 0);
            values[3] = NAN;
            t[name] = make_tensor({64}, values);
          }));
  refuses(ErrorKind::bad_file, {"expected a ControlNet"}, testing::tiny_model_path());
  refuses(ErrorKind::bad_file, {"No such file"}, "none.safetensors");
}

TEST_F(Plans, NameWhatContradictsThem) {
  const std::string path = plan().string();
  EXPECT_TRUE(refused(ErrorKind::bad_argument, {"device: \"reference\"", path, "cpu"}, files(),
                      {.device = "reference"}));
  EXPECT_TRUE(refused(ErrorKind::bad_argument, {"precision: \"fp16\"", path, "fp32"}, files(),
                      {.device = "cpu", .precision = "fp16"}));
  ModelFiles both = files();
  both.model = testing::tiny_model_path();
  EXPECT_TRUE(refused(ErrorKind::bad_argument, {"model", path}, both));
  both = files();
  both.vae = testing::tiny_model_path();
  EXPECT_TRUE(refused(ErrorKind::bad_argument, {"vae", path}, both));
  EXPECT_TRUE(
      refused(ErrorKind::bad_file, {"is a plan, expected a checkpoint"}, {.model = plan()}));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"plan", "expected a checkpoint"},
                         [&] { build_plan(files(), *folder_ / "b.plan"); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"is built from"},
                         [&] { build_plan({.model = other()}, other()); }));
}

/// The plan with another header.
std::filesystem::path with(const TemporaryFolder& folder, const std::filesystem::path& plan,
                           const std::function<void(PlanInfo&)>& change) {
  const PlanFile file(plan);
  PlanContents contents{.info = file.info(), .checkpoint = file.checkpoint()};
  change(contents.info);
  contents.info.packed_bytes = contents.info.checkpoint_bytes = 0;
  for (const auto& [name, tensor] : file.checkpoint().tensors.tensors)
    contents.tensors.push_back(name);
  contents.keep_tensors = true;
  for (const PackedWeight& weight : file.packed())
    contents.packed.push_back({weight.key, weight.bytes});
  contents.bytes_of = [&](size_t i) {
    return file.packed_bytes().subspan(file.packed()[i].offset, file.packed()[i].bytes);
  };
  write_plan(folder / "changed.plan", contents, [](double) {});
  return folder / "changed.plan";
}

TEST_F(Plans, OfOtherDevicesAndVersionsAreRefused) {
  const auto changed = [&](const std::function<void(PlanInfo&)>& change) {
    return ModelFiles{.plan = with(*folder_, plan(), change)};
  };
  expect_same(Pipeline(changed([](PlanInfo&) {}), cpu()).generate(small_request()),
              Pipeline(files(), cpu()).generate(small_request()));
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"changed.plan", "drypoint 9.9", "build it again"},
                      changed([](PlanInfo& info) { info.producer = "9.9"; })));
  EXPECT_TRUE(refused(ErrorKind::bad_file, {"changed.plan", "code 0123", "build it again"},
                      changed([](PlanInfo& info) { info.device.code = "0123"; })));
  EXPECT_TRUE(refused(ErrorKind::unsupported, {"changed.plan", "SSE1", "build it again"},
                      changed([](PlanInfo& info) { info.device.hardware = "SSE1"; })));
  EXPECT_TRUE(refused(ErrorKind::bad_argument, {"changed.plan", "abacus"},
                      changed([](PlanInfo& info) { info.device.kind = "abacus"; })));
  EXPECT_TRUE(refused(ErrorKind::bad_argument, {"abacus"},
                      changed([](PlanInfo& info) { info.device.kind = "abacus"; }), {}));
  EXPECT_TRUE(refused(ErrorKind::unsupported, {"precision", "fp16"},
                      changed([](PlanInfo& info) { info.device.precision = "fp16"; })));
}

TEST_F(Plans, DamageIsNamedOrDoesNoHarm) {
  const Result expected = Pipeline(files(), cpu()).generate(small_request());
  const std::string good = read_file(plan());
  const auto path = *folder_ / "damaged.plan";
  std::mt19937_64 random(7);
  int refused_count = 0;
  for (int i = 0; i < 40; ++i) {
    std::string text = good;
    if (i % 4 == 0)
      text.resize(random() % text.size());
    else  // half of them where the header is
      text[random() % (i % 2 ? text.size() : size_t{1} << 18)] ^= static_cast<char>(1 << i % 8);
    write_file(path, text);
    try {
      expect_same(Pipeline({.plan = path}, cpu()).generate(small_request()), expected);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("damaged.plan"), std::string::npos) << error.what();
      ++refused_count;
    }
  }
  EXPECT_GT(refused_count, 20);
}

TEST_F(Plans, OnlyForSomeSizesSayWhatOthersLack) {
  const auto path = *folder_ / "only.plan";
  const BuiltPlan built =
      build_plan(tiny_files(), path, {.sizes = {{16, 16}}, .any_size = false, .pipeline = cpu()});
  EXPECT_LT(built.info.file_bytes, inspect_plan(plan()).file_bytes);
  EXPECT_FALSE(built.info.any_size);
  Pipeline pipeline({.plan = path}, cpu());
  expect_same(pipeline.generate(small_request()),
              Pipeline(tiny_files(), cpu()).generate(small_request()));
  // Larger pictures' convolutions go another way.
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"only.plan", "weight", "build it for them too"},
                         [&] { pipeline.generate(small_request(256)); }));
}

TEST_F(Plans, CarryConfigurationsAndVocabulary) {
  const auto model = *folder_ / "model";
  const std::map<std::string, std::string> prefixes{{"unet", "model.diffusion_model."},
                                                    {"vae", "first_stage_model."},
                                                    {"text_encoder", "cond_stage_model."}};
  for (const auto& [part, prefix] : prefixes) {
    std::filesystem::create_directories(model / part);
    Tensors own;
    for (const auto& [name, tensor] : load_checkpoint(testing::tiny_model_path()).tensors.tensors)
      if (name.starts_with(prefix)) own[name] = tensor;
    write_safetensors(model / part / "diffusion_pytorch_model.safetensors", own);
  }
  write_file(model / "unet/config.json", R"({"norm_num_groups": 16})");
  write_file(model / "vae/config.json", R"({"scaling_factor": 0.5})");
  std::filesystem::copy(testing::data("text/small"), model / "tokenizer");
  const ModelFiles folder{.model = model, .control = testing::tiny_control_path()};
  const auto path = *folder_ / "folder.plan";
  const BuiltPlan built = build_plan(folder, path, {.sizes = {{16, 16}}, .pipeline = cpu()});
  EXPECT_TRUE(built.info.has_tokenizer);
  const Result expected = Pipeline(folder, cpu()).generate(small_request());
  std::filesystem::remove_all(model);
  const Result drawn = Pipeline({.plan = path}, cpu()).generate(small_request());
  expect_same(drawn, expected);
  EXPECT_NE(drawn.images, Pipeline(files(), cpu()).generate(small_request()).images);
}

TEST_F(Plans, WrittenToWhileDrawingGiveNoPicture) {
  const auto path = *folder_ / "written_to.plan";
  std::filesystem::copy_file(plan(), path);
  Pipeline pipeline({.plan = path}, cpu());
  expect_same(pipeline.generate(small_request()),
              Pipeline(files(), cpu()).generate(small_request()));
  const Callbacks callbacks{[&](const Progress& progress) {
    if (progress.stage != Stage::denoise || progress.done != 1) return;
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 2));
    file.write(std::string(1000, 'x').data(), 1000);
  }};
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {path.string(), "written to"},
                         [&] { pipeline.generate(small_request(), callbacks); }));
}

TEST_F(Plans, BuildingEndsWhenAsked) {
  const auto path = *folder_ / "stopped.plan";
  for (const char* moment : {"text encoder", "denoiser", "writing"}) {
    bool reached = false;
    const BuildCallbacks callbacks{
        [&](const BuildProgress& progress) { reached |= progress.what.starts_with(moment); },
        [&] { return reached; }};
    EXPECT_TRUE(fails_with(ErrorKind::cancelled, {"cancelled"}, [&] {
      build_plan(tiny_files(), path, {.sizes = {{16, 16}}, .pipeline = cpu()}, callbacks);
    })) << moment;
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

}  // namespace
}  // namespace drypoint
