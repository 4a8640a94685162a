#include <cmath>
#include <cstring>
#include <limits>

#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "drypoint/error.h"
#include "drypoint/inspect.h"
#include "drypoint/plan.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::TemporaryFolder;

Tensor floats(const std::vector<float>& values) {
  return make_tensor({static_cast<int64_t>(values.size())}, values);
}

CheckpointDifference compare(const std::map<std::string, Tensor, std::less<>>& a,
                             const std::map<std::string, Tensor, std::less<>>& b) {
  TemporaryFolder folder;
  write_safetensors(folder / "a.safetensors", a);
  write_safetensors(folder / "b.safetensors", b);
  return difference(folder / "a.safetensors", folder / "b.safetensors");
}

/// A copy of the tiny ControlNet in which `change` may change tensors.
void write_changed(const std::filesystem::path& path,
                   const std::function<void(NamedTensors&)>& change) {
  NamedTensors tensors = read_tensor_file(testing::tiny_control_path()).tensors;
  change(tensors);
  write_safetensors(path, tensors.tensors, {tensors.metadata.begin(), tensors.metadata.end()});
}

TEST(Difference, OfAFileToItselfIsNone) {
  const auto same = difference(testing::tiny_model_path(), testing::tiny_model_path());
  EXPECT_TRUE(same.same());
  EXPECT_EQ(same.equal, 980);
  int64_t in_modules = 0;
  for (const auto& [name, module] : same.modules) in_modules += module.equal;
  EXPECT_EQ(in_modules, same.equal);
}

TEST(Difference, NamesTheOneTensorThatChanged) {
  TemporaryFolder folder;
  const std::string name = "control_model.input_blocks.4.1.proj_in.weight";
  write_changed(folder / "b.safetensors", [&](NamedTensors& all) {
    const Tensor& old = all.at(name);
    Tensor changed(old.type());
    std::copy(old.bytes().begin(), old.bytes().end(), changed.mutable_bytes().begin());
    const auto halves = reinterpret_cast<uint16_t*>(changed.mutable_bytes().data());
    halves[7] = float_to_half(half_to_float(halves[7]) + 4);
    halves[9] = float_to_half(half_to_float(halves[9]) - 8);
    all.tensors[name] = changed;
  });
  const auto found = difference(testing::tiny_control_path(), folder / "b.safetensors");
  EXPECT_FALSE(found.same());
  EXPECT_EQ(found.equal, 337);
  EXPECT_TRUE(found.only_a.empty() && found.only_b.empty() && found.metadata.empty());
  ASSERT_EQ(found.different.size(), 1u);
  const TensorDifference& tensor = found.different[0];
  EXPECT_EQ(tensor.name, name);
  EXPECT_EQ(tensor.module, "control_model.input_blocks.4");
  EXPECT_EQ(tensor.type_a, tensor.type_b);
  EXPECT_EQ(tensor.values, 2);
  EXPECT_NEAR(tensor.largest, 8, 0.01);
  EXPECT_GT(tensor.relative, 8);  // the tensor's own values are below 1
  for (const auto& [block, module] : found.modules) {
    EXPECT_EQ(module.different, block == tensor.module ? 1 : 0) << block;
    EXPECT_EQ(module.relative, block == tensor.module ? tensor.relative : 0) << block;
  }
}

TEST(Difference, GoesByCanonicalNamesWhereTheyAreKnown) {
  // The same ControlNet with and without the prefix of its part.
  TemporaryFolder folder;
  write_changed(folder / "bare.safetensors", [](NamedTensors& all) {
    std::map<std::string, Tensor, std::less<>> bare;
    for (const auto& [name, tensor] : all.tensors)
      bare[name.substr(std::string("control_model.").size())] = tensor;
    all.tensors = std::move(bare);
  });
  const auto found = difference(testing::tiny_control_path(), folder / "bare.safetensors");
  EXPECT_TRUE(found.same());
  EXPECT_EQ(found.equal, 338);
}

TEST(Difference, OfNamesShapesTypesAndMetadata) {
  Tensor half({DType::f16, {2}});
  const uint16_t values[] = {float_to_half(1.5f), float_to_half(-2)};
  std::memcpy(half.mutable_bytes().data(), values, sizeof values);
  TemporaryFolder folder;
  write_safetensors(folder / "a",
                    {{"left", floats({1})}, {"shape", floats({1, 2, 3})}, {"type", half}},
                    {{"who", "one"}, {"same", "x"}});
  write_safetensors(
      folder / "b",
      {{"right", floats({1})}, {"shape", floats({1, 2})}, {"type", floats({1.5f, -2})}},
      {{"same", "x"}, {"new", "y"}});
  const auto found = difference(folder / "a", folder / "b");
  EXPECT_EQ(found.equal, 0);
  EXPECT_EQ(found.only_a, std::vector<std::string>{"left f32[1]"});
  EXPECT_EQ(found.only_b, std::vector<std::string>{"right f32[1]"});
  ASSERT_EQ(found.different.size(), 2u);
  EXPECT_EQ(found.different[0].name, "shape");
  EXPECT_FALSE(found.different[0].same_shape);
  EXPECT_EQ(found.different[0].type_b, "f32[2]");
  EXPECT_EQ(found.different[1].type_a, "f16[2]");
  EXPECT_TRUE(found.different[1].same_shape);
  EXPECT_EQ(found.different[1].values, 0);
  ASSERT_EQ(found.metadata.size(), 2u);
  EXPECT_EQ(found.metadata[0].key, "new");
  EXPECT_EQ(found.metadata[0].a + found.metadata[0].b, "y");
  EXPECT_EQ(found.metadata[1].key, "who");
  EXPECT_EQ(found.metadata[1].a + found.metadata[1].b, "one");
}

TEST(Difference, OfWhatIsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto same = compare({{"x", floats({1, nan})}}, {{"x", floats({1, nan})}});
  EXPECT_TRUE(same.same());
  const auto apart = compare({{"x", floats({1, nan, 3})}}, {{"x", floats({1, 2, 3})}});
  ASSERT_EQ(apart.different.size(), 1u);
  EXPECT_EQ(apart.different[0].values, 1);
  EXPECT_TRUE(std::isinf(apart.different[0].largest));
  const auto from_zero = compare({{"x", floats({0, 0})}}, {{"x", floats({0, 2})}});
  EXPECT_EQ(from_zero.different[0].largest, 2);
  EXPECT_TRUE(std::isinf(from_zero.different[0].relative));
}

TEST(Difference, OfMoreValuesThanArePassedAtOnce) {
  std::vector<float> a(10'001, 2), b = a;
  b[5000] = 3;
  b[10'000] = 1.5f;
  const auto found = compare({{"x", floats(a)}}, {{"x", floats(b)}});
  ASSERT_EQ(found.different.size(), 1u);
  EXPECT_EQ(found.different[0].values, 2);
  EXPECT_EQ(found.different[0].largest, 1);
  EXPECT_EQ(found.different[0].relative, 0.5);
}

TEST(Difference, OfPlansIsByTheirHeaders) {
  TemporaryFolder folder;
  const auto build = [&](const char* name, int side) {
    build_plan(
        testing::tiny_files(), folder / name,
        {.sizes = {{side, side}}, .any_size = false, .pipeline = {.device = "cpu", .threads = 2}});
    return folder / name;
  };
  const auto a = build("a.plan", 16), b = build("b.plan", 24);
  EXPECT_TRUE(difference(a, a).same());
  const auto found = difference(a, b);
  ASSERT_EQ(found.metadata.size(), 1u);
  EXPECT_EQ(found.metadata[0].key, "sizes");
  EXPECT_EQ(found.metadata[0].a, "16x16");
  EXPECT_EQ(found.metadata[0].b, "24x24");
  EXPECT_GT(found.equal, 0);
  for (const TensorDifference& tensor : found.different) EXPECT_NE(tensor.name, "checksums");
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_argument, {"a.plan", "tiny"},
                                  [&] { difference(testing::tiny_model_path(), a); }));
}

TEST(Difference, StopsAndFails) {
  const auto tiny = testing::tiny_control_path();
  EXPECT_TRUE(testing::fails_with(ErrorKind::cancelled, {},
                                  [&] { difference(tiny, tiny, [] { return true; }); }));
  EXPECT_TRUE(
      testing::fails_with(ErrorKind::bad_file, {"nowhere"}, [&] { difference(tiny, "nowhere"); }));
}

}  // namespace
}  // namespace drypoint
