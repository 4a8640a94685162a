// Each pass on small graphs: what it makes of them, and what it leaves alone. The cases are in
// cases/, a file a pass: "== title", perhaps a target, the graph before, "=>", the graph after.
#include "compile/passes.h"

#include <algorithm>
#include <random>
#include <sstream>

#include "base/file.h"
#include "compile/compile.h"
#include "graph/rewrite.h"
#include "graph/text.h"
#include "runtime/executor.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

struct Case {
  std::string title;
  Target target;
  std::string before, after;  // after: "unchanged", or a graph
};

/// All that the cases are about; `lower_precision` has f16.
Target usual_target(std::string_view pass) {
  return {.precision = pass == "lower_precision" ? DType::f16 : DType::f32,
          .dtypes = {DType::f16, DType::f32},
          .eight_bits = {DType::f8, DType::i8},
          .fused =
              [] {
                FusedForms forms = FusedForms::all();
                forms.dequantize = forms.quantize = true;
                return forms;
              }(),
          .vector_width = 8};
}

/// What products are rounded by: one module's range is known, one stays as it is.
Quantization usual_quantization() {
  return {.type = DType::i8,
          .ranges = {{"ranged", 2}, {"smoothed", 4}},
          .kept = {"kept"},
          .smoothed = {"smoothed"}};
}

std::vector<Case> cases_of(std::string_view pass) {
  const std::string file = fmt::format("{}/src/compile/cases/{}.txt", DRYPOINT_SOURCE_DIR, pass);
  std::istringstream text(read_file(file));
  std::vector<Case> cases;
  std::string* part = nullptr;
  for (std::string line; std::getline(text, line);) {
    constexpr std::string_view width = "target vector_width=";
    if (line.starts_with("== ")) {
      part = &cases.emplace_back(Case{line.substr(3), usual_target(pass), "", ""}).before;
    } else if (cases.empty()) {
      ADD_FAILURE() << file << ": begins with " << line;
      break;
    } else if (line.starts_with("=>")) {
      part = &cases.back().after;
      if (line == "=> unchanged") *part = "unchanged";
    } else if (line.starts_with(width)) {
      cases.back().target.vector_width = std::stoi(line.substr(width.size()));
    } else if (!line.empty()) {
      *part += line + '\n';
    }
  }
  return cases;
}

/// The same graph with values numbered in the same order, whatever order they were found in.
std::string normal(const Graph& graph) { return to_string(without_dead_nodes(graph)); }

/// All outputs, of inputs and weights that depend on their names alone.
std::map<std::string, std::vector<float>> run(const Graph& graph) {
  const auto numbers_for = [](const std::string& name, int64_t count) {
    std::seed_seq seed(name.begin(), name.end());
    std::mt19937 random(seed);
    std::vector<float> values(static_cast<size_t>(count));
    for (const auto& [end, factor] : {std::pair(input_factors, 2.f), {weight_factors, 0.5f}})
      if (name.ends_with(end)) return std::vector<float>(values.size(), factor);
    for (float& value : values) value = static_cast<float>(random() % 2001) / 1000 - 1;
    return values;
  };
  NamedTensors weights;
  for (const auto& [name, id] : graph.weights)
    weights.tensors[name] =
        make_tensor(graph[id].type.shape, numbers_for(name, graph[id].type.elements()));
  const auto backend = make_reference_backend();
  WeightStore store(weights, *backend);
  Plan plan = schedule(graph);
  assign_memory(plan);
  Executor executor(std::move(plan), *backend, store);
  for (const auto& [name, id] : graph.inputs) {
    if (graph[id].type.dtype == DType::i32)
      executor.set_input(name, std::vector<int32_t>(graph[id].type.elements(), 1));
    else
      executor.set_input(name, numbers_for(name, graph[id].type.elements()));
  }
  executor.run(Rate::picture);
  executor.run(Rate::step);
  std::map<std::string, std::vector<float>> outputs;
  for (const auto& [name, id] : graph.outputs) {
    const auto values = executor.output(name);
    outputs[name].assign(values.begin(), values.end());
  }
  return outputs;
}

class PassCases : public ::testing::TestWithParam<Pass> {};

TEST_P(PassCases, AreAsWritten) {
  const Pass& pass = GetParam();
  const std::vector<Case> cases = cases_of(pass.name);
  EXPECT_GE(cases.size(), 2u);
  EXPECT_TRUE(std::ranges::any_of(cases, [](auto& c) { return c.after != "unchanged"; }));
  for (const Case& one : cases) {
    SCOPED_TRACE(one.title);
    ASSERT_TRUE(pass.is_for(one.target));
    const Graph before = parse_graph(one.before, one.title + " (before)");
    verify(before, "parsing");
    const Quantization quantization = usual_quantization();
    const PassContext context{one.target, {&quantization, {.inputs = true, .results = true}}};
    const Graph after = pass.run(before, context);
    verify(after, pass.name);
    const Graph expected =
        one.after == "unchanged" ? before : parse_graph(one.after, one.title + " (after)");
    EXPECT_EQ(normal(after), normal(expected)) << "found:\n" << normal(after);
    if (one.target.precision != DType::f32) continue;  // which the reference has not
    const auto results = run(after);
    const double tolerance = pass.name == "quantize_products" ? 0.02 : 1e-5;
    for (const auto& [name, values] : run(before))
      EXPECT_TRUE(testing::close(results.at(name), values, tolerance)) << name;
  }
}

/// A pass for all targets may only make what all have kernels for.
TEST_P(PassCases, OfPassesForAllTargetsMakePlainOperations) {
  const Target plain;
  if (!GetParam().is_for(plain)) return;
  const auto is_plain = [&](const Node& node) { return has_forms(plain.fused, node.op); };
  for (const Case& one : cases_of(GetParam().name)) {
    const Graph before = parse_graph(one.before, one.title);
    if (!std::ranges::all_of(before.nodes, is_plain)) continue;
    for (const Node& node : GetParam().run(before, {plain, {}}).nodes)
      EXPECT_TRUE(is_plain(node)) << to_string(node.op);
  }
}

INSTANTIATE_TEST_SUITE_P(All, PassCases, ::testing::ValuesIn(passes().begin(), passes().end()),
                         [](const auto& pass) { return std::string(pass.param.name); });

TEST(Target, APrecisionWithoutKernelsIsRefused) {
  EXPECT_TRUE(testing::fails_with(ErrorKind::unsupported, {"precision f16"},
                                  [] { compile(Graph(), {.precision = DType::f16}); }));
}

}  // namespace
}  // namespace drypoint
