#include "quantize/smoothing.h"

#include <algorithm>
#include <cmath>

#include "compile/candidates.h"
#include "compile/passes.h"

namespace drypoint {
namespace {

ValueId watched_value(const Executor& denoiser, const std::string& module) {
  return denoiser.plan().outputs.at(std::string(watched_input) + module);
}

/// The largest magnitude of each column of a module's weight [O, K, ...], or of all weights of the
/// products that were merged into it; empty if the model has none of K columns.
std::vector<float> column_limits(const NamedTensors& model, const std::string& module, size_t k) {
  std::vector<float> limits;
  for (const char* part : {"", ".to_q", ".to_k", ".to_v"}) {
    const Tensor* weight = model.find(module + part + ".weight");
    if (!weight || weight->shape().size() < 2 || weight->shape()[1] != static_cast<int64_t>(k) ||
        weight->type().elements() != weight->shape()[0] * weight->shape()[1])
      continue;
    ChannelLimits all(limits);
    const Tensor values = weight->to_f32();
    all.add(values.floats(), k);
    limits.assign(all.limits().begin(), all.limits().end());
  }
  return limits;
}

}  // namespace

void ChannelLimits::add(std::span<const float> values, size_t channels) {
  limits_.resize(channels);
  for (size_t i = 0; i < values.size(); i += channels)
    for (size_t c = 0; c < channels; ++c)
      limits_[c] = std::max(limits_[c], std::fabs(values[i + c]));
}

bool takes_factors(const Executor& denoiser, const std::string& module) {
  const ValueId value = watched_value(denoiser, module);
  const auto& steps = denoiser.plan().step;
  const auto maker = std::ranges::find(steps, value, &PlanOp::output);
  return maker != steps.end() && takes_factors(maker->op);
}

size_t channels_of(const Executor& denoiser, const std::string& module) {
  const ValueId value = watched_value(denoiser, module);
  return static_cast<size_t>(denoiser.plan().values[static_cast<size_t>(value)].type.shape.back());
}

Factors factors_for(const std::map<std::string, ChannelLimits>& channels, const NamedTensors& model,
                    double alpha) {
  Factors all;
  for (const auto& [module, limits] : channels) {
    const size_t k = limits.limits().size();
    const std::vector<float> columns = column_limits(model, module, k);
    if (columns.empty()) continue;  // a convolution, or of weights that others make
    std::vector<double> logarithms(k);
    double sum = 0;
    for (size_t c = 0; c < k; ++c) {
      if (limits.limits()[c] > 0 && columns[c] > 0)
        logarithms[c] = (1 - alpha) * std::log(columns[c]) - alpha * std::log(limits.limits()[c]);
      sum += logarithms[c];
    }
    std::vector<float>& factors = all[module];
    for (const double logarithm : logarithms)
      factors.push_back(static_cast<float>(std::exp(logarithm - sum / static_cast<double>(k))));
  }
  return all;
}

std::vector<float> times(std::span<const float> values, std::span<const float> factors) {
  std::vector<float> product(values.begin(), values.end());
  for (size_t i = 0; i < product.size(); ++i) product[i] *= factors[i % factors.size()];
  return product;
}

}  // namespace drypoint
