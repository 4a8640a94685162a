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

/// The inputs of a convolution or product that are neither weights nor tables.
template <class Product>
std::vector<int> pictures_of(const Product& op, size_t count) {
  std::vector<int> inputs{0};
  if (op.residual) inputs.push_back(residual_index(op));
  for (int i = static_cast<int>(count) - static_cast<int>(op.joined); i < static_cast<int>(count);
       ++i)
    inputs.push_back(i);
  return inputs;
}

}  // namespace

void refuse_input(std::string_view op, fmt::string_view format, fmt::format_args args) {
  fail(ErrorKind::bad_argument, "[{}] {}", op, fmt::vformat(format, args));
}

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
  const auto of_product = [&](const auto& o) {
    return o.groups > 1 ? std::vector<int>{} : pictures_of(o, inputs.size());
  };
  return std::visit(Overloaded{
                        [&](const Conv2d& o) { return of_product(o); },
                        [&](const Linear& o) {
                          return inputs[0].shape.size() < 2 ? std::vector<int>{} : of_product(o);
                        },
                        [](const Activation&) { return std::vector<int>{0}; },
                        [](const GatedGelu&) { return std::vector<int>{0}; },
                        [](const GroupNorm& o) {
                          return o.weight_groups > 1 ? std::vector<int>{}
                                 : o.joined          ? std::vector<int>{0, 3}
                                                     : std::vector<int>{0};
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
                          return inputs[0].shape[0] == inputs[1].shape[0]
                                     ? std::vector<int>{0, 1, 2}
                                     : std::vector<int>{};
                        },
                        [](const Permute& o) {
                          return o.axes[0] == 0 ? std::vector<int>{0} : std::vector<int>{};
                        },
                        [&](const Reshape& o) {
                          return !o.shape.empty() && o.shape[0] == inputs[0].shape[0]
                                     ? std::vector<int>{0}
                                     : std::vector<int>{};
                        },
                        [](const auto&) { return std::vector<int>{}; },
                    },
                    op);
}

std::vector<int> inputs_of_own_precision(const Op& op, size_t count) {
  return std::visit(Overloaded{
                        [&](const Conv2d& o) { return pictures_of(o, count); },
                        [&](const Linear& o) { return pictures_of(o, count); },
                        [](const Activation&) { return std::vector<int>{0}; },
                        [](const GatedGelu&) { return std::vector<int>{0}; },
                        [](const GroupNorm& o) {
                          return o.joined ? std::vector<int>{0, 3} : std::vector<int>{0};
                        },
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
                        [](const GroupNorm& o) { return o.joined ? -1 : 0; },
                        [](const Increment&) { return 0; },
                        [](const LayerNorm&) { return 0; },
                        [](const SamplerUpdate&) { return 0; },
                        [](const auto&) { return -1; },
                    },
                    op);
}

}  // namespace drypoint
