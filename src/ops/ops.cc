#include "ops/ops.h"

#include <fmt/ranges.h>

#include "base/overloaded.h"
#include "ops/product.h"

namespace drypoint {
namespace {

template <class Value>
std::string text_of(const Value& value) {
  if constexpr (std::is_same_v<Value, ActivationKind> || std::is_same_v<Value, DType>)
    return std::string(name(value));
  else if constexpr (std::is_same_v<Value, Shape>)
    return to_string(value);
  else
    return fmt::format("{}", value);
}

}  // namespace

std::string_view name(const Op& op) {
  return std::visit([](const auto& o) { return o.name; }, op);
}

TensorType infer(const Op& op, Inputs inputs) {
  return std::visit([&](const auto& o) { return infer(o, inputs); }, op);
}

std::string to_string(const Op& op) {
  return std::visit(
      [](const auto& o) {
        std::vector<std::string> values, defaults;
        o.fields(o, [&](std::string_view key, const auto& value) {
          values.push_back(fmt::format("{}={}", key, text_of(value)));
        });
        const std::decay_t<decltype(o)> usual;
        usual.fields(usual, [&](std::string_view key, const auto& value) {
          defaults.push_back(fmt::format("{}={}", key, text_of(value)));
        });
        std::string text(o.name);
        for (size_t i = 0; i < values.size(); ++i)
          if (values[i] != defaults[i]) text += " " + values[i];
        return text;
      },
      op);
}

std::vector<int> row_inputs(const Op& op, Inputs inputs) {
  const auto first_and_residual = [](const auto& o) {
    if (o.groups > 1) return std::vector<int>{};
    return o.residual ? std::vector<int>{0, residual_index(o)} : std::vector<int>{0};
  };
  return std::visit(
      Overloaded{
          [&](const Conv2d& o) { return first_and_residual(o); },
          [&](const Linear& o) {
            return inputs[0].shape.size() < 2 ? std::vector<int>{} : first_and_residual(o);
          },
          [](const Activation&) { return std::vector<int>{0}; },
          [](const GatedGelu&) { return std::vector<int>{0}; },
          [](const GroupNorm& o) {
            return o.weight_groups > 1 ? std::vector<int>{} : std::vector<int>{0};
          },
          [](const LayerNorm& o) {
            return o.weight_groups > 1 ? std::vector<int>{} : std::vector<int>{0};
          },
          [](const Cast&) { return std::vector<int>{0}; },
          [](const Upsample&) { return std::vector<int>{0}; },
          [](const MaxPool&) { return std::vector<int>{0}; },
          [](const AveragePool&) { return std::vector<int>{0}; },
          [](const TimestepEmbedding&) { return std::vector<int>{0}; },
          [](const AddScaled&) {
            return std::vector<int>{0, 1};
          },
          [&](const Add&) {
            const bool same_rows = inputs[1].shape.size() == inputs[0].shape.size() &&
                                   inputs[1].shape[0] == inputs[0].shape[0];
            return same_rows && inputs[0].shape[0] != 1 ? std::vector<int>{0, 1}
                                                        : std::vector<int>{0};
          },
          [&](const Attention&) {
            return inputs[0].shape[0] == inputs[1].shape[0] ? std::vector<int>{0, 1, 2}
                                                            : std::vector<int>{};
          },
          [](const Permute& o) {
            return o.axes[0] == 0 ? std::vector<int>{0} : std::vector<int>{};
          },
          [&](const Reshape& o) {
            return !o.shape.empty() && o.shape[0] == inputs[0].shape[0] ? std::vector<int>{0}
                                                                        : std::vector<int>{};
          },
          [](const auto&) { return std::vector<int>{}; },
      },
      op);
}

std::vector<int> inputs_of_own_precision(const Op& op, size_t count) {
  const auto product = [](const auto& o) {
    return o.residual ? std::vector<int>{0, residual_index(o)} : std::vector<int>{0};
  };
  return std::visit(Overloaded{
                        [&](const Conv2d& o) { return product(o); },
                        [&](const Linear& o) { return product(o); },
                        [](const Activation&) { return std::vector<int>{0}; },
                        [](const GatedGelu&) { return std::vector<int>{0}; },
                        [](const GroupNorm&) { return std::vector<int>{0}; },
                        [](const LayerNorm&) { return std::vector<int>{0}; },
                        [](const Upsample&) { return std::vector<int>{0}; },
                        [](const MaxPool&) { return std::vector<int>{0}; },
                        [](const AveragePool&) { return std::vector<int>{0}; },
                        [](const Add&) {
                          return std::vector<int>{0, 1};
                        },
                        [](const AddScaled&) {
                          return std::vector<int>{0, 1};
                        },
                        [](const Attention&) {
                          return std::vector<int>{0, 1, 2};
                        },
                        [&](const Concat&) {
                          std::vector<int> all(count);
                          for (size_t i = 0; i < count; ++i) all[i] = static_cast<int>(i);
                          return all;
                        },
                        [](const auto&) { return std::vector<int>{}; },
                    },
                    op);
}

bool is_view(const Op& op) {
  return std::holds_alternative<Reshape>(op) || std::holds_alternative<Slice>(op);
}

size_t view_offset(const Op& op, const TensorType& input) {
  const auto* slice = std::get_if<Slice>(&op);
  return slice ? input.bytes() / static_cast<size_t>(input.shape[0]) *
                     static_cast<size_t>(slice->begin)
               : 0;
}

int in_place_input(const Op& op) {
  return std::visit(Overloaded{
                        [](const Conv2d& o) { return residual_index(o); },
                        [](const Linear& o) { return residual_index(o); },
                        [](const Activation&) { return 0; },
                        [](const Add&) { return 0; },
                        [](const AddScaled&) { return 0; },
                        [](const DdimUpdate&) { return 0; },
                        [](const GroupNorm&) { return 0; },
                        [](const Increment&) { return 0; },
                        [](const LayerNorm&) { return 0; },
                        [](const auto&) { return -1; },
                    },
                    op);
}

}  // namespace drypoint
