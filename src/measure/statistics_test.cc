#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "drypoint/bench.h"
#include "support/test_support.h"

namespace drypoint::testing {
namespace {

TEST(Statistics, SummaryByHand) {
  const Summary s = summarize({4, 1, 3, 2, 10});
  EXPECT_EQ(s.count, 5u);
  EXPECT_EQ(s.min, 1);
  EXPECT_EQ(s.max, 10);
  EXPECT_EQ(s.mean, 4);
  EXPECT_EQ(s.median, 3);
  EXPECT_DOUBLE_EQ(s.p90, 4 + 0.6 * 6);  // at position 3.6
  EXPECT_DOUBLE_EQ(s.p95, 4 + 0.8 * 6);
  EXPECT_DOUBLE_EQ(s.p99, 4 + 0.96 * 6);
  EXPECT_DOUBLE_EQ(s.deviation, std::sqrt((0 + 9 + 1 + 4 + 36) / 4.0));
  EXPECT_EQ(summarize({1, 2}).median, 1.5);
  EXPECT_EQ(summarize({7}).p99, 7);
  EXPECT_EQ(summarize({7}).deviation, 0);
  EXPECT_EQ(summarize({}).count, 0u);
}

/// Pictures of four steps, each disturbed as a whole.
BenchResult result_of(double step, int pictures, double noise = 0.02) {
  BenchResult result{.version = "1", .model = "m", .device = "cpu"};
  SizeBench& size = result.sizes.emplace_back();
  size.size = {64, 32};
  size.iterations = pictures;
  PartTimes& part = size.parts.emplace_back();
  part.name = "step";
  for (int i = 0; i < pictures; ++i)
    for (int j = 0; j < 4; ++j)
      part.device.push_back(step * (1 + noise * std::sin(7.0 * i) + 0.001 * j));
  part.host = part.device;
  size.parts.push_back({"only here", {1}, {1}});
  return result;
}

TEST(Statistics, CompareTellsNoiseFromChange) {
  const BenchResult before = result_of(1, 20);
  const Comparison same = compare(before, result_of(1.002, 20));
  ASSERT_EQ(same.parts.size(), 2u);
  EXPECT_EQ(same.parts[0].part, "step");
  EXPECT_NEAR(same.parts[0].ratio, 1.002, 1e-9);
  EXPECT_FALSE(same.parts[0].beyond_noise);
  EXPECT_LT(same.parts[0].low, 1);
  EXPECT_GT(same.parts[0].high, 1.002);
  EXPECT_TRUE(same.differences.empty());

  const Comparison slower = compare(before, result_of(1.1, 20));
  EXPECT_TRUE(slower.parts[0].beyond_noise);
  EXPECT_GT(slower.parts[0].low, 1);
  const Comparison faster = compare(before, result_of(0.9, 20));
  EXPECT_TRUE(faster.parts[0].beyond_noise);
  EXPECT_LT(faster.parts[0].high, 1);
  // The same draws each time.
  EXPECT_EQ(compare(before, result_of(0.9, 20)).parts[0].low, faster.parts[0].low);
}

TEST(Statistics, ManyPicturesTakeNoMinutes) {
  const Comparison comparison = compare(result_of(1, 20'000), result_of(1.01, 20'000));
  const PartComparison& step = comparison.parts[0];
  EXPECT_NEAR(step.ratio, 1.01, 1e-9);
  EXPECT_LT(step.low, 1.01);
  EXPECT_GT(step.high, 1.01);
  EXPECT_LT(step.high - step.low, 0.01);
}

TEST(Statistics, FewPicturesProveNothing) {
  EXPECT_FALSE(compare(result_of(1, 4, 0), result_of(2, 4, 0)).parts[0].beyond_noise);
  EXPECT_TRUE(compare(result_of(1, 5, 0), result_of(2, 5, 0)).parts[0].beyond_noise);
}

TEST(Statistics, CompareNamesWhatDiffers) {
  BenchResult now = result_of(1, 5);
  now.batch = 8;
  now.sizes[0].size = {64, 64};
  const Comparison comparison = compare(result_of(1, 5), now);
  EXPECT_TRUE(comparison.parts.empty());
  EXPECT_EQ(comparison.differences,
            (std::vector<std::string>{"batch: 1 before, 8 now", "sizes: none in common"}));
}

TEST(Statistics, ResultsComeBackFromJson) {
  const TemporaryFolder folder;
  const BenchResult result = result_of(0.125, 3);
  write_file(folder / "a.json", to_json(result));
  const BenchResult read = read_bench_result(folder / "a.json");
  EXPECT_EQ(read.model, "m");
  ASSERT_EQ(read.sizes.size(), 1u);
  EXPECT_EQ(read.sizes[0].size, result.sizes[0].size);
  EXPECT_EQ(read.sizes[0].parts[0].device, result.sizes[0].parts[0].device);
  EXPECT_TRUE(compare(result, read).differences.empty());
}

TEST(Statistics, OtherFilesAreRefused) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& text, const char* why) {
    write_file(folder / "a.json", text);
    return fails_with(ErrorKind::bad_file, {"a.json", why, "drypoint bench --json"},
                      [&] { read_bench_result(folder / "a.json"); });
  };
  EXPECT_TRUE(refused("", "is empty"));
  EXPECT_TRUE(refused("[]", "is JSON of type array"));
  EXPECT_TRUE(refused("{}", "lacks \"version\""));
  EXPECT_TRUE(refused("{\"version\": 3}", "lacks \"model\""));
  for (const char* text : {"\xff", "[[[[[[[[[[", "{\"version\": \"0.1", "\x89PNG\r\n"})
    EXPECT_TRUE(refused(text, "is not JSON")) << text;
  std::string json = to_json(result_of(1, 1));
  json.replace(json.find("\"times\": ["), 10, "\"times\": [-1,");
  EXPECT_TRUE(refused(json, "a time is not positive"));
  json.replace(json.find("-1,"), 3, "[],");
  EXPECT_TRUE(refused(json, "type must be number, but is array"));
}

}  // namespace
}  // namespace drypoint::testing
