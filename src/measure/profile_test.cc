#include "drypoint/profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "drypoint/bench.h"
#include "support/test_support.h"

namespace drypoint::testing {
namespace {

Workload tiny() {
  return {.files = {.model = tiny_model_path(), .control = tiny_control_path()},
          .options = {.device = "cpu", .threads = 1},
          .steps = 2};
}

const ProfileResult& tiny_profile() {
  static const ProfileResult result = profile({.workload = tiny(), .size = {64, 64}, .repeats = 2});
  return result;
}

TEST(Profile, EveryOperationOfEveryPart) {
  const ProfileResult& result = tiny_profile();
  std::vector<std::string> parts;
  for (const PartProfile& part : result.parts) parts.push_back(part.name);
  EXPECT_EQ(parts, (std::vector<std::string>{"text", "hint", "step", "vae"}));
  EXPECT_GT(result.limits.flops_per_second, 0);
  EXPECT_GT(result.limits.bytes_per_second, 0);
  for (const PartProfile& part : result.parts) {
    SCOPED_TRACE(part.name);
    EXPECT_EQ(part.method, "wall clock");
    EXPECT_GT(part.operations.size(), 10u);
    double seconds = 0, gaps = 0;
    for (size_t i = 0; i < part.operations.size(); ++i) {
      const OperationProfile& o = part.operations[i];
      EXPECT_FALSE(o.module.empty());
      EXPECT_TRUE(o.attributes.starts_with(o.kind));
      EXPECT_GE(o.seconds, 0);
      for (const OperandProfile& input : o.inputs) {
        EXPECT_LT(input.from, static_cast<int>(i));
        if (input.from >= 0) {
          EXPECT_EQ(input.type, part.operations[input.from].output);
        }
      }
      seconds += o.seconds;
      gaps += o.gap;
    }
    EXPECT_NEAR(seconds, part.busy, 1e-9);
    EXPECT_NEAR(gaps, part.gaps, 1e-9);
    EXPECT_NEAR(part.sum - part.overlap, part.busy, 1e-9);
  }
}

TEST(Profile, ViewsHaveNoKernel) {
  int views = 0;
  for (const PartProfile& part : tiny_profile().parts)
    for (const OperationProfile& o : part.operations) {
      SCOPED_TRACE(o.attributes);
      if (o.kind == "reshape" || o.kind == "slice") {
        ++views;
        EXPECT_TRUE(o.kernels.empty());
        EXPECT_EQ(o.seconds + o.span + o.gap, 0);
      } else {
        ASSERT_EQ(o.kernels.size(), 1u);
        EXPECT_EQ(o.kernels[0].name, o.kind);
      }
    }
  EXPECT_GT(views, 40);
}

TEST(Profile, NamesAreThoseOfTheCheckpoint) {
  const auto& step = tiny_profile().parts[2];
  const auto found =
      std::find_if(step.operations.begin(), step.operations.end(), [](const auto& o) {
        return o.module == "model.diffusion_model.output_blocks.3.0.in_layers.2";
      });
  ASSERT_NE(found, step.operations.end());
  EXPECT_EQ(found->kind, "conv2d");
  EXPECT_EQ(found->inputs[1].name, "model.diffusion_model.output_blocks.3.0.in_layers.2.weight");
  EXPECT_GT(found->flops, 1000);
}

TEST(Profile, GroupsAddUp) {
  const auto& step = tiny_profile().parts[2];
  for (const Grouping grouping : {Grouping::module, Grouping::kind, Grouping::shape}) {
    double seconds = 0, flops = 0, before = 1e9;
    int operations = 0;
    for (const GroupProfile& group : group(step, grouping)) {
      seconds += group.seconds;
      flops += group.flops;
      operations += group.operations;
      EXPECT_LE(group.seconds, before);
      before = group.seconds;
    }
    EXPECT_NEAR(seconds, step.busy, 1e-9);
    EXPECT_EQ(operations, static_cast<int>(step.operations.size()));
    EXPECT_GT(flops, 0);
  }
}

TEST(Profile, ModulesEndAtTheirFirstNumber) {
  PartProfile part;
  for (const char* module : {"a.b.3.1.norm", "a.b.31", "a.b.3", "a.out", "7.x"}) {
    part.operations.emplace_back().module = module;
    part.operations.back().seconds = static_cast<double>(part.operations.size());  // 1 to 5
  }
  std::vector<std::string> names;
  for (const auto& group : group(part, Grouping::module)) names.push_back(group.name);
  EXPECT_EQ(names, (std::vector<std::string>{"7", "a.b.3", "a.out", "a.b.31"}));
}

TEST(Profile, TraceAndPage) {
  ProfileResult result = tiny_profile();
  result.model = "a </script><b>";  // a name of a file
  const auto trace = nlohmann::json::parse(to_trace(result));
  size_t operations = 0, kernels = 0, expected = 0;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    EXPECT_GE(event["dur"], 0);
    operations += event["tid"] == 2;
    kernels += event["tid"] == 3;
  }
  for (const PartProfile& part : result.parts)
    for (const OperationProfile& o : part.operations) expected += o.kernels.size();
  EXPECT_EQ(operations, expected);
  EXPECT_EQ(kernels, expected);

  const std::string page = to_page(result);
  EXPECT_EQ(page.find("</script><b>"), page.npos);
  EXPECT_EQ(page.find("http://"), page.find("http://www.w3.org/2000/svg"));  // a name, no address
  const size_t begin = page.find('>', page.find("id=\"data\"")) + 1;
  const auto data =
      nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
  EXPECT_EQ(data, nlohmann::json::parse(to_json(result)));
  EXPECT_EQ(data["model"], "a </script><b>");
}

TEST(Profile, WhatCannotBeProfiled) {
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {}, [&] {
    profile({.workload = tiny(), .size = {64, 60}});
  }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {}, [&] {
    profile({.workload = tiny(), .size = {64, 64}, .parts = {"unet"}});
  }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {}, [&] {
    profile({.workload = tiny(), .size = {64, 64}, .repeats = 0});
  }));
}

TEST(Bench, EveryPartAsOftenAsItRuns) {
  Workload workload = tiny();
  workload.batch = 2;
  workload.steps = 3;
  const BenchResult result =
      bench({.workload = workload, .sizes = {{64, 64}, {64, 128}}, .warmup = 0, .iterations = 2});
  ASSERT_EQ(result.sizes.size(), 2u);
  for (const SizeBench& size : result.sizes) {
    std::map<std::string, size_t> times;
    for (const PartTimes& part : size.parts) {
      times[part.name] = part.device.size();
      EXPECT_EQ(part.host.size(), part.device.size());
      for (const double time : part.device) EXPECT_GT(time, 0);
    }
    EXPECT_EQ(times, (std::map<std::string, size_t>{{"text", 2},
                                                    {"hint", 2},
                                                    {"first_step", 2},
                                                    {"step", 4},
                                                    {"vae", 4},
                                                    {"copies", 2},
                                                    {"picture", 2},
                                                    {"generate", 2}}));
    EXPECT_EQ(size.iterations, 2);
    EXPECT_GT(size.pictures_per_second, 0);
    EXPECT_GT(size.peak_bytes, 1u << 20);
  }
}

TEST(Bench, WithoutTransfers) {
  Workload workload = tiny();
  workload.steps = 1;
  const BenchResult result = bench({.workload = workload,
                                    .sizes = {{64, 64}},
                                    .warmup = 0,
                                    .iterations = 3,
                                    .transfers = false});
  std::set<std::string> names;
  for (const PartTimes& part : result.sizes[0].parts) {
    names.insert(part.name);
  }
  EXPECT_EQ(names, (std::set<std::string>{"text", "hint", "first_step", "vae", "picture"}));
  EXPECT_EQ(result.sizes[0].iterations, 3);
}

TEST(Bench, RandomWeightsNeedNoFile) {
  Workload workload = tiny();
  workload.files = {.model = "random:tiny"};
  workload.steps = 1;
  const BenchResult result =
      bench({.workload = workload, .sizes = {{64, 64}}, .warmup = 0, .iterations = 1});
  EXPECT_EQ(result.model, "random:tiny");
  workload.files.model = "random:sd3";
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {}, [&] {
    bench({.workload = workload, .sizes = {{64, 64}}});
  }));
}

TEST(Bench, WhatCannotBeTimed) {
  const auto refused = [](const BenchOptions& options) {
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {}, [&] { bench(options); }));
  };
  refused({.workload = tiny()});
  refused({.workload = tiny(), .sizes = {{63, 64}}});
  refused({.workload = tiny(), .sizes = {{64, 64}, {64, 128}, {64, 64}}});
  refused({.workload = tiny(), .sizes = {{64, 64}}, .warmup = -1});
  refused({.workload = tiny(), .sizes = {{64, 64}}, .iterations = 0});
  refused({.workload = tiny(), .sizes = {{64, 64}}, .duration = -1});
}

}  // namespace
}  // namespace drypoint::testing
