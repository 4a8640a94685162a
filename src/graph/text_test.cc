#include "graph/text.h"

#include "compile/compile.h"
#include "support/full_size.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

/// All models as built, and after each pass for a device that has all fused forms.
TEST(GraphText, EveryGraphOfEveryModelComesBackAsItWas) {
  const Target target{.precision = DType::f16,
                      .dtypes = {DType::f16},
                      .fused = FusedForms::all(),
                      .vector_width = 8};
  int graphs = 0;
  for (const Graph& built : testing::full_size_graphs())
    compile(built, target, [&](std::string_view pass, const Graph& after) {
      EXPECT_TRUE(parse_graph(to_string(after), "a test") == after) << pass;
      ++graphs;
    });
  EXPECT_GT(graphs, 5 * 15);
}

TEST(GraphText, NamesMayBeMadeOfAnything) {
  Graph graph;
  const std::vector<std::string> names{"",       "twins", "pictures", "//",   "%3",       "a b",
                                       "x=y",    "(",     "\"",       "\\",   "\n\t\x7f", "[1, 2]",
                                       "f32[1]", "é",     "#",        "input"};
  for (const std::string& name : names) {
    const ValueId x = graph.add_input("in" + name, {DType::f32, {1}}, Rate::picture);
    const ValueId w = graph.add_weight(name, {DType::f16, {}});
    graph.outputs[name] = graph.add_node(Add{}, {x, w}, name);
    graph.outputs["of " + name] = w;
    graph.twins.emplace_back(name, "b" + name);
  }
  const std::string text = to_string(graph);
  EXPECT_TRUE(parse_graph(text, "a test") == graph) << text;
}

TEST(GraphText, EveryAttributeComesBack) {
  Graph graph;
  const auto x = graph.add_input("x", {DType::f32, {2, 6, 4, 8}}, Rate::step);
  const auto step = graph.add_input("step", {DType::i32, {1}}, Rate::step);
  const auto scales = graph.add_input("scales", {DType::f32, {3}}, Rate::picture);
  const auto table = graph.add_weight("table", {DType::f32, {5, 16}});
  const auto w = graph.add_weight("w", {DType::f32, {16, 8 * 9 + 8}});
  const auto sum = graph.add_input("sum", {DType::f32, {2, 3, 2, 8}}, Rate::step);
  Conv2d conv{.stride = 2, .top = 1, .left = 1, .bottom = 1, .right = 1};
  conv.epilogue.activation = ActivationKind::quick_gelu;
  conv.epilogue.residual = conv.epilogue.select = true;
  conv.epilogue.scale = 2, conv.groups = 2, conv.concat = 1, conv.height = conv.width = 3;
  graph.outputs["y"] = graph.add_node(conv, {x, w, table, step, sum, scales, sum}, "m");
  Linear linear{.epilogue = {.bias = false, .gate = true}, .normed = true, .epsilon = 0.1f};
  const auto square = graph.add_weight("square", {DType::f32, {8, 8}});
  graph.outputs["z"] = graph.add_node(linear, {x, square}, "");
  graph.outputs["v"] = graph.add_node(Permute{{3, 0, 2, 1}}, {x}, "turned");
  graph.outputs["u"] = graph.add_node(Cast{DType::bf16}, {x}, "cast");
  const std::string text = to_string(graph);
  EXPECT_TRUE(parse_graph(text, "a test") == graph) << text;
}

TEST(GraphText, PicturesComeBack) {
  const std::string text =
      "pictures 2\nx f32[4, 8] step of_picture = input\nv f32[8] step = input\n"
      "%2 f32[4, 8] step = add (x, v)\ny = output %2\n";
  const Graph graph = parse_graph(text, "a test");
  EXPECT_EQ(graph.pictures, 2);
  EXPECT_TRUE(graph[0].of_picture && !graph[1].of_picture && graph[2].of_picture);
  EXPECT_EQ(to_string(graph), text);
  for (const char* wrong :
       {"pictures 0\n", "pictures -1\n", "pictures x\n", "pictures 9223372036854775808\n",
        "pictures 2\nx f32[3] step of_picture = input\n",
        "pictures 2\nx f32[] step of_picture = input\n",
        "pictures 2\nx f32[2, 2] step of_picture = input\n%1 = reshape shape=[1, 4] (x)\n",
        "x f32[2] step = input\npictures 2\n"})
    EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"g.txt: line"}, [&] {
      parse_graph(wrong, "g.txt");
    })) << wrong;
}

TEST(GraphText, ByHandTypesMayBeLeftOut) {
  const Graph graph = parse_graph(
      "// A product.\n\nx f32[2, 8] step = input\nw f32[4, 8] = weight\n"
      "%7 = linear bias=false (x, w)\n%3 = activation kind=gelu (%7) # m\ny = output %3\n",
      "by hand");
  EXPECT_EQ(to_string(graph),
            "x f32[2, 8] step = input\nw f32[4, 8] = weight\n"
            "%2 f32[2, 4] step = linear bias=false (x, w)\n"
            "%3 f32[2, 4] step = activation kind=gelu (%2) # m\ny = output %3\n");
}

TEST(GraphText, ErrorsNameLineAndWord) {
  const auto refused = [](const std::string& last, std::initializer_list<std::string> parts) {
    const std::string text =
        "x f32[2, 8] step = input\nw f32[4, 8] = weight\n%2 = activation (x) # a\n";
    const auto parse = [&] { parse_graph(text + last, "g.txt"); };
    const auto says_where = fails_with(ErrorKind::bad_file, {"g.txt: line 4"}, parse);
    return says_where ? fails_with(ErrorKind::bad_file, parts, parse) : says_where;
  };
  EXPECT_TRUE(refused("%3 = activate (x)", {"word 3", "\"activate\"", "an operation"}));
  EXPECT_TRUE(refused("%3 = activation sort=gelu (x)", {"word 4", "\"sort\"", "of activation"}));
  EXPECT_TRUE(refused("%3 = activation kind=gelo (x)", {"word 6", "\"gelo\"", "for kind"}));
  EXPECT_TRUE(refused("%3 = linear bias=1 (x, w)", {"\"1\"", "for bias"}));
  EXPECT_TRUE(refused("%3 = expand times=3000000000 (x)", {"\"3000000000\"", "for times"}));
  EXPECT_TRUE(refused("%3 = layer_norm epsilon=nan (x)", {"\"nan\"", "for epsilon"}));
  EXPECT_TRUE(refused("%3 = activation (v)", {"word 5", "\"v\"", "a line above"}));
  EXPECT_TRUE(refused("%3 = activation (%3)", {"\"%3\"", "a line above"}));
  EXPECT_TRUE(refused("%3 = activation (x", {"the line's end", "\",\""}));
  EXPECT_TRUE(refused("%3 = activation (x) m", {"\"m\"", "the line's end"}));
  EXPECT_TRUE(refused("%2 = activation (x)", {"a second value", "\"%2\""}));
  EXPECT_TRUE(refused("%3 f32[2, 9] step = activation (x)", {"f32[2, 9]", "expected f32[2, 8]"}));
  EXPECT_TRUE(refused("%3 f32[2, 8] load = activation (x)", {"f32[2, 8] load", "f32[2, 8] step"}));
  EXPECT_TRUE(refused("%3 f32 step = activation (x)", {"word 2", "\"f32\"", "a type"}));
  EXPECT_TRUE(refused("%3 f32[2,8] step = activation (x)", {"\"f32[2,8]\"", "a type"}));
  EXPECT_TRUE(refused("%3 = linear (x, w)", {"[linear] 2 inputs, expected 3"}));
  EXPECT_TRUE(refused("%3 = add (x, w) # m", {"m: [add]", "[2, 8]", "[4, 8]"}));
  EXPECT_TRUE(refused("w f32[4] = weight", {"a second input or weight \"w\""}));
  EXPECT_TRUE(refused("v f32[4] load = input", {"rate load", "picture or step"}));
  EXPECT_TRUE(refused("v f32[4] = input", {"\"input\"", "\"weight\""}));
  EXPECT_TRUE(refused("v f32[-1] = weight", {"\"f32[-1]\"", "a type"}));
  EXPECT_TRUE(refused("v f32[2147483648, 131073] = weight", {"a type"}));
  EXPECT_TRUE(refused("y = output %9", {"\"%9\"", "a line above"}));
  EXPECT_TRUE(refused("\"y = output x", {"without an end"}));
  EXPECT_TRUE(refused("\"\\u00ff\" = output x", {"escape"}));
  EXPECT_TRUE(refused("( = output x", {"word 1", "\"(\""}));
}

TEST(GraphText, ShapesThatNoTensorHasAreRefused) {
  for (const char* node : {"permute axes=[5, 0, 1, 2] (x)",
                           "conv2d stride=0 (x, w, b)",
                           "conv2d stride=-1 (x, w, b)",
                           "conv2d top=-3 (x, w, b)",
                           "conv2d groups=0 (x, w, b)",
                           "conv2d concat=-2 (x)",
                           "conv2d concat=-1 (x, w)",
                           "conv2d bottom=2147483648 right=2147483648 (x, w, b)",
                           "conv2d bottom=2147483648 right=2147483648 quantize=i8 (x, w, b, b)",
                           "quantize (x, x)",
                           "scales count=0 (x)",
                           "expand groups=0 (x)",
                           "expand times=2147483648 (big)",
                           "slice begin=1 count=-1 (x)",
                           "slice begin=-1 count=1 (x)",
                           "attention heads=-1 head_size=-4 (q, q, q)",
                           "attention heads=1 head_size=4 q_column=-4 (q, q, q)",
                           "group_norm groups=0 (x, b, b)",
                           "group_norm groups=4 weight_groups=0 (x, b, b)",
                           "layer_norm weight_groups=0 (x, b, b)",
                           "upsample height=2147483648 width=2147483648 (x)",
                           "reshape shape=[-8, -8] (x)",
                           "timestep_embedding width=2147483648 (big)",
                           "max_pool stride=0 (x)",
                           "concat axis=4 (x)",
                           "concat ()",
                           "linear ()",
                           "select ()",
                           "reshape shape=[0, 0] (x)",
                           "add (b)"})
    EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"line 6"}, [&] {
      parse_graph(fmt::format("x f32[1, 4, 4, 4] step = input\nw f32[4, 4, 3, 3] = weight\n"
                              "b f32[4] = weight\nq f32[1, 4, 4] step = input\n"
                              "big f32[2147483648] step = input\n%9 = {}\n",
                              node),
                  "a test");
    })) << node;
}

TEST(GraphText, CutAnywhereItIsRefusedOrAGraph) {
  const std::string text = to_string(testing::full_size_graphs().back());
  for (size_t length = 0; length < std::min<size_t>(text.size(), 4000); ++length) {
    try {
      verify(parse_graph(text.substr(0, length), "a test"), "parsing");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    }
  }
}

TEST(Graph, TheVerifierSeesTwoValuesOfOneName) {
  Graph graph;
  graph.add_input("x", {DType::f32, {1}}, Rate::step);
  verify(graph, "a test");
  graph.add_input("x", {DType::f32, {1}}, Rate::step);
  EXPECT_TRUE(fails_with(ErrorKind::internal, {"%0", "x"}, [&] { verify(graph, "a test"); }));
}

}  // namespace
}  // namespace drypoint
