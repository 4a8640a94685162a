// Each kind against its formula, worked out element by element in float64.
#include <cmath>

#include "adapters/adapter_test_base.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;
using Kinds = AdapterTest;

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

TEST_F(Kinds, LoraOfUsualRanks) {
  const Tensor w = random_tensor({36, 320}, 1), down = random_tensor({64, 320}, 2),
               up = random_tensor({36, 64}, 3);
  expect_close(
      apply({{"lora_up.weight", up}, {"lora_down.weight", down}, {"alpha", number(16)}}, w, 0.7),
      sum(w, 0.7 * 16 / 64, [&](auto o, auto i, auto) {
        double delta = 0;
        for (int64_t r = 0; r < 64; ++r) delta += at(up, {o, r}) * at(down, {r, i});
        return delta;
      }));
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

TEST_F(Kinds, DoraOfPeftIsOfOutputsWhateverItsShape) {
  const Tensor up = random_tensor({5, 2, 1, 1}, 2), down = random_tensor({2, 5, 3, 3}, 3),
               m = random_tensor({5}, 4), w = random_tensor({5, 5, 3, 3}, 1);
  const auto with = [&](const char* role, const Shape& shape) {
    return apply({{"lora_A.weight", down}, {"lora_B.weight", up}, {role, m.reshaped(shape)}}, w, 1);
  };
  const Tensor expected = with("dora_scale", {5, 1, 1, 1});
  for (const char* role : {"lora_magnitude_vector", "lora_magnitude_vector.default.weight"}) {
    expect_close(with(role, {5}), expected);
    expect_close(with(role, {1, 5, 1, 1}), expected);
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
    Tensor expected = make_tensor(before.shape(), before.floats());
    for (size_t i = 0; i < expected.floats().size(); ++i)
      expected.mutable_floats()[i] += 0.25f * added.floats()[i];
    expect_close(changed(*change->change, before, before, 0.25), expected);
  }
  const auto norms = read({{"w_norm", b}, {"b_norm", b}});
  EXPECT_EQ(norms->changes.size(), 2u);
  EXPECT_TRUE(norms->changes[0].change->fits({6}));
  const auto whole = read({{"set_weight", d}});
  expect_close(changed(*whole->changes.at(0).change, w, w, 1), d);
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
  EXPECT_EQ(alphas(R"({"unet.lora_alpha": 8,
                       "unet.alpha_pattern": {"attentions.0.proj_out": 2, "proj_out": 3}})"),
            (Found{8, 2}));
  EXPECT_TRUE(fails_with(ErrorKind::unsupported, {"proj_.*", "regular expression"}, [&] {
    alphas(R"({"unet.lora_alpha": 8, "unet.alpha_pattern": {"proj_.*": 2}})");
  }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_file, {"peft.safetensors", "lora_alpha"},
                         [&] { alphas(R"({"unet.lora_alpha": "x"})"); }));
}

}  // namespace
}  // namespace drypoint
