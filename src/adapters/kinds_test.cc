// Each kind against its formula, worked out element by element in float64.
#include <cmath>
#include <random>

#include "adapters/adapter.h"
#include "adapters/cayley.h"
#include "adapters/fit.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "models/family.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::close;
using testing::fails_with;

using Tensors = std::map<std::string, Tensor, std::less<>>;

Tensor random_tensor(Shape shape, uint32_t seed) {
  std::mt19937 generator(seed);
  Tensor tensor({DType::f32, std::move(shape)});
  for (float& value : tensor.mutable_floats())
    value = static_cast<float>(generator() % 2001) / 1000.0f - 1.0f;
  return tensor;
}

Tensor number(float value) { return make_tensor({}, std::vector<float>{value}); }

double at(const Tensor& tensor, std::initializer_list<int64_t> index) {
  int64_t place = 0;
  size_t dimension = 0;
  for (const int64_t i : index) place = place * tensor.shape()[dimension++] + i;
  return tensor.floats()[static_cast<size_t>(place)];
}

constexpr const char* module_name = "lora_unet_mid_block_resnets_0_conv1";

/// A file's changes to the weight of one module.
class Kinds : public ::testing::Test {
 protected:
  std::shared_ptr<const Adapter> read(const Tensors& roles,
                                      const std::map<std::string, std::string>& metadata = {}) {
    Tensors named;
    for (const auto& [role, tensor] : roles) named[std::string(module_name) + "." + role] = tensor;
    const auto path = folder_ / "adapter.safetensors";
    write_safetensors(path, named, metadata);
    return read_adapter(path);
  }
  /// The weight after the only change.
  Tensor apply(const Tensors& roles, const Tensor& weight, double strength) {
    const auto adapter = read(roles);
    EXPECT_EQ(adapter->left, std::vector<std::string>());
    EXPECT_EQ(adapter->changes.size(), 1u);
    const WeightChange& change = *adapter->changes.at(0).change;
    EXPECT_TRUE(change.fits(weight.shape()));
    EXPECT_FALSE(change.fits({weight.shape()[0] + 1, weight.shape()[1] + 1}));
    Tensor result = make_tensor(weight.shape(), weight.floats());
    change.apply(result, weight, strength);
    return result;
  }
  /// weight + strength * delta(o, i, k), of any kernel.
  template <class Delta>
  static Tensor sum(const Tensor& weight, double strength, const Delta& delta) {
    Tensor result = make_tensor(weight.shape(), weight.floats());
    const int64_t inputs = weight.shape()[1],
                  taps = weight.type().elements() / (weight.shape()[0] * inputs);
    for (int64_t j = 0; j < weight.type().elements(); ++j) {
      float& value = result.mutable_floats()[static_cast<size_t>(j)];
      value = static_cast<float>(
          double{value} + strength * delta(j / (inputs * taps), j / taps % inputs, j % taps));
    }
    return result;
  }

  testing::TemporaryFolder folder_;
};

void expect_close(const Tensor& actual, const Tensor& expected) {
  EXPECT_EQ(actual.shape(), expected.shape());
  EXPECT_TRUE(close(actual.floats(), expected.floats(), 1e-6));
}

TEST_F(Kinds, LoraOfMatricesAndConvolutions) {
  for (const auto& [weight, down] : {std::pair(Shape{6, 5}, Shape{2, 5}),
                                     {Shape{6, 5, 1, 1}, Shape{2, 5}},
                                     {Shape{6, 5}, Shape{2, 5, 1, 1}},
                                     {Shape{6, 5, 3, 3}, Shape{2, 5, 3, 3}}}) {
    const Tensor w = random_tensor(weight, 1), d = random_tensor(down, 2);
    const Tensor u = random_tensor(down.size() == 4 ? Shape{6, 2, 1, 1} : Shape{6, 2}, 3);
    const auto taps = element_count({weight.begin() + 2, weight.end()});
    for (const bool has_alpha : {false, true}) {
      Tensors roles{{"lora_up.weight", u}, {"lora_down.weight", d}};
      if (has_alpha) roles["alpha"] = number(1);
      expect_close(apply(roles, w, -0.75), sum(w, -0.75, [&](auto o, auto i, auto k) {
                     double delta = 0;
                     for (size_t r = 0; r < 2; ++r)
                       delta += double{u.floats()[static_cast<size_t>(o) * 2 + r]} *
                                double{d.floats()[r * static_cast<size_t>(5 * taps) +
                                                  static_cast<size_t>(i * taps + k)]};
                     return delta * (has_alpha ? 0.5 : 1);
                   }));
    }
  }
}

/// sum of core[p, q, k] a[p, o] b[q, i]
double tucker_at(const Tensor& core, const Tensor& a, const Tensor& b, int64_t o, int64_t i,
                 int64_t k) {
  double total = 0;
  for (int64_t p = 0; p < core.shape()[0]; ++p)
    for (int64_t q = 0; q < core.shape()[1]; ++q)
      total += at(core, {p, q, k / 3, k % 3}) * at(a, {p, o}) * at(b, {q, i});
  return total;
}

TEST_F(Kinds, LoconWithACore) {
  const Tensor w = random_tensor({6, 5, 3, 3}, 1), up = random_tensor({6, 2, 1, 1}, 2),
               down = random_tensor({4, 5, 1, 1}, 3), mid = random_tensor({2, 4, 3, 3}, 4);
  Tensor up_transposed({DType::f32, {2, 6}});
  for (size_t o = 0; o < 6; ++o)
    for (size_t r = 0; r < 2; ++r)
      up_transposed.mutable_floats()[r * 6 + o] = up.floats()[o * 2 + r];
  expect_close(apply({{"lora_up.weight", up},
                      {"lora_down.weight", down},
                      {"lora_mid.weight", mid},
                      {"alpha", number(2)}},
                     w, 0.5),
               sum(w, 0.5, [&](auto o, auto i, auto k) {
                 return 0.5 * tucker_at(mid, up_transposed, down.reshaped({4, 5}), o, i, k);
               }));
}

TEST_F(Kinds, LohaWithAndWithoutCores) {
  const Tensor w = random_tensor({6, 5, 3, 3}, 1);
  const Tensor a1 = random_tensor({6, 2}, 2), b1 = random_tensor({2, 45}, 3),
               a2 = random_tensor({6, 2}, 4), b2 = random_tensor({2, 45}, 5);
  const auto product = [](const Tensor& a, const Tensor& b, int64_t o, int64_t column) {
    return at(a, {o, 0}) * at(b, {0, column}) + at(a, {o, 1}) * at(b, {1, column});
  };
  expect_close(apply({{"hada_w1_a", a1},
                      {"hada_w1_b", b1},
                      {"hada_w2_a", a2},
                      {"hada_w2_b", b2},
                      {"alpha", number(1)}},
                     w, 1),
               sum(w, 0.5, [&](auto o, auto i, auto k) {
                 return product(a1, b1, o, i * 9 + k) * product(a2, b2, o, i * 9 + k);
               }));
  const Tensor t1 = random_tensor({2, 2, 3, 3}, 6), t2 = random_tensor({2, 2, 3, 3}, 7),
               c1 = random_tensor({2, 6}, 8), d1 = random_tensor({2, 5}, 9),
               c2 = random_tensor({2, 6}, 10), d2 = random_tensor({2, 5}, 11);
  expect_close(apply({{"hada_w1_a", c1},
                      {"hada_w1_b", d1},
                      {"hada_t1", t1},
                      {"hada_w2_a", c2},
                      {"hada_w2_b", d2},
                      {"hada_t2", t2}},
                     w, 2),
               sum(w, 2, [&](auto o, auto i, auto k) {
                 return tucker_at(t1, c1, d1, o, i, k) * tucker_at(t2, c2, d2, o, i, k);
               }));
}

TEST_F(Kinds, LokrInAllItsForms) {
  const Tensor w = random_tensor({6, 4, 3, 3}, 1);
  const Tensor w1 = random_tensor({2, 2}, 2), a1 = random_tensor({2, 1}, 3),
               b1 = random_tensor({1, 2}, 4);
  const Tensor w2 = random_tensor({3, 2, 3, 3}, 5), a2 = random_tensor({3, 2}, 6),
               b2 = random_tensor({2, 18}, 7), t2 = random_tensor({2, 2, 3, 3}, 8),
               c2 = random_tensor({2, 3}, 9), d2 = random_tensor({2, 2}, 10);
  const auto first_whole = [&](int64_t i, int64_t j) { return at(w1, {i, j}); };
  const auto first_factors = [&](int64_t i, int64_t j) { return at(a1, {i, 0}) * at(b1, {0, j}); };
  const auto second_whole = [&](int64_t i, int64_t j, int64_t k) {
    return at(w2, {i, j, k / 3, k % 3});
  };
  const auto second_factors = [&](int64_t i, int64_t j, int64_t k) {
    return at(a2, {i, 0}) * at(b2, {0, j * 9 + k}) + at(a2, {i, 1}) * at(b2, {1, j * 9 + k});
  };
  const auto second_core = [&](int64_t i, int64_t j, int64_t k) {
    return tucker_at(t2, c2, d2, i, j, k);
  };
  const auto check = [&](const Tensors& roles, double scale, const auto& first,
                         const auto& second) {
    Tensors all = roles;
    all["alpha"] = number(4);
    expect_close(apply(all, w, 0.5), sum(w, 0.5 * scale, [&](auto o, auto i, auto k) {
                   return first(o / 3, i / 2) * second(o % 3, i % 2, k);
                 }));
  };
  check({{"lokr_w1", w1}, {"lokr_w2", w2}}, 1, first_whole, second_whole);  // alpha is ignored
  check({{"lokr_w1", w1}, {"lokr_w2_a", a2}, {"lokr_w2_b", b2}}, 2, first_whole, second_factors);
  check({{"lokr_w1_a", a1}, {"lokr_w1_b", b1}, {"lokr_w2", w2}}, 4, first_factors, second_whole);
  check({{"lokr_w1", w1}, {"lokr_w2_a", c2}, {"lokr_w2_b", d2}, {"lokr_t2", t2}}, 2, first_whole,
        second_core);
}

TEST_F(Kinds, DoraOfOutputsAndInputs) {
  const Tensor w = random_tensor({6, 5, 3, 3}, 1), up = random_tensor({6, 2, 1, 1}, 2),
               down = random_tensor({2, 5, 3, 3}, 3);
  for (const bool of_inputs : {false, true}) {
    const Tensor m = random_tensor(of_inputs ? Shape{1, 5, 1, 1} : Shape{6, 1, 1, 1}, 4);
    const Tensor changed = apply({{"lora_up.weight", up}, {"lora_down.weight", down}}, w, 1);
    const auto changed_at = [&](int64_t o, int64_t i, int64_t k) {
      return at(changed, {o, i, k / 3, k % 3});
    };
    const auto norm = [&](int64_t o, int64_t i) {
      double squares = 0;
      for (int64_t k = 0; k < 9; ++k)
        for (int64_t j = 0; j < (of_inputs ? 6 : 5); ++j)
          squares += std::pow(of_inputs ? changed_at(j, i, k) : changed_at(o, j, k), 2);
      return std::sqrt(squares);
    };
    expect_close(
        apply({{"lora_up.weight", up}, {"lora_down.weight", down}, {"dora_scale", m}}, w, 0.5),
        sum(w, 0.5, [&](auto o, auto i, auto k) {
          const double magnitude = m.floats()[static_cast<size_t>(of_inputs ? i : o)];
          return magnitude * changed_at(o, i, k) / norm(o, i) - at(w, {o, i, k / 3, k % 3});
        }));
  }
}

TEST_F(Kinds, DifferencesOfWeightsBiasesAndNorms) {
  const Tensor w = random_tensor({6, 5, 3, 3}, 1), d = random_tensor({6, 5, 3, 3}, 2),
               b = random_tensor({6}, 3);
  const auto adapter = read({{"diff", d}, {"diff_b", b}});
  ASSERT_EQ(adapter->changes.size(), 2u);
  EXPECT_TRUE(adapter->changes[1].of_bias);
  for (const auto& [change, before, added] :
       {std::tuple(&adapter->changes[0], w, d), {&adapter->changes[1], b, b}}) {
    Tensor result = make_tensor(before.shape(), before.floats()), expected = result;
    expected = make_tensor(before.shape(), before.floats());
    for (size_t i = 0; i < expected.floats().size(); ++i)
      expected.mutable_floats()[i] += 0.25f * added.floats()[i];
    change->change->apply(result, before, 0.25);
    expect_close(result, expected);
  }
  const auto norms = read({{"w_norm", b}, {"b_norm", b}});
  EXPECT_EQ(norms->changes.size(), 2u);
  EXPECT_TRUE(norms->changes[0].change->fits({6}));
  const auto whole = read({{"set_weight", d}});
  Tensor result = make_tensor(w.shape(), w.floats());
  whole->changes.at(0).change->apply(result, w, 1);
  expect_close(result, d);
}

TEST_F(Kinds, OftTurnsBlocksOfOutputs) {
  // Q of [[0, t], [0, 0]] is [[0, t], [-t, 0]]; its Cayley transform is a rotation.
  const double t = 0.5, cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
  const Tensor blocks = make_tensor({2, 2, 2}, std::vector<float>{0, 0.5f, 0, 0, 0, 0, 0, 0});
  const Tensor rescale = make_tensor({4, 1}, std::vector<float>{1, 2, 3, 1});
  const Tensor w = random_tensor({4, 5}, 1);
  const auto turned = [&](int64_t o, int64_t i) {  // R^T W, R = [[c, s], [-s, c]]
    if (o > 1) return at(w, {o, i});
    return o == 0 ? cosine * at(w, {0, i}) - sine * at(w, {1, i})
                  : sine * at(w, {0, i}) + cosine * at(w, {1, i});
  };
  expect_close(apply({{"oft_blocks", blocks}, {"alpha", number(0)}}, w, 0.75),
               sum(w, 0.75, [&](auto o, auto i, auto) {
                 return turned(o, i) - at(w, {o, i});
               }));
  expect_close(apply({{"oft_diag", blocks}, {"rescale", rescale}}, w, 1),
               sum(w, 1, [&](auto o, auto i, auto) {
                 return turned(o, i) * at(rescale, {o, 0}) - at(w, {o, i});
               }));
  // The constraint: |Q| = t sqrt 2 is made 4 alpha.
  const Tensor constrained = apply({{"oft_blocks", blocks}, {"alpha", number(0.05f)}}, w, 1);
  const double shorter = 0.2 / std::sqrt(2.0);
  EXPECT_NEAR(at(constrained, {0, 0}),
              ((1 - shorter * shorter) * at(w, {0, 0}) - 2 * shorter * at(w, {1, 0})) /
                  (1 + shorter * shorter),
              1e-6);
}

TEST_F(Kinds, CayleyTransformsAreOrthogonal) {
  const Tensor r = cayley(random_tensor({3, 7, 7}, 5), 0);
  for (int64_t block = 0; block < 3; ++block)
    for (int64_t i = 0; i < 7; ++i)
      for (int64_t j = 0; j < 7; ++j) {
        double product = 0;
        for (int64_t k = 0; k < 7; ++k) product += at(r, {block, i, k}) * at(r, {block, j, k});
        EXPECT_NEAR(product, i == j ? 1 : 0, 1e-6);
      }
}

/// LyCORIS' boft_diff_weight, by reshaping: unflatten, transpose, flatten, and back.
std::vector<double> lycoris_boft(const Tensor& rotations, std::vector<double> rows, double scale) {
  const auto stages = rotations.shape()[0], b = rotations.shape()[2];
  const auto n = static_cast<int64_t>(rows.size());
  for (int64_t stage = 0; stage < stages; ++stage) {
    const int64_t k = (int64_t{1} << stage) * (b / 2);
    std::vector<double> gathered, turned(rows.size()), back(rows.size());
    for (int64_t outer = 0; outer < n / (2 * k); ++outer)
      for (int64_t inner = 0; inner < k; ++inner)
        for (int64_t g = 0; g < 2; ++g)
          gathered.push_back(rows[static_cast<size_t>(outer * 2 * k + g * k + inner)]);
    for (int64_t row = 0; row < n; ++row)
      for (int64_t j = 0; j < b; ++j) {
        const double one = row % b == j ? 1 : 0;
        turned[static_cast<size_t>(row)] +=
            (at(rotations, {stage, row / b, row % b, j}) * scale + (1 - scale) * one) *
            gathered[static_cast<size_t>(row / b * b + j)];
      }
    size_t next = 0;
    for (int64_t outer = 0; outer < n / (2 * k); ++outer)
      for (int64_t inner = 0; inner < k; ++inner)
        for (int64_t g = 0; g < 2; ++g)
          back[static_cast<size_t>(outer * 2 * k + g * k + inner)] = turned[next++];
    rows = back;
  }
  return rows;
}

TEST_F(Kinds, BoftTurnsInStages) {
  const Tensor blocks = random_tensor({3, 4, 4, 4}, 2), w = random_tensor({16, 3}, 1);
  const Tensor rotations = cayley(blocks, 0);
  for (const double strength : {1.0, 0.5}) {
    const Tensor result = apply({{"oft_blocks", blocks}}, w, strength);
    for (int64_t column = 0; column < 3; ++column) {
      std::vector<double> rows;
      for (int64_t o = 0; o < 16; ++o) rows.push_back(at(w, {o, column}));
      const auto expected = lycoris_boft(rotations, rows, strength);
      for (int64_t o = 0; o < 16; ++o)
        EXPECT_NEAR(at(result, {o, column}), expected[static_cast<size_t>(o)], 1e-5);
    }
  }
}

TEST_F(Kinds, Ia3ScalesOutputsOrInputs) {
  const Tensor w = random_tensor({6, 5, 3, 3}, 1);
  for (const bool on_input : {false, true}) {
    const Tensor factors = random_tensor(on_input ? Shape{1, 5, 1, 1} : Shape{1, 6, 1, 1}, 2);
    expect_close(apply({{"weight", factors}, {"on_input", number(on_input ? 1.0f : 0.0f)}}, w, 0.5),
                 sum(w, 0.5, [&](auto o, auto i, auto k) {
                   return at(w, {o, i, k / 3, k % 3}) *
                          double{factors.floats()[static_cast<size_t>(on_input ? i : o)]};
                 }));
  }
}

TEST_F(Kinds, GloraOfBothOrders) {
  const Tensor w = random_tensor({6, 5}, 1), a1 = random_tensor({5, 2}, 2),
               a2 = random_tensor({2, 5}, 3), b1 = random_tensor({6, 2}, 4),
               b2 = random_tensor({2, 5}, 5);
  const Tensor expected = sum(w, 0.5, [&](auto o, auto i, auto) {
    double delta = 0;
    for (int64_t r = 0; r < 2; ++r) {
      for (int64_t j = 0; j < 5; ++j) delta += at(w, {o, j}) * at(a1, {j, r}) * at(a2, {r, i});
      delta += at(b1, {o, r}) * at(b2, {r, i});
    }
    return 0.5 * delta;
  });
  expect_close(apply({{"a1.weight", a1},
                      {"a2.weight", a2},
                      {"b1.weight", b1},
                      {"b2.weight", b2},
                      {"alpha", number(1)}},
                     w, 0.5),
               expected);
  expect_close(apply({{"a1.weight", a2},
                      {"a2.weight", a1},
                      {"b1.weight", b2},
                      {"b2.weight", b1},
                      {"alpha", number(1)}},
                     w, 0.5),
               expected);
}

TEST_F(Kinds, PeftsAlphaIsInTheMetadata) {
  const auto path = folder_ / "peft.safetensors";
  const std::string a = "unet.mid_block.attentions.0.proj_in",
                    b = "unet.mid_block.attentions.0.proj_out";
  Tensors tensors;
  for (const std::string& module : {a, b}) {
    tensors[module + ".lora_A.weight"] = random_tensor({4, 8}, 1);
    tensors[module + ".lora_B.weight"] = random_tensor({8, 4}, 2);
  }
  const auto alphas = [&](const std::string& json) {
    write_safetensors(path, tensors, {{"lora_adapter_metadata", json}});
    std::vector<std::optional<double>> found;
    const auto adapter = read_adapter(path);
    for (const AdapterChange& change : adapter->changes) found.push_back(change.change->alpha());
    return found;
  };
  using Found = std::vector<std::optional<double>>;
  EXPECT_EQ(alphas("{}"), (Found{{}, {}}));
  EXPECT_EQ(alphas(R"({"unet.r": 4, "unet.lora_alpha": 8, "text_encoder.lora_alpha": 3})"),
            (Found{8, 8}));
  EXPECT_EQ(alphas(R"({"unet.lora_alpha": 8, "unet.use_rslora": true})"), (Found{16, 16}));
  EXPECT_EQ(alphas(R"({"unet.lora_alpha": 8, "unet.alpha_pattern": {"proj_out": 2}})"),
            (Found{8, 2}));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"peft.safetensors", "lora_alpha"},
                         [&] { alphas(R"({"unet.lora_alpha": "x"})"); }));
}

TEST_F(Kinds, DamagedOnesAreRefusedByName) {
  const Tensor up = random_tensor({6, 2}, 1), down = random_tensor({2, 5}, 2);
  const auto refused = [&](const Tensors& roles, std::initializer_list<std::string> parts,
                           ErrorKind kind = ErrorKind::bad_file) {
    EXPECT_TRUE(fails_with(kind, parts, [&] { read(roles); }));
  };
  refused({{"lora_up.weight", up}}, {"adapter.safetensors", "lora_down is missing"});
  refused({{"lora_down.weight", down}}, {module_name, "lora_up is missing"});
  refused({{"lora_up.weight", random_tensor({6, 3}, 1)}, {"lora_down.weight", down}},
          {"lora_up.weight: found f32[6, 3], expected [out, 2]"});
  refused({{"lora_up.weight", up}, {"lora_down.weight", random_tensor({10}, 1)}}, {"dimensions"});
  refused({{"lora_up.weight", up}, {"lora_down.weight", down}, {"alpha", random_tensor({2}, 1)}},
          {"alpha: found f32[2], expected one value"});
  refused({{"lora_up.weight", up}, {"lora_down.weight", down}, {"alpha", number(NAN)}},
          {"alpha", "NaN"}, ErrorKind::non_finite);
  refused({{"lora_up.weight", up},
           {"lora_down.weight", down},
           {"dora_scale", random_tensor({2, 3}, 1)}},
          {"dora_scale", "[1, in, ...]"});
  refused({{"hada_w1_a", up}, {"hada_w1_b", down}}, {"hada_w2_a is missing"});
  refused({{"hada_w1_a", up},
           {"hada_w1_b", down},
           {"hada_w2_a", up},
           {"hada_w2_b", random_tensor({2, 6}, 1)}},
          {"one shape"});
  refused({{"lokr_w1", up}}, {"lokr_w2_a is missing"});
  refused({{"oft_blocks", random_tensor({2, 3, 4}, 1)}}, {"square"});
  refused({{"oft_blocks", random_tensor({2, 2, 2}, 1)}, {"rescale", up}}, {"4 values"});
  refused({{"a1.weight", up}}, {"a2.weight is missing"});
  refused({{"lora.up.weight", up}, {"lora_up.weight", up}, {"lora_down.weight", down}},
          {"say the same"});
  refused({{"weight", up}}, {"holds no LoRA"});
  const auto nan = read({{"lora_up.weight", up},
                         {"lora_down.weight", make_tensor({2, 1}, std::vector<float>{1, NAN})}});
  EXPECT_TRUE(fails_with(ErrorKind::non_finite,
                         {"adapter.safetensors", "lora_down.weight", "value 1"},
                         [&] { nan->check_finite(); }));
}

/// Small files that claim large weights.
TEST_F(Kinds, HostileOnesTakeNoMemory) {
  const int64_t many = 1 << 17;
  const Tensor tall = random_tensor({many, 1}, 1), wide = random_tensor({1, many}, 2);
  const auto lora = read({{"lora_up.weight", tall}, {"lora_down.weight", wide}});
  EXPECT_GT(lora->changes.at(0).change->norm(), 0);  // not by its 2^34 elements
  const auto refused = [&](const Tensors& roles) {
    EXPECT_TRUE(
        fails_with(ErrorKind::bad_file, {"at most 134217728 elements"}, [&] { read(roles); }));
  };
  refused({{"hada_w1_a", tall}, {"hada_w1_b", wide}, {"hada_w2_a", tall}, {"hada_w2_b", wide}});
  refused({{"lokr_w1", tall}, {"lokr_w2", wide}});
  refused({{"lora_up.weight", tall.reshaped({many, 1, 1, 1})},
           {"lora_down.weight", wide.reshaped({1, many, 1, 1})},
           {"lora_mid.weight", random_tensor({1, 1, 3, 3}, 1)}});
}

/// Any shapes are either refused with an Error or give changes that hold together.
TEST_F(Kinds, AnyShapesAreReadOrRefused) {
  const std::vector<std::vector<const char*>> kinds{
      {"lora_up.weight", "lora_down.weight", "lora_mid.weight", "alpha", "dora_scale"},
      {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2", "alpha"},
      {"lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"},
      {"oft_blocks", "rescale", "alpha"},
      {"weight", "on_input"},
      {"a1.weight", "a2.weight", "b1.weight", "b2.weight", "alpha"},
      {"diff", "diff_b", "set_weight"}};
  std::mt19937 random(7);
  const auto below = [&](uint32_t most) { return random() % most; };
  int made = 0;
  for (int round = 0; round < 3000; ++round) {
    Tensors roles;
    for (const char* role : kinds[below(static_cast<uint32_t>(kinds.size()))]) {
      if (below(6) == 0) continue;
      Shape shape;
      for (uint32_t dimensions = below(8) == 0 ? below(7) : 2 + 2 * below(2); dimensions > 0;
           --dimensions)
        shape.push_back(below(30) == 0 ? 0 : 1 + below(3));
      if (std::string(role) == "alpha" || std::string(role) == "on_input") shape = {};
      roles[role] = random_tensor(shape, random());
    }
    if (roles.empty()) continue;
    try {
      const auto adapter = read(roles);
      for (const AdapterChange& change : adapter->changes) {
        ++made;
        EXPECT_TRUE(std::isfinite(change.change->norm()));
        for (const Shape& shape : {Shape{2, 2}, Shape{4, 3, 2, 2}, Shape{1}, Shape{6, 2, 1, 1}}) {
          if (!change.change->fits(shape)) continue;
          Tensor weight = random_tensor(shape, 1);
          change.change->apply(weight, random_tensor(shape, 2), 0.5);
        }
      }
    } catch (const Error& error) {
      EXPECT_NE(error.kind(), ErrorKind::internal) << error.what();
    }
  }
  EXPECT_GT(made, 300);
}

Tensors lora_for(const std::string& module, int64_t out, int64_t in) {
  return {{module + ".lora_up.weight", random_tensor({out, 4}, 1)},
          {module + ".lora_down.weight", random_tensor({4, in}, 2)}};
}

TEST(Fit, TellsFamiliesApart) {
  const testing::TemporaryFolder folder;
  const std::string to_k = "_attentions_0_transformer_blocks_0_attn2_to_k";
  const auto try_on = [&](const Tensors& tensors, const ModelConfig& config) {
    write_safetensors(folder / "x.safetensors", tensors);
    return fit(read_adapter(folder / "x.safetensors"), AdapterTargets(config), config, "MODEL");
  };
  const Tensors sd1 = lora_for("lora_unet_down_blocks_1" + to_k, 640, 768),
                sd2 = lora_for("lora_unet_down_blocks_1" + to_k, 640, 1024),
                sdxl = lora_for("lora_unet_down_blocks_1" + to_k, 640, 2048);
  EXPECT_EQ(try_on(sd1, sd15()).changes.size(), 1u);
  EXPECT_EQ(try_on(sd2, sd21()).changes.size(), 1u);
  for (const auto& [tensors, config, parts] :
       {std::tuple(sd1, sd21(),
                   std::vector<std::string>{"Stable Diffusion 1 (text width 768)",
                                            "Stable Diffusion 2 (1024)"}),
        {sd2, sd15(), {"Stable Diffusion 2 (text width 1024)", "Stable Diffusion 1.5"}},
        {sdxl, sd15(), {"SDXL", "Stable Diffusion 1.5"}},
        {lora_for("lora_te2_text_model_encoder_layers_0_mlp_fc1", 8, 8),
         sd15(),
         {"SDXL", "Stable Diffusion 1.5"}},
        {lora_for("lora_unet_double_blocks_0_img_attn_qkv", 8, 8),
         sd15(),
         {"FLUX", "Stable Diffusion 1.5"}},
        {lora_for("lora_unet_nowhere", 8, 8),
         sd15(),
         {"nothing fits", "Stable Diffusion 1.5", "lora_unet_nowhere.lora_"}},
        {lora_for("lora_unet_mid_block_attentions_0_proj_in", 8, 8), sd15(), {"nothing fits"}}})
    for (const std::string& part : parts)
      EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"x.safetensors", "MODEL", part},
                             [&] { try_on(tensors, config); }));
}

TEST(Fit, TellsWhatIsLeft) {
  const testing::TemporaryFolder folder;
  Tensors tensors = lora_for("lora_unet_mid_block_attentions_0_proj_in", 1280, 1280);
  tensors.merge(lora_for("lora_unet_nowhere", 8, 8));
  tensors["note"] = random_tensor({1}, 1);
  write_safetensors(folder / "x.safetensors", tensors);
  const auto fitted =
      fit(read_adapter(folder / "x.safetensors"), AdapterTargets(sd15()), sd15(), "MODEL");
  EXPECT_EQ(fitted.changes.size(), 1u);
  EXPECT_EQ(fitted.left, (std::vector<std::string>{"note", "lora_unet_nowhere.lora_up.weight",
                                                   "lora_unet_nowhere.lora_down.weight"}));
  // Stable Diffusion 2's projections are matrices.
  EXPECT_EQ(fit(read_adapter(folder / "x.safetensors"), AdapterTargets(sd21()), sd21(), "MODEL")
                .changes.size(),
            1u);
}

}  // namespace
}  // namespace drypoint
