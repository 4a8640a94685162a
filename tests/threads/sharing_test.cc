// Devices and models that several pipelines have in common.
#include <cmath>
#include <thread>

#include "base/memory.h"
#include "checkpoint/safetensors.h"
#include "diffusion/model/model.h"
#include "drypoint/plan.h"
#include "drypoint/queue.h"
#include "models/assemble.h"
#include "support/test_support.h"
#include "threads/devices.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;
using testing::tiny_files;

DeviceOptions two_threads() { return {.device = "cpu", .threads = 2}; }

Request dotted_request(uint64_t seed, int side = 16) {
  Request request;
  request.prompt = "a cat";
  request.seed = seed;
  request.steps = 2;
  request.image = {side, side, 1, std::vector<uint8_t>(static_cast<size_t>(side * side))};
  for (size_t i = 0; i < request.image.pixels.size(); i += 3) request.image.pixels[i] = 255;
  request.is_edges = true;
  return request;
}

/// Another ControlNet of the same shapes.
std::filesystem::path other_control(const TemporaryFolder& folder) {
  auto control = load_checkpoint(testing::tiny_control_path()).tensors.tensors;
  for (auto& [name, tensor] : control) {
    tensor = tensor.to_f32().reshaped(tensor.shape());
    for (float& value : tensor.mutable_floats()) value *= 1.25f;
  }
  write_safetensors(folder / "other.safetensors", control);
  return folder / "other.safetensors";
}

TEST(Sharing, APipelineMoreTakesNoMoreWeights) {
  const Model model(tiny_files(), two_threads());
  EXPECT_EQ(model.weight_bytes(), 0u);
  Pipeline first(model);
  const auto images = first.generate(dotted_request(1)).images;
  release_free_memory();
  const size_t weights = model.weight_bytes(), before = touched_host_memory();
  EXPECT_GT(weights, size_t{10} << 20);
  Pipeline second(model);
  EXPECT_EQ(second.generate(dotted_request(1)).images, images);
  release_free_memory();
  EXPECT_EQ(model.weight_bytes(), weights);
  // What it does take is for its pictures: next to no weights as small as these, 4 MiB.
  EXPECT_LT(touched_host_memory(), before + weights / 2);
}

TEST(Sharing, AModelOutlivesWhoOpenedIt) {
  std::optional<Device> device(two_threads());
  std::optional<Model> model(std::in_place, tiny_files(), *device);
  EXPECT_EQ(model->device().name(), "cpu");
  device.reset();
  Pipeline pipeline(*model);
  const Request defaults = model->defaults();
  model.reset();
  EXPECT_EQ(pipeline.defaults().steps, defaults.steps);
  EXPECT_EQ(pipeline.generate(dotted_request(1)).images,
            Pipeline(tiny_files(), two_threads()).generate(dotted_request(1)).images);
}

TEST(Sharing, PipelinesSideBySideDrawWhatEachDrawsAlone) {
  const auto request_for = [](uint64_t seed) {
    return dotted_request(seed, seed % 2 == 0 ? 16 : 24);
  };
  for (const DeviceOptions& options : testing::devices({"fp16"})) {
    SCOPED_TRACE(options.device);
    const Device device(options);
    const Model model(tiny_files(), device), twin(tiny_files(), device);
    std::vector<std::vector<Image>> expected;
    Pipeline alone(tiny_files(), options);
    for (uint64_t seed = 0; seed < 4; ++seed)
      expected.push_back(alone.generate(request_for(seed)).images);
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        Pipeline pipeline(t < 3 ? model : twin);
        for (uint64_t i = 0; i < 4; ++i) {
          const uint64_t seed = (t + i) % 4;
          EXPECT_TRUE(pipeline.generate(request_for(seed)).images == expected[seed]) << seed;
        }
      });
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(Sharing, AnotherControlNetIsForAllPipelines) {
  TemporaryFolder folder;
  const auto other = other_control(folder);
  ModelFiles with_other = tiny_files();
  with_other.control = other;
  const auto expected = Pipeline(with_other, two_threads()).generate(dotted_request(1)).images;
  Model model(tiny_files(), two_threads());
  Pipeline first(model), second(model);
  const auto before = first.generate(dotted_request(1)).images;
  EXPECT_EQ(second.generate(dotted_request(1)).images, before);
  first.set_control(other);
  EXPECT_EQ(second.description().control, "other");
  EXPECT_EQ(second.generate(dotted_request(1)).images, expected);
  EXPECT_EQ(first.generate(dotted_request(1)).images, expected);
  model.set_control(testing::tiny_control_path());
  EXPECT_EQ(second.generate(dotted_request(1)).images, before);
}

TEST(Sharing, AControlNetChangesBetweenPicturesNotInThem) {
  TemporaryFolder folder;
  const std::filesystem::path paths[] = {testing::tiny_control_path(), other_control(folder)};
  std::vector<std::vector<Image>> either;
  for (const auto& path : paths) {
    ModelFiles files = tiny_files();
    files.control = path;
    either.push_back(Pipeline(files, two_threads()).generate(dotted_request(1)).images);
  }
  Model model(tiny_files(), two_threads());
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&] {
      Pipeline pipeline(model);
      for (int i = 0; i < 6; ++i) {
        const auto images = pipeline.generate(dotted_request(1)).images;
        EXPECT_TRUE(images == either[0] || images == either[1]) << i;
      }
    });
  for (int i = 0; i < 6; ++i) model.set_control(paths[i % 2]);
  for (std::thread& thread : threads) thread.join();
}

TEST(Sharing, APlanRunsOnADeviceOfItsKind) {
  TemporaryFolder folder;
  build_plan(tiny_files(), folder / "tiny.plan", {.sizes = {{16, 16}}, .pipeline = two_threads()});
  const ModelFiles plan{.plan = folder / "tiny.plan"};
  const Device device(two_threads());
  Pipeline first(Model(plan, device)), second(Model(tiny_files(), device));
  EXPECT_EQ(first.generate(dotted_request(1)).images, second.generate(dotted_request(1)).images);
  EXPECT_GT(first.model().weight_bytes(), size_t{10} << 20);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"tiny.plan", "reference in fp32", "cpu in fp32"},
                         [&] { Model(plan, Device({.device = "reference"})); }));
}

/// Each picture has the adapters of its own request, whoever else draws with the model.
TEST(Sharing, RequestsBringTheirAdapters) {
  for (const DeviceOptions& device : testing::devices({"fp32", "fp16"})) {
    ModelFiles files = tiny_files();
    files.loras = testing::data("lora");
    const Model model(files, device);
    std::vector<Request> requests(4, dotted_request(3));
    requests[1].loras = {{"locon", 0.8, {}}};
    requests[2].prompt += " <lora:kohya_unet_text:1:0>";
    requests[3].loras = {{"loha", -0.5, {}}, {"dora_out", 0.5, {}}};
    std::vector<std::vector<Image>> alone;
    Pipeline first(model);
    for (const Request& request : requests) alone.push_back(first.generate(request).images);
    for (size_t i = 1; i < alone.size(); ++i) EXPECT_NE(alone[i], alone[0]) << i;

    std::vector<std::thread> threads;
    for (size_t t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        Pipeline own(model);
        for (size_t i = 0; i < 6; ++i) {
          const size_t which = (i + t) % requests.size();
          EXPECT_EQ(own.generate(requests[which]).images, alone[which]) << which;
        }
      });
    for (std::thread& thread : threads) thread.join();

    Queue queue(model);
    std::vector<Job> jobs;
    for (size_t i = 0; i < 8; ++i) jobs.push_back(queue.push(requests[i % requests.size()]));
    for (size_t i = 0; i < 8; ++i)
      EXPECT_EQ(jobs[i].result().images, alone[i % requests.size()]) << i;
  }
}

TEST(Sharing, AnAdapterThatIsNotFiniteIsRefusedAndForgotten) {
  const TemporaryFolder folder;
  const Model model(tiny_files(), two_threads());
  Pipeline pipeline(model);
  const auto plain = pipeline.generate(dotted_request(1)).images;
  const std::string module = "lora_unet_mid_block_attentions_0_proj_in";
  const auto write = [&](const char* name, float value) {
    Tensor up = make_tensor({64, 1}, std::vector<float>(64, value));
    write_safetensors(folder / name, {{module + ".lora_up.weight", up},
                                      {module + ".lora_down.weight", up.reshaped({1, 64})}});
    Request request = dotted_request(1);
    request.loras = {{(folder / name).string(), 1, {}}};
    return request;
  };
  const Request nan = write("nan.safetensors", NAN), huge = write("huge.safetensors", 1e30f);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(fails_with(ErrorKind::non_finite,
                           {"nan.safetensors", module + ".lora_down.weight", "NaN"},
                           [&] { pipeline.generate(nan); }));
    EXPECT_EQ(pipeline.generate(dotted_request(1)).images, plain);
    EXPECT_TRUE(fails_with(ErrorKind::non_finite,
                           {"model.diffusion_model.middle_block.1.proj_in.weight", "adapters"},
                           [&] { pipeline.generate(huge); }));
    EXPECT_EQ(pipeline.generate(dotted_request(1)).images, plain);
  }
}

}  // namespace
}  // namespace drypoint
