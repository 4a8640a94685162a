#include "diffusion/noise/noise_source.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "checkpoint/formats.h"
#include "diffusion/noise/seed_sequence.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using nlohmann::json;
using testing::close;

const NamedTensors& golden_noise() {
  static const NamedTensors tensors =
      read_tensor_file(testing::data("noise/noise.safetensors")).tensors;
  return tensors;
}

json noise_cases(const char* group) {
  return json::parse(read_file(testing::data("noise/cases.json")))[group];
}

RandomKind kind_of(const json& entry) {
  return entry["kind"] == "NV" ? RandomKind::nv : RandomKind::cpu;
}

Request request_of(const json& entry) {
  Request request;
  request.compat = CompatKind::a1111;
  request.random.kind = kind_of(entry);
  request.samples = static_cast<int>(entry["seeds"].size());
  request.ensd = entry["ensd"];
  request.subseed_strength = entry["strength"];
  if (entry["subseeds"].is_array()) request.subseed = entry["subseeds"][0];
  request.seed_resize = {entry["resize"][1], entry["resize"][0]};
  return request;
}

TEST(SeedSequence, IsNumpys) {
  EXPECT_EQ(seed_words(7, {}, 24, 3), (std::vector<uint32_t>{1376543887, 623213690, 436845524}));
  EXPECT_EQ(seed_words((uint64_t{1} << 40) + 5, {3, 2}, 24, 4),
            (std::vector<uint32_t>{1871255777, 2879413523, 1352781655, 4038398907}));
}

TEST(Noise, OfKindNvIsTheWebUis) {
  int checked = 0;
  for (const auto& [name, tensor] : golden_noise().tensors) {
    unsigned long long seed = 0;
    if (std::sscanf(name.c_str(), "nv.seed%llu.n", &seed) != 1 || name.ends_with("_a") ||
        name.ends_with("_b") || name.ends_with("_c"))
      continue;
    std::vector<float> values(tensor.to_f32().floats().size());
    make_generator({.kind = RandomKind::nv}, seed)->randn(values);
    EXPECT_TRUE(close(values, tensor.to_f32().floats(), 1e-7)) << name;
    ++checked;
  }
  EXPECT_EQ(checked, 3);
  const auto generator = make_generator({.kind = RandomKind::nv}, 5);
  for (const char* name : {"nv.seed5.draw_a", "nv.seed5.draw_b", "nv.seed5.draw_c"}) {
    const Tensor expected = golden_noise().at(name).to_f32();
    std::vector<float> values(expected.floats().size());
    generator->randn(values);
    EXPECT_TRUE(close(values, expected.floats(), 1e-7)) << name;
  }
}

/// Variations, other sizes and ENSD, of one picture and of several.
TEST(Noise, IsTheWebUisDrawByDraw) {
  for (const json& entry : noise_cases("draws")) {
    const std::string name = entry["name"];
    const Request request = request_of(entry);
    NoiseSource source(request, entry["seeds"][0], {});
    for (int i = 0; i <= entry["draws"].get<int>(); ++i) {
      const Tensor expected = golden_noise().at(fmt::format("rng.{}.{}", name, i)).to_f32();
      const Shape& shape = expected.shape();
      std::vector<float> values(expected.floats().size());
      if (i == 0)
        source.begin(values, {shape[1], shape[2], shape[3]});
      else
        source.draw(values, {});
      EXPECT_TRUE(close(values, expected.floats(), 2e-6)) << name << " draw " << i;
    }
  }
}

TEST(Noise, OfABrownianPathIsTorchsdes) {
  for (const json& entry : noise_cases("trees")) {
    const std::string name = entry["name"];
    const Tensor from = golden_noise().at("tree." + name + ".from").to_f32(),
                 to = golden_noise().at("tree." + name + ".to").to_f32();
    double low = 1e9, high = 0;
    for (const float sigma : to.floats()) low = std::min(low, double{sigma});
    for (const float sigma : from.floats()) high = std::max(high, double{sigma});
    if (name == "batch") low = golden_noise().at("tree.2m_sde.to").to_f32().floats().back();
    const auto seeds = entry["seeds"].get<std::vector<uint64_t>>();
    for (size_t i = 0; i < from.floats().size(); ++i) {
      const Tensor expected = golden_noise().at(fmt::format("tree.{}.{}", name, i)).to_f32();
      const size_t one = expected.floats().size() / seeds.size();
      for (size_t s = 0; s < seeds.size(); ++s) {
        std::vector<float> values(one);
        BrownianTree({.kind = kind_of(entry)}, seeds[s], low, high)
            .noise(from.floats()[i], to.floats()[i], values);
        EXPECT_TRUE(close(values, expected.floats().subspan(s * one, one), 1e-6))
            << name << " way " << i << " seed " << seeds[s];
      }
    }
  }
}

SamplerTable brownian_table() {
  SamplerTable table;
  table.brownian = true;
  table.draws = {{14.6, 3.5}, {3.5, 0.75}, {0.75, 0.03}};
  return table;
}

TEST(Noise, OfAPictureIsTheSameInABatch) {
  const SamplerTable table = brownian_table();
  Request request;
  request.compat = CompatKind::a1111;
  request.samples = 3;
  NoiseSource together(request, 11, table);
  request.samples = 1;
  NoiseSource alone(request, 13, table);
  constexpr size_t one = 4 * 8 * 8;
  std::vector<float> all(3 * one), own(one);
  const auto expect_equal = [&] {
    EXPECT_TRUE(std::equal(own.begin(), own.end(), all.begin() + 2 * one));
  };
  together.begin(all, {4, 8, 8});
  alone.begin(own, {4, 8, 8});
  expect_equal();
  for (const auto& way : table.draws) {
    together.draw(all, way);
    alone.draw(own, way);
    expect_equal();
  }
}

/// The first noise from a CPU, that of steps as a GPU draws it from the seed's beginning.
TEST(Noise, OfComfyUiComesFromTwoGenerators) {
  Request request;
  request.compat = CompatKind::comfy;
  request.samples = 2;
  NoiseSource source(request, 5, {});
  std::vector<float> values(2 * 4 * 8 * 8), expected(values.size());
  source.begin(values, {4, 8, 8});
  make_generator({}, 5)->randn(expected);
  EXPECT_EQ(values, expected);
  source.draw(values, {});
  make_generator({.kind = RandomKind::cuda}, 5)->randn(expected);
  EXPECT_EQ(values, expected);
}

TEST(Noise, OfASampleHasASeedThatGivesItAlone) {
  Request request;
  request.samples = 2;
  EXPECT_FALSE(has_own_noise(request));
  EXPECT_EQ(seed_of(request, 7, 1), 7u);
  request.noise = NoiseKind::per_sample;
  EXPECT_EQ(seed_of(request, 7, 1), 8u);
  request.subseed = 100;
  request.subseed_strength = 0.5;  // variations of one picture
  EXPECT_EQ(seed_of(request, 7, 1), 7u);
  EXPECT_EQ(subseed_of(request, 1), 101u);
}

}  // namespace
}  // namespace drypoint
