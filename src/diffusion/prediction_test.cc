// What a model predicts, from its files to its pictures and plans.
#include <fmt/format.h>

#include <cmath>

#include "checkpoint/safetensors.h"
#include "diffusion/model/stages.h"
#include "diffusion/request/sampling.h"
#include "drypoint/plan.h"
#include "models/synth.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::TemporaryFolder;

const PipelineOptions cpu{.device = "cpu"};

/// A tiny Stable Diffusion 2 that does not say what it predicts.
std::filesystem::path unmarked(const TemporaryFolder& folder,
                               const std::function<void(NamedTensors&)>& change) {
  NamedTensors all = synthesized({.arch = "tiny-sd21"});
  change(all);
  write_safetensors(folder / "m.safetensors", all.tensors);
  return folder / "m.safetensors";
}

Request tiny_request() {
  Request request;
  request.prompt = "a bird";
  request.seed = 5;
  request.steps = 2;
  request.image = {16, 16, 1, std::vector<uint8_t>(256)};
  request.is_edges = true;
  return request;
}

TEST(Prediction, IsTheModelsUnlessOneIsAskedFor) {
  const ModelFiles files{.model = "random:tiny-sd21"};
  EXPECT_EQ(Stages(files, cpu).prediction(), Prediction::v);
  EXPECT_TRUE(Stages(files, cpu).notices().empty());
  ModelFiles as_epsilon = files;
  as_epsilon.prediction = Prediction::epsilon;
  Pipeline v(files, cpu), epsilon(as_epsilon, cpu);
  EXPECT_NE(v.generate(tiny_request()).images, epsilon.generate(tiny_request()).images);
  EXPECT_EQ(Stages({.model = "random:tiny"}, cpu).prediction(), Prediction::epsilon);
  EXPECT_TRUE(Stages({.model = "random:tiny"}, cpu).notices().empty());
}

TEST(Prediction, ThatIsGuessedIsTold) {
  TemporaryFolder folder;
  const auto taken_for = [&](const std::string& what, const Stages& model) {
    return model.notices().size() == 1 &&
           model.notices()[0].find("m.safetensors: nothing says") != std::string::npos &&
           model.notices()[0].find("taken for " + what) != std::string::npos;
  };
  EXPECT_TRUE(taken_for("epsilon", Stages({.model = unmarked(folder, [](auto&) {})}, cpu)));
  const Stages v({.model = unmarked(folder,
                                    [](NamedTensors& all) {
                                      std::vector<float> bias(64, 0.2f);
                                      for (size_t i = 0; i < 64; i += 2) bias[i] = -0.2f;
                                      all.tensors
                                          ["model.diffusion_model.output_blocks.11.1."
                                           "transformer_blocks.0.norm1.bias"] =
                                          make_tensor({64}, bias);
                                    })},
                 cpu);
  EXPECT_TRUE(taken_for("v", v));
  EXPECT_EQ(v.prediction(), Prediction::v);
}

TEST(Prediction, WithoutSignalAtTheEndServesEverySampler) {
  TemporaryFolder folder;
  const auto path = unmarked(folder, [](NamedTensors& all) {
    for (const char* mark : {"v_pred", "ztsnr"}) all.tensors[mark] = Tensor({DType::f32, {0}});
  });
  const Stages model({.model = path}, cpu);
  EXPECT_EQ(model.prediction(), Prediction::v);
  EXPECT_EQ(model.noise_schedule().at(999).signal, 0);
  for (const NamedSampler& sampler : named_samplers()) {
    Request request;
    request.steps = 6;
    request.sampler = sampler.name;
    for (const auto schedule : {ScheduleKind::automatic, ScheduleKind::trailing,
                                ScheduleKind::uniform, ScheduleKind::karras}) {
      request.schedule = schedule;
      SCOPED_TRACE(fmt::format("{}, {}", sampler.name, name(schedule)));
      const SamplerTable table = sampler_table(request, model.noise_schedule(), model.prediction());
      EXPECT_TRUE(std::isfinite(table.start_noise));
      for (const auto& row : table.rows)
        for (const float share : row.matrix) ASSERT_TRUE(std::isfinite(share));
    }
  }
}

TEST(Prediction, IsKeptInAPlan) {
  TemporaryFolder folder;
  const ModelFiles files{.model = "random:tiny-sd21"};
  build_plan(files, folder / "m.plan", {.sizes = {{16, 16}}, .pipeline = cpu});
  const ModelFiles plan{.plan = folder / "m.plan"};
  const Stages model(plan, cpu);
  EXPECT_EQ(model.prediction(), Prediction::v);
  EXPECT_EQ(model.tokenizer().encode("a bird").ids.back(), 0);
  EXPECT_EQ(Pipeline(plan, cpu).generate(tiny_request()).images,
            Pipeline(files, cpu).generate(tiny_request()).images);
}

TEST(Padding, IsTheTextEncodersWhereNoTokenizerSaysIt) {
  const auto padding = [](const char* model) {
    return Stages({.model = model}, cpu).tokenizer().encode("a bird!").ids;
  };
  EXPECT_EQ(padding("random:tiny").back(), 49407);
  const auto ids = padding("random:tiny-sd21");
  EXPECT_EQ((std::vector<int64_t>{ids.begin() + 3, ids.begin() + 6}),
            (std::vector<int64_t>{256, 49407, 0}));
}

}  // namespace
}  // namespace drypoint
