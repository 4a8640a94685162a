// What is wrong in a file is refused by name, whatever it claims.
#include <cmath>
#include <random>

#include "adapters/adapter_test_base.h"

namespace drypoint {
namespace {

using namespace drypoint::testing;
using DamagedAdapters = AdapterTest;

TEST_F(DamagedAdapters, DamagedOnesAreRefusedByName) {
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
TEST_F(DamagedAdapters, HostileOnesTakeNoMemory) {
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
TEST_F(DamagedAdapters, AnyShapesAreReadOrRefused) {
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
          changed(*change.change, random_tensor(shape, 1), random_tensor(shape, 2), 0.5);
        }
      }
    } catch (const Error& error) {
      EXPECT_NE(error.kind(), ErrorKind::internal) << error.what();
    }
  }
  EXPECT_GT(made, 300);
}

}  // namespace
}  // namespace drypoint
