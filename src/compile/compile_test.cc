#include "compile/compile.h"

#include <fmt/format.h>

#include <random>
#include <set>

#include "backend/backend.h"
#include "diffusion/noise/random.h"
#include "graph/text.h"
#include "models/assemble.h"
#include "models/denoiser.h"
#include "models/detect.h"
#include "runtime/executor.h"
#include "support/test_support.h"
#include "support/tiny_config.h"

namespace drypoint {
namespace {

const NamedTensors& tiny_weights() {
  static const Checkpoint checkpoint =
      assemble({.model = testing::tiny_model_path(),
                .controls = {{"a", testing::tiny_control_path()},
                             {"b", testing::data("controls/control2.safetensors")},
                             {"c", testing::tiny_control_path()}}});
  return checkpoint.tensors;
}

Graph tiny_denoiser() {
  return build_denoiser(testing::tiny_config(),
                        {.latents = 2, .height = 6, .width = 5, .max_steps = 4});
}

const Target fused{.fused = FusedForms::all(), .vector_width = 8};

Plan plan_of(const Graph& graph) {
  Plan plan = schedule(graph);
  assign_memory(plan);
  return plan;
}

std::vector<float> run(Plan plan) {
  const auto backend = make_reference_backend();
  WeightStore store(tiny_weights(), *backend);
  Executor executor(std::move(plan), *backend, store);
  for (const char* input : {"slots", "context", "hint", "hint1", "hint2", "control_scales",
                            "negative_context", "part_weights"}) {
    if (!executor.has_input(input)) continue;
    std::vector<float> values(executor.type_of_input(input).elements());
    make_generator({}, 11)->randn(values);
    executor.set_input(input, values);
  }
  executor.set_input("timesteps", std::vector<float>{981, 741, 501, 1});
  std::vector<float> rows;
  for (int i = 0; i < 4; ++i)
    for (const float value : {1.0f, -0.5f, 0.0f}) rows.push_back(value);
  executor.set_input("sampler", rows);
  executor.set_input("guidance_scale", std::vector<float>{2, 2});
  executor.set_input("step", std::vector<int32_t>{2});
  executor.run(Rate::picture);
  executor.run(Rate::step);
  const auto slots = executor.output("slots");
  return {slots.begin(), slots.end()};
}

template <class Kind>
int64_t count(const std::vector<PlanOp>& steps) {
  return std::count_if(steps.begin(), steps.end(),
                       [](const PlanOp& step) { return std::holds_alternative<Kind>(step.op); });
}

void expect_unchanged_by_passes(Graph graph) {
  const auto expected = run(plan_of(graph));
  for (const Pass& pass : passes()) {
    if (!pass.is_for(fused)) continue;
    graph = pass.run(graph, {fused});
    verify(graph, pass.name);
    EXPECT_TRUE(testing::close(run(plan_of(graph)), expected, 2e-5)) << pass.name;
  }
}

TEST(Passes, NoneChangesTheResult) { expect_unchanged_by_passes(tiny_denoiser()); }

TEST(Passes, NoneChangesTheResultOfPartsBesideALongerNegativePrompt) {
  expect_unchanged_by_passes(build_denoiser(testing::tiny_config(), {.latents = 2,
                                                                     .prompts = 3,
                                                                     .contexts = 3,
                                                                     .height = 6,
                                                                     .width = 5,
                                                                     .context_length = 7,
                                                                     .negative_length = 14,
                                                                     .max_steps = 4}));
}

TEST(Passes, NoneChangesTheResultOfSeveralControls) {
  const ModelConfig config = detect(tiny_weights());
  DenoiserShape shape{.latents = 2, .height = 6, .width = 5, .max_steps = 4};
  shape.controls = {{.net = 0}, {.net = 1}, {.net = 2}};  // two pairs of twins
  expect_unchanged_by_passes(build_denoiser(config, shape));
  shape.controls = {{.net = 1}, {.net = 1}, {.net = 0, .positive_only = true}};
  expect_unchanged_by_passes(build_denoiser(config, shape));
}

// What a picture is computed beside must not decide how: steps of several pictures are those of
// one.
TEST(Passes, SeveralPicturesAreComputedLikeOne) {
  // Without what counts rows.
  const auto describe = [](const PlanOp& step, const Plan& plan) {
    Op op = step.op;
    if (auto* reshape = std::get_if<Reshape>(&op)) reshape->shape[0] = -1;
    if (std::holds_alternative<Slice>(op)) op = Slice{};
    std::string text = fmt::format("{} # {}", to_string(op), step.module);
    for (ValueId id : step.inputs) {
      Shape shape = plan.values[id].type.shape;
      if (plan.values[id].pictures > 1) shape[0] /= plan.values[id].pictures;
      text += fmt::format(" {}", to_string(shape));
    }
    return text;
  };
  for (const Target& target : {Target{}, fused, cuda_target({})})
    for (DenoiserShape shape :
         {DenoiserShape{}, DenoiserShape{.controls = {{.positive_only = true}}},
          DenoiserShape{.negative_length = 154},
          DenoiserShape{.prompts = 4, .contexts = 4, .context_length = 231},
          DenoiserShape{.prompts = 4,
          .contexts = 4,
          .negative_length = 154,
          .controls = {{.positive_only = true}}},
          DenoiserShape{.prompts = 1, .contexts = 1, .slots = 4, .noises = 32}}) {
      shape.height = 6, shape.width = 5, shape.max_steps = 4;
      const Plan one = compile(build_denoiser(testing::tiny_config(), shape), target);
      for (const auto& [pictures, own] : {std::pair{2, false}, {3, false}, {8, false}, {4, true}}) {
        shape.latents = pictures;
        if (own) {  // prompts and hints
          if (shape.negative_length > 0) continue;
          shape.hints = pictures, shape.contexts = pictures * shape.prompts;
        }
        const Plan several = compile(build_denoiser(testing::tiny_config(), shape), target);
        for (const Rate rate : {Rate::picture, Rate::step}) {
          const auto &alone = one.section(rate), &together = several.section(rate);
          ASSERT_EQ(alone.size(), together.size());
          for (size_t i = 0; i < alone.size(); ++i)
            EXPECT_EQ(describe(alone[i], one), describe(together[i], several));
        }
      }
    }
}

/// The section's steps in some order in which a device might finish them, with streams that lag as
/// far as others let them.
void shuffle(std::vector<PlanOp>& steps, std::mt19937& random) {
  std::vector<PlanOp> left = std::move(steps), order;
  std::vector<int> position(left.size(), -1);  // in the new order
  const int first = static_cast<int>(random() % 8);
  while (order.size() < left.size()) {
    std::set<int> seen;  // streams whose next step has been looked at
    std::vector<size_t> ready;
    for (size_t s = 0; s < left.size(); ++s) {
      if (position[s] >= 0 || !seen.insert(left[s].stream).second) continue;
      if (std::all_of(left[s].after.begin(), left[s].after.end(),
                      [&](int other) { return position[other] >= 0; }))
        ready.push_back(s);
    }
    std::ranges::sort(ready, {}, [&](size_t s) { return (left[s].stream + first) % 8; });
    const size_t next = ready[random() % 8 ? 0 : random() % ready.size()];
    position[next] = static_cast<int>(order.size());
    order.push_back(left[next]);
  }
  for (PlanOp& step : order)
    for (int& other : step.after) other = position[other];
  steps = std::move(order);
}

/// Whatever the streams' progress, no value is overwritten while it is needed.
TEST(Streams, AnyOrderTheyMayRunInGivesTheSame) {
  std::mt19937 random(5);
  const auto expected = run(compile(tiny_denoiser(), fused));
  for (const int aux : {1, 2, 5}) {
    Target target = fused;
    target.aux_streams = aux;
    const Plan plan = compile(tiny_denoiser(), target);
    EXPECT_EQ(run(plan), expected);
    for (int i = 0; i < 10; ++i) {
      Plan shuffled = plan;
      shuffle(shuffled.picture, random);
      shuffle(shuffled.step, random);
      EXPECT_EQ(run(std::move(shuffled)), expected) << aux << " aux streams";
    }
  }
}

TEST(Streams, AResultTakesItsInputsPlaceWhenViewsOfItAreReadToo) {
  Graph graph;
  const auto silu = [&](ValueId x) {
    return graph.add_node(Activation{ActivationKind::silu}, {x}, "silu");
  };
  const ValueId x = graph.add_input("x", {DType::f32, {2, 8}}, Rate::step);
  const ValueId view = graph.add_node(Reshape{{16}}, {x}, "view");
  graph.outputs["of_view"] = silu(view);
  graph.outputs["x"] = graph.add_node(Add{}, {x, silu(silu(silu(x)))}, "sum");
  const Plan plan =
      compile(std::move(graph), {.fused = FusedForms::all(), .vector_width = 8, .aux_streams = 1});
  const auto position_of = [&](const std::string& output) {
    return static_cast<int>(std::ranges::find(plan.step, plan.outputs.at(output), &PlanOp::output) -
                            plan.step.begin());
  };
  EXPECT_EQ(plan.step[position_of("x")].after, std::vector{position_of("of_view")});
}

TEST(Streams, TheLongestChainStaysOnTheMainOne) {
  const Plan plan =
      compile(tiny_denoiser(), {.fused = FusedForms::all(), .vector_width = 8, .aux_streams = 2});
  std::map<int, int> kernels;  // of each stream
  for (const PlanOp& step : plan.step) {
    if (!is_view(step.op)) ++kernels[step.stream];
    if (step.module.find("zero_convs.") != std::string::npos) {
      EXPECT_GT(step.stream, 0) << step.module;
    }
  }
  EXPECT_GT(kernels[0], 5 * (kernels[1] + kernels[2]));
  EXPECT_GE(kernels[1] + kernels[2], 12);  // at least the control tensors
}

TEST(Passes, EachFindsSomethingToDo) {
  Graph graph = tiny_denoiser();
  for (const Pass& pass : passes()) {
    if (!pass.is_for(fused)) continue;
    const bool watches = pass.run == watch_products;
    const Graph after = pass.run(graph, {fused, {.watched = {.inputs = watches}}});
    EXPECT_NE(to_string(after), to_string(graph)) << pass.name;
    if (!watches) graph = after;  // what is watched is not fused
  }
}

TEST(Passes, StepsComputeNothingThatPicturesCould) {
  const Plan plan = compile(tiny_denoiser());
  EXPECT_EQ(count<TimestepEmbedding>(plan.step), 0);
  EXPECT_EQ(count<TimestepEmbedding>(plan.picture), 1);  // one for the UNet and the ControlNet
  for (const PlanOp& step : plan.step) {
    EXPECT_EQ(step.module.find("emb_layers"), std::string::npos) << step.module;
    EXPECT_EQ(step.module.find("time_embed"), std::string::npos) << step.module;
    EXPECT_EQ(step.module.find("input_hint_block"), std::string::npos) << step.module;
    // Cross-attention's keys and values depend on the prompt alone.
    EXPECT_EQ(step.module.find("attn2.to_k"), std::string::npos) << step.module;
    EXPECT_EQ(step.module.find("attn2.to_v"), std::string::npos) << step.module;
  }
}

TEST(Passes, TheStartOfTheEncodersRunsOnceForBothPrompts) {
  const Plan plan = compile(tiny_denoiser());  // two latents, each with two prompts
  int seen = 0;
  for (const PlanOp& step : plan.step)
    if (step.module.find("input_blocks.0.0") != std::string::npos ||
        step.module.find("input_blocks.1.0.") != std::string::npos ||
        step.module.find("input_blocks.1.1.proj_in") != std::string::npos) {
      const Shape& shape = plan.values[step.output].type.shape;
      if (std::holds_alternative<Select>(step.op)) continue;
      EXPECT_EQ(shape[0], 2) << step.module;
      ++seen;
    }
  EXPECT_GE(seen, 8);
}

TEST(Passes, FusionLeavesAPicturesWorkToThePicture) {
  Graph graph;
  const ValueId still = graph.add_input("still", {DType::f32, {2, 8}}, Rate::picture);
  const ValueId moving = graph.add_input("moving", {DType::f32, {2, 4}}, Rate::step);
  const ValueId row = graph.add_input("row", {DType::f32, {4}}, Rate::step);
  const auto product = [&](const std::string& name) {
    const ValueId weight = graph.add_weight(name, {DType::f32, {4, 8}});
    return graph.add_node(Linear{.epilogue = {.bias = false}}, {still, weight}, name);
  };
  graph.outputs["sum"] = graph.add_node(Add{}, {moving, product("a")}, "sum");
  graph.outputs["row_sum"] = graph.add_node(Add{}, {product("b"), row}, "sum");
  const Plan plan = compile(std::move(graph));
  EXPECT_EQ(count<Linear>(plan.picture), 2);
  EXPECT_EQ(count<Linear>(plan.step), 0);
}

TEST(Passes, ElementwiseWorkIsFused) {
  const Plan plan = compile(tiny_denoiser());
  EXPECT_EQ(count<Activation>(plan.step), 0);
  for (const PlanOp& step : plan.step)
    if (std::holds_alternative<Attention>(step.op)) {
      EXPECT_EQ(step.inputs[1], step.inputs[2]) << step.module;  // k and v: one product
    }
}

TEST(Passes, WhatProductsOfEightBitsReadIsRoundedWhereItIsMade) {
  const Quantization quantization;
  const Plan plan = compile(tiny_denoiser(), cuda_target({}), {}, {.quantization = &quantization});
  int products = 0;
  for (const PlanOp& step : plan.step) {
    if (const auto* conv = std::get_if<Conv2d>(&step.op)) products += conv->epilogue.dequantize;
    if (const auto* linear = std::get_if<Linear>(&step.op)) products += linear->epilogue.dequantize;
  }
  EXPECT_GT(products, 50);
  EXPECT_EQ(count<Quantize>(plan.step), 0);
}

TEST(Passes, SumsOfProductsAreOneProduct) {
  const Plan plan = compile(tiny_denoiser(), fused);
  int skips = 0, chains = 0;
  for (const PlanOp& step : plan.step) {
    if (const auto* conv = std::get_if<Conv2d>(&step.op)) skips += conv->concat > 0;
    if (const auto* linear = std::get_if<Linear>(&step.op)) {
      chains += linear->concat;
      for (const char* taken_in : {".skip_connection", ".ff.net.2"})
        EXPECT_FALSE(step.module.ends_with(taken_in)) << step.module;
    }
  }
  EXPECT_GT(skips, 0);
  EXPECT_GT(chains, 0);
}

/// Recomputes lifetimes the slow way and looks at every pair.
TEST(Memory, ValuesThatLiveTogetherDoNotOverlap) {
  for (const Plan& plan : {compile(tiny_denoiser()), plan_of(tiny_denoiser())}) {
    std::vector<const PlanOp*> steps;
    for (const auto* section : {&plan.picture, &plan.step})
      for (const PlanOp& step : *section) steps.push_back(&step);
    struct Life {
      ValueId id;
      int first, last;
    };
    std::vector<Life> lives;
    for (int at = 0; at < static_cast<int>(steps.size()); ++at) {
      Life life{steps[at]->output, at, at};
      for (int later = at; later < static_cast<int>(steps.size()); ++later)
        for (ValueId input : steps[later]->inputs)
          if (input == life.id) life.last = later;
      if (plan.values[life.id].place.space == Space::scratch) lives.push_back(life);
    }
    size_t sum = 0;
    for (const Life& a : lives) {
      const PlanValue& va = plan.values[a.id];
      sum += va.type.bytes();
      EXPECT_LE(va.place.offset + va.type.bytes(), plan.scratch_bytes);
      for (const Life& b : lives) {
        if (b.first <= a.first || b.first > a.last) continue;
        const PlanValue& vb = plan.values[b.id];
        const bool apart = va.place.offset + va.type.bytes() <= vb.place.offset ||
                           vb.place.offset + vb.type.bytes() <= va.place.offset;
        // The same bytes may only be taken over by a view, or in place by the last reader.
        const PlanOp& writer = *steps[b.first];
        const int in_place = in_place_input(writer.op);
        const bool view = std::holds_alternative<Reshape>(writer.op);
        const bool taken_over = in_place >= 0 && a.last == b.first && va.place == vb.place;
        EXPECT_TRUE(apart || view || taken_over) << writer.module;
      }
    }
    EXPECT_LT(plan.scratch_bytes, sum / 4);
  }
}

TEST(Memory, OutputsInputsAndWhatStepsReadOfPicturesIsKept) {
  const Plan plan = compile(tiny_denoiser());
  std::set<ValueId> of_picture;
  for (const PlanOp& step : plan.picture) of_picture.insert(step.output);
  for (const PlanOp& step : plan.step)
    for (ValueId id : step.inputs)
      if (of_picture.contains(id)) {
        EXPECT_EQ(plan.values[id].place.space, Space::kept);
      }
  for (const auto& [name, id] : plan.inputs)
    EXPECT_EQ(plan.values[id].place.space, Space::kept) << name;
  for (const auto& [name, id] : plan.outputs)
    EXPECT_EQ(plan.values[id].place.space, Space::kept) << name;
}

TEST(Memory, AnOutputMayBeAViewOfAView) {
  for (const Rate rate : {Rate::picture, Rate::step}) {
    Graph graph;
    const ValueId x = graph.add_input("x", {DType::f32, {1, 8}}, rate);
    const ValueId doubled = graph.add_node(Add{}, {x, x}, "double");
    const ValueId square = graph.add_node(Reshape{{2, 4}}, {doubled}, "view");
    graph.outputs["y"] = graph.add_node(Reshape{{4, 2}}, {square}, "view");
    const Plan plan = plan_of(graph);
    for (const ValueId id : {doubled, square, graph.outputs["y"]})
      EXPECT_EQ(plan.values[id].place, plan.values[doubled].place);
    EXPECT_EQ(plan.values[doubled].place.space, Space::kept);
  }
}

TEST(Graph, ErrorsNameTheModuleAndTheOperation) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {1, 8}}, Rate::picture);
  const ValueId w = graph.add_weight("w", {DType::f32, {4, 9}});
  EXPECT_TRUE(testing::fails_with(
      ErrorKind::bad_argument, {"some.layer", "[linear]", "[4, 9]", "[1, 8]"}, [&] {
        graph.add_node(Linear{.epilogue = {.bias = false}}, {x, w}, "some.layer");
      }));
}

TEST(Graph, TheVerifierSeesABrokenType) {
  Graph graph = tiny_denoiser();
  verify(graph, "building");
  graph.values[graph.nodes[5].output].type.shape.back() += 1;
  EXPECT_THROW(verify(graph, "a test"), Error);
}

}  // namespace
}  // namespace drypoint
