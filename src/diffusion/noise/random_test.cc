#include "diffusion/noise/random.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "checkpoint/formats.h"
#include "diffusion/noise/gpu_sine.h"
#include "support/op_runner.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

NamedTensors golden(const std::string& file) {
  return read_tensor_file(testing::data("random/" + file)).tensors;
}

/// Numbers in float's order, so that neighbours differ by 1.
int64_t ordinal(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  return bits >= 0 ? bits : -int64_t{bits & 0x7fffffff};
}

int64_t distance(std::span<const float> actual, std::span<const float> expected) {
  EXPECT_EQ(actual.size(), expected.size());
  int64_t largest = 0;
  for (size_t i = 0; i < std::min(actual.size(), expected.size()); ++i)
    largest = std::max(largest, std::abs(ordinal(actual[i]) - ordinal(expected[i])));
  return largest;
}

std::vector<float> draw(Generator& generator, size_t count) {
  std::vector<float> values(count);
  generator.randn(values);
  return values;
}

/// Checks every tensor named KIND.seedSEED.nCOUNT against one draw of COUNT numbers.
void check_draws(const NamedTensors& golden, RandomKind kind, int64_t allowed) {
  int checked = 0;
  for (const auto& [name, tensor] : golden.tensors) {
    unsigned long long seed, count;
    if (std::sscanf(name.c_str(), "%*[a-z].seed%llu.n%llu", &seed, &count) != 2) continue;
    SCOPED_TRACE(name);
    const Tensor expected = tensor.to_f32();
    auto values = draw(*make_generator({.kind = kind}, seed), count);
    // Of the largest draws only the first and last 256 are kept.
    if (expected.floats().size() < count) values.erase(values.begin() + 256, values.end() - 256);
    EXPECT_LE(distance(values, expected.floats()), allowed);
    ++checked;
  }
  EXPECT_GE(checked, 30);
}

TEST(Random, DrawsWhatPyTorchDrawsOnACpu) {
  const auto tensors = golden("cpu.safetensors");
  for (const int64_t target : testing::vector_targets()) {
    const testing::OnTarget only(target);
    check_draws(tensors, RandomKind::cpu, 0);
  }
  const auto generator = make_generator({}, 5);
  for (const char* name : {"cpu.seed5.two_draws_a", "cpu.seed5.two_draws_b"})
    EXPECT_EQ(distance(draw(*generator, 2 * 4 * 16 * 24), tensors.at(name).to_f32().floats()), 0)
        << name;
}

TEST(Random, DrawsWhatPyTorchDrawsOnAGpu) {
  const auto tensors = golden("cuda.safetensors");
  check_draws(tensors, RandomKind::cuda, 2);
  auto generator = make_generator({.kind = RandomKind::cuda}, 5);
  for (const char* name : {"cuda.seed5.draw_a", "cuda.seed5.draw_b", "cuda.seed5.draw_c"})
    EXPECT_LE(distance(draw(*generator, 2 * 4 * 16 * 24), tensors.at(name).to_f32().floats()), 2)
        << name;
  generator = make_generator({.kind = RandomKind::cuda}, 12345);
  for (int i = 0; i < 2; ++i) draw(*generator, 4 * 64 * 64);
  EXPECT_LE(distance(draw(*generator, 4 * 64 * 64),
                     tensors.at("cuda.seed12345.draw16_c").to_f32().floats()),
            2);
}

TEST(Random, DrawsInFloatWhatPyTorchRoundsToHalf) {
  const auto tensors = golden("cuda.safetensors");
  auto values = draw(*make_generator({.kind = RandomKind::cuda}, 5), 4 * 32 * 48);
  const Tensor rounded = tensors.at("cuda.seed5.half").to_f32();
  int other = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const float half = half_to_float(float_to_half(values[i]));
    const float expected = rounded.floats()[i];
    other += half != expected;
    EXPECT_NEAR(half, expected, std::abs(expected) * 0x1p-10);
  }
  // Two units in float's last place can make a half only where it is close to a tie.
  EXPECT_LE(other, 8);
}

TEST(Random, KeepsTheSecondOfAPairForTheNextShortDraw) {
  // Below 16 numbers, short draws go on where the last one ended, and long ones leave that alone.
  const auto whole = draw(*make_generator({}, 3), 15);
  const auto generator = make_generator({}, 3);
  auto parts = draw(*generator, 1);
  for (const size_t count : {2, 5, 7})
    for (const float value : draw(*generator, count)) parts.push_back(value);
  EXPECT_EQ(parts, whole);

  const auto mixed = make_generator({}, 3);
  draw(*mixed, 1);
  draw(*mixed, 16);
  EXPECT_EQ(draw(*mixed, 1)[0], whole[1]);
}

TEST(Random, UsesTheWholeSeedOnAGpuAndHalfOfItOnACpu) {
  const uint64_t seed = 5, far = seed + (uint64_t{1} << 40);
  EXPECT_EQ(draw(*make_generator({}, seed), 16), draw(*make_generator({}, far), 16));
  const RandomOptions cuda{.kind = RandomKind::cuda};
  EXPECT_NE(draw(*make_generator(cuda, seed), 16), draw(*make_generator(cuda, far), 16));
  EXPECT_TRUE(draw(*make_generator(cuda, ~uint64_t{0}), 0).empty());
}

TEST(Random, DependsOnTheGpuOnlyForLargeDraws) {
  const RandomOptions large{.kind = RandomKind::cuda},
      small{.kind = RandomKind::cuda, .multiprocessors = 2, .threads = 1536};
  EXPECT_EQ(draw(*make_generator(large, 1), 3072), draw(*make_generator(small, 1), 3072));
  const auto one = draw(*make_generator(large, 1), 3073),
             other = draw(*make_generator(small, 1), 3073);
  EXPECT_TRUE(std::equal(one.begin(), one.begin() + 3072, other.begin()));
  EXPECT_NE(one.back(), other.back());
}

TEST(Random, RefusesImpossibleGpus) {
  for (const auto& [multiprocessors, threads] :
       {std::pair{0, 2048}, {-1, 2048}, {1025, 2048}, {132, 255}, {132, 4097}, {132, -256}})
    EXPECT_TRUE(fails_with(
        ErrorKind::bad_argument,
        {"rng: ", std::to_string(multiprocessors), std::to_string(threads)}, [&] {
          make_generator(
              {.kind = RandomKind::cuda, .multiprocessors = multiprocessors, .threads = threads},
              1);
        }));
}

TEST(GpuSine, IsTheSineWithTheErrorThatIsDocumented) {
  // CUDA C++ Programming Guide, intrinsic functions: 2^-21.41 and 2^-21.19 at most up
  // to pi.
  double sine_error = 0, cosine_error = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const auto x = static_cast<float>(i * (std::numbers::pi / 1'000'000));
    sine_error = std::max(sine_error, std::abs(gpu_sine(x) - std::sin(double{x})));
    cosine_error = std::max(cosine_error, std::abs(gpu_cosine(x) - std::cos(double{x})));
  }
  EXPECT_LE(sine_error, std::exp2(-21.41));
  EXPECT_LE(cosine_error, std::exp2(-21.19));
  EXPECT_GE(sine_error, std::exp2(-22));  // it is not the exact sine either
  EXPECT_EQ(gpu_sine(0.0f), 0.0f);
}

}  // namespace
}  // namespace drypoint
