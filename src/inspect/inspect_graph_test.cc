#include "drypoint/inspect_graph.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>

#include "backend/backend.h"
#include "backend/gemm_key.h"
#include "base/file.h"
#include "compile/compile.h"
#include "inspect/drawing.h"
#include "inspect/memory_map.h"
#include "inspect/pass_log.h"
#include "support/full_size.h"
#include "support/test_support.h"
#include "support/xml.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::parse_xml;
using testing::TemporaryFolder;

GraphInspection tiny(const GraphOptions& options) { return {testing::tiny_files(), options}; }

GraphOptions small(const std::string& part, const std::string& device = "cpu") {
  return {.part = part, .size = {48, 64}, .device = device};
}

TEST(InspectGraph, PassesSayWhatTheyDid) {
  const auto inspection = tiny(small("denoiser"));
  const InspectedGraph& graph = inspection.result();
  ASSERT_EQ(graph.passes.front().name, "built");
  std::map<std::string, int64_t> kinds;
  RateCounts total{};
  for (const InspectedPass& pass : graph.passes) {
    for (const auto& [kind, more] : pass.kinds) kinds[kind] += more;
    int64_t sum = 0;
    for (const auto& [kind, count] : kinds) sum += count;
    EXPECT_EQ(sum, pass.after[0] + pass.after[1] + pass.after[2]) << pass.name;
    total = pass.after;
  }
  // What the passes sum up to is what the plan has.
  std::map<std::string, int64_t> planned;
  RateCounts of_plan{};
  for (const InspectedOperation& operation : graph.operations) {
    ++planned[operation.kind];
    ++of_plan[operation.rate == "load" ? 0 : operation.rate == "picture" ? 1 : 2];
  }
  std::erase_if(kinds, [](const auto& kind) { return kind.second == 0; });
  EXPECT_EQ(kinds, planned);
  EXPECT_EQ(total, of_plan);

  const auto pass = [&](const std::string& name) -> const InspectedPass& {
    return *std::find_if(graph.passes.begin(), graph.passes.end(),
                         [&](const InspectedPass& one) { return one.name == name; });
  };
  // Every residual block's projection of the time embedding is hoisted.
  const auto& hoisted = pass("delay_rows").changes;
  const auto projection =
      std::find_if(hoisted.begin(), hoisted.end(), [](const PassChange& change) {
        return change.module == "model.diffusion_model.input_blocks.4.0.emb_layers.1" &&
               change.kind == "linear";
      });
  ASSERT_NE(projection, hoisted.end());
  EXPECT_EQ(projection->what, "moved");
  EXPECT_EQ(projection->detail, "step to picture");
  // All 76 activations are fused, each into an operation that the pass changed.
  const InspectedPass& fused = pass("fuse_activation");
  EXPECT_EQ(fused.kinds, (std::map<std::string, int64_t>{{"activation", -76}}));
  int64_t gone = 0, changed = 0;
  for (const PassChange& change : fused.changes) {
    if (change.what == "gone") gone += change.count;
    if (change.what == "changed") {
      changed += change.count;
      EXPECT_NE(change.detail.find("activation=silu"), std::string::npos) << change.detail;
    }
  }
  EXPECT_EQ(gone, 76);
  EXPECT_EQ(changed, 76);
  // An operation knows which passes it owes itself to.
  for (const InspectedOperation& operation : graph.operations)
    if (operation.module == "model.diffusion_model.input_blocks.4.0.in_layers.0") {
      EXPECT_EQ(operation.passes, std::vector<std::string>{"fuse_activation"});
    }
}

TEST(InspectGraph, TellsKernelsAndLayoutsOnACpu) {
  const auto inspection = tiny(small("vae"));
  int winograd = 0, direct = 0, packed = 0;
  for (const InspectedOperation& operation : inspection.result().operations) {
    winograd += operation.kernel == "winograd 4x4";
    direct += operation.kernel == "direct";
    if (operation.kernel.empty()) continue;
    EXPECT_TRUE(operation.kind == "conv2d" || operation.kind == "linear");
    for (const std::string& layout : operation.layouts) {
      packed += layout.starts_with("winograd:") || layout.starts_with("gemm:");
    }
  }
  EXPECT_GT(direct, 0);
  EXPECT_GE(packed, winograd);
  EXPECT_GT(inspection.result().memory.workspace_bytes, 0);
}

TEST(InspectGraph, CompilesForAGpuThatIsNotHere) {
  const auto inspection = tiny(small("denoiser", "cuda"));
  const InspectedGraph& graph = inspection.result();
  EXPECT_EQ(graph.precision, "f16");
  EXPECT_EQ(graph.passes.back().name, "lower_precision");
  const auto halves = std::count_if(
      graph.operations.begin(), graph.operations.end(), [](const InspectedOperation& operation) {
        return operation.kind == "linear" && operation.result.starts_with("f16[");
      });
  EXPECT_GT(halves, 100);
}

TEST(InspectGraph, ChoosesForAChipThatIsNotHere) {
  // Kilobytes that a block may have, and a multiprocessor has.
  for (const auto& [chip, of_block, of_all] :
       {std::tuple{"7.5", 64, 64}, {"8.0", 163, 164}, {"8.6", 99, 100}, {"9.0", 227, 228}}) {
    SCOPED_TRACE(chip);
    std::optional<GraphInspection> inspection;
    try {
      inspection = tiny(small("denoiser", std::string("cuda:") + chip));
    } catch (const Error& error) {  // built without CUDA
      EXPECT_THAT(error.what(), ::testing::HasSubstr("this build has no"));
      GTEST_SKIP();
    }
    int products = 0;
    for (const InspectedOperation& operation : inspection->result().operations) {
      const size_t room = operation.kernel.find(" (");
      if (room == std::string::npos) continue;
      int kilobytes = 0, at_once = 0;
      ASSERT_EQ(std::sscanf(operation.kernel.c_str() + room, " (%d KB, %d at once)", &kilobytes,
                            &at_once),
                2)
          << operation.kernel;
      EXPECT_LE(kilobytes, of_block) << operation.kernel;
      EXPECT_GE(at_once, 1) << operation.kernel;
      EXPECT_LE(kilobytes * at_once, of_all) << operation.kernel;
      ++products;
    }
    EXPECT_GT(products, 100);
  }
}

TEST(InspectGraph, RefusesWhatAChipHasNot) {
  const auto refusal = [](const char* device, Precision::Value precision) -> std::string {
    GraphOptions options = small("denoiser", device);
    options.precision = precision;
    try {
      tiny(options);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::string unknown = refusal("cuda:6.1", Precision::automatic);
  if (unknown.find("this build has no") != std::string::npos) GTEST_SKIP() << unknown;
  EXPECT_THAT(unknown, ::testing::HasSubstr("cuda:6.1: expected one of 7.5, 8.0"));
  EXPECT_THAT(refusal("cuda:7.5", Precision::bf16), ::testing::HasSubstr("expected fp16"));
  EXPECT_THAT(refusal("cuda:7.5", Precision::int8), ::testing::HasSubstr("no kernels for them"));
  EXPECT_THAT(refusal("cuda:8.6", Precision::fp8), ::testing::HasSubstr("no kernels for them"));
  EXPECT_EQ(refusal("cuda:8.6", Precision::int8), "");
  EXPECT_EQ(refusal("cuda:8.9", Precision::fp8), "");
  EXPECT_THAT(refusal("cuda8", Precision::automatic), ::testing::HasSubstr("device: \"cuda8\""));
}

TEST(InspectGraph, BlocksOfMemoryNeverOverlapInTimeAndSpace) {
  for (const char* device : {"cpu", "cuda"})
    for (const char* part : {"text", "denoiser", "vae"}) {
      SCOPED_TRACE(std::string(device) + " " + part);
      const auto inspection = tiny(small(part, device));
      const MemoryMap& map = inspection.result().memory;
      const auto operations = static_cast<int>(map.operations.size());
      ASSERT_EQ(map.in_use.size(), map.operations.size());
      std::vector<int64_t> in_use(map.operations.size());
      int64_t kept_end = 0, scratch_end = 0;
      for (const MemoryBlock& a : map.blocks) {
        EXPECT_GE(a.first, 0);
        EXPECT_LE(a.first, a.last);
        EXPECT_LE(a.last, operations);
        int64_t& end = a.kept ? kept_end : scratch_end;
        end = std::max(end, a.offset + a.bytes);
        for (int at = a.first; !a.kept && at < a.last; ++at) in_use[at] += a.bytes;
        for (const MemoryBlock& b : map.blocks) {
          if (&a == &b || a.kept != b.kept || b.first < a.first || b.first >= a.last ||
              b.last == b.first)
            continue;
          EXPECT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset)
              << a.name << " " << b.name;
        }
      }
      EXPECT_EQ(kept_end, map.kept_bytes);
      EXPECT_EQ(scratch_end, map.scratch_bytes);
      EXPECT_EQ(map.in_use, in_use);
      EXPECT_EQ(in_use[map.peak], *std::max_element(in_use.begin(), in_use.end()));
      EXPECT_LE(in_use[map.peak], map.scratch_bytes);
      EXPECT_GT(in_use[map.peak], map.scratch_bytes / 2);
    }
}

TEST(InspectGraph, MemoryPlotHasEachBlock) {
  const auto inspection = tiny(small("denoiser"));
  const auto elements = parse_xml(inspection.draw_memory());
  int64_t blocks = 0;
  for (const auto& element : elements)
    blocks += element.name == "title" && element.text.find("bytes at ") != std::string::npos;
  int64_t expected = 0;
  for (const MemoryBlock& block : inspection.result().memory.blocks)
    expected += block.last > block.first;
  EXPECT_EQ(blocks, expected);
}

std::set<std::string> ids_in(const std::string& svg) {
  std::set<std::string> ids;
  for (const auto& element : parse_xml(svg))
    if (element.name == "g" && element.attributes.contains("id")) {
      EXPECT_TRUE(ids.insert(element.attributes.at("id")).second) << element.attributes.at("id");
    }
  return ids;
}

/// Identifiers of boxes and edges in what we write for Graphviz; checks braces and quotes.
void read_dot(const std::string& dot, std::set<std::string>& boxes, int& edges) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < dot.size(); ++i) {
    if (quoted && dot[i] == '\\')
      ++i;
    else if (dot[i] == '"')
      quoted = !quoted;
    else if (!quoted)
      depth += (dot[i] == '{') - (dot[i] == '}');
    ASSERT_GE(depth, 0);
  }
  ASSERT_EQ(depth, 0);
  ASSERT_FALSE(quoted);
  std::istringstream lines(dot);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find_first_not_of(' ');
    if (first == line.npos || line[first] != '"') continue;
    const size_t end = line.find('"', first + 1);
    if (line.compare(end + 1, 4, " -> ") == 0)
      ++edges;
    else
      EXPECT_TRUE(boxes.insert(line.substr(first + 1, end - first - 1)).second);
  }
}

TEST(InspectGraph, DrawingsHaveEachOperation) {
  for (const bool before : {false, true})
    for (const char* part : {"text", "denoiser", "vae"}) {
      const auto inspection = tiny(small(part));
      SCOPED_TRACE(part);
      const std::string svg = inspection.draw_graph(GraphFormat::svg, {.before = before});
      const auto ids = ids_in(svg);
      std::set<std::string> boxes;
      int edges = 0, paths = -1;  // the arrow's own
      read_dot(inspection.draw_graph(GraphFormat::dot, {.before = before}), boxes, edges);
      for (const auto& element : parse_xml(svg)) paths += element.name == "path";
      EXPECT_EQ(ids, boxes);
      EXPECT_EQ(paths, edges);
      const InspectedPass& pass =
          before ? inspection.result().passes.front() : inspection.result().passes.back();
      EXPECT_EQ(
          std::count_if(ids.begin(), ids.end(), [](const std::string& id) { return id[0] == 'n'; }),
          pass.after[1] + pass.after[2]);
    }
}

TEST(InspectGraph, AModuleIsCutOutWithItsBorder) {
  const auto inspection = tiny(small("denoiser"));
  const std::string module = "model.diffusion_model.input_blocks.1";
  int inside = 0, outside = 0, readers = 0;
  for (const std::string& id :
       ids_in(inspection.draw_graph(GraphFormat::svg, {.module = module}))) {
    inside += id[0] == 'n';
    outside += id.starts_with("outside_");
    readers += id.starts_with("reader_");
  }
  int expected = 0;
  for (const InspectedOperation& operation : inspection.result().operations)
    expected += operation.rate != "load" && operation.module.starts_with(module + ".");
  EXPECT_EQ(inside, expected);
  EXPECT_GT(outside, 0);
  EXPECT_GT(readers, 0);
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"no.such.module"}, [&] {
    inspection.draw_graph(GraphFormat::svg, {.module = "no.such.module"});
  }));
}

TEST(InspectGraph, BoxesOfADrawingDoNotOverlap) {
  const auto inspection = tiny(small("denoiser", "cuda"));
  struct Box {
    double x, y;
  };
  std::vector<Box> boxes;
  for (const auto& element : parse_xml(inspection.draw_graph(GraphFormat::svg)))
    if (element.name == "rect" && element.attributes.contains("fill") &&
        element.attributes.at("width") == "190")
      boxes.push_back(
          {std::stod(element.attributes.at("x")), std::stod(element.attributes.at("y"))});
  EXPECT_GT(boxes.size(), 400u);
  for (size_t a = 0; a < boxes.size(); ++a)
    for (size_t b = 0; b < a; ++b)
      EXPECT_TRUE(std::abs(boxes[a].x - boxes[b].x) >= 190 ||
                  std::abs(boxes[a].y - boxes[b].y) >= 46)
          << a << " " << b;
}

TEST(InspectGraph, RefusesWhatCannotBe) {
  const auto refuses = [&](ErrorKind kind, std::initializer_list<std::string> parts,
                           const GraphOptions& options) {
    EXPECT_TRUE(fails_with(kind, parts, [&] { tiny(options); }));
  };
  refuses(ErrorKind::bad_argument, {"part", "unet"}, small("unet"));
  refuses(ErrorKind::bad_argument, {"size", "64x63"}, {.size = {63, 64}});
  refuses(ErrorKind::bad_argument, {"batch", "65"}, {.batch = 65});
  refuses(ErrorKind::bad_argument, {"device", "tpu"}, small("vae", "tpu"));
  refuses(ErrorKind::unsupported, {"precision", "fp16", "cpu", "bf16"},
          {.size = {64, 64}, .precision = "fp16"});
  refuses(ErrorKind::bad_argument, {"tuning-cache", "cpu"},
          {.size = {64, 64}, .tuning_cache = "x.json"});
  TemporaryFolder folder;
  write_file(folder / "x.json", "{\"version\": 1}");
  GraphOptions options = small("vae", "cuda");
  options.tuning_cache = folder / "x.json";
  refuses(ErrorKind::bad_file, {"x.json", "lacks \"device\"", "a tuning cache"}, options);
}

/// The choices that are shipped were measured for these models: by their names the products of the
/// full-size denoiser must be found among them (those that take in a norm, a concatenation or an
/// enlargement came later).
TEST(ProductKey, IsWhatTheTunerMeasuredBy) {
  const auto shipped =
      nlohmann::json::parse(read_file(DRYPOINT_SOURCE_DIR "/src/backend/cuda/tuned/hopper.json"));
  const Plan plan = compile(testing::full_size_graphs()[0], cuda_target({}));
  int products = 0;
  const auto look_up = [&](const auto& op, const PlanOp& step) {
    std::vector<TensorType> inputs;
    for (const ValueId id : step.inputs) inputs.push_back(plan.values[id].type);
    const TensorType& output = plan.values[step.output].type;
    if (output.dtype != DType::f16 || inputs[0].shape.back() % 8 != 0) return;  // not tuned
    const std::string key = gemm_key(op, inputs, output);
    for (const char* later : {" normed", " concat", " upsample"})
      if (key.find(later) != key.npos && !shipped["choices"].contains(key)) return;
    EXPECT_TRUE(shipped["choices"].contains(key)) << step.module << ": " << key;
    ++products;
  };
  for (const PlanOp& step : plan.step) {
    if (const auto* conv = std::get_if<Conv2d>(&step.op)) look_up(*conv, step);
    if (const auto* linear = std::get_if<Linear>(&step.op)) look_up(*linear, step);
  }
  EXPECT_GT(products, 100);
}

TEST(InspectGraph, ShowsMeasuredKernels) {
  // A cache with the key of one product of the tiny text encoder, with and without alternatives.
  TemporaryFolder folder;
  write_file(folder / "t.json", R"({"version": 1, "device": "a GPU", "choices": {
      "gemm f16 1x154 rows 192 columns 64x1 normed": ["64x64x6/1", 5.5, {"128x64x4/1": 7.25, "64x64x6/2": 6}],
      "gemm f16 1x154 rows 64 columns 64x1 residual": ["64x64x6/1", 4]}})");
  GraphOptions options = small("text", "cuda");
  options.tuning_cache = folder / "t.json";
  const auto inspection = tiny(options);
  int with_alternatives = 0, without = 0;
  for (const InspectedOperation& operation : inspection.result().operations) {
    if (operation.measured.size() == 1) ++without;
    if (operation.measured.size() < 3) continue;
    ++with_alternatives;
    EXPECT_EQ(operation.measured[0].name, "64x64x6/1");
    EXPECT_EQ(operation.measured[1].name, "64x64x6/2");
    EXPECT_EQ(operation.measured[2].microseconds, 7.25);
  }
  EXPECT_EQ(with_alternatives, 3);  // one q, k, v product a layer
  EXPECT_EQ(without, 3);            // and one after the attention
}

TEST(Xml, TheReaderOfTheseTestsSeesMistakes) {
  EXPECT_EQ(parse_xml("<a b=\"c\"><d/>x &amp; y</a>").size(), 2u);
  for (const char* bad : {"<a>", "<a></b>", "<a b=c/>", "<a b=\"1\" b=\"2\"/>", "<a>&x;</a>",
                          "<a>\x01</a>", "<a/><b/>", "text", "<a b=\"<\"/>"})
    EXPECT_THROW(parse_xml(bad), std::runtime_error) << bad;
}

}  // namespace
}  // namespace drypoint
