#include "models/weight_folding.h"

#include <cmath>

namespace drypoint {
namespace {

constexpr const char* batch_norm_tensors[] = {".weight", ".bias", ".running_mean", ".running_var"};

}  // namespace

void fold_batch_norm(NamedTensors& tensors, const std::string& convolution, const std::string& norm,
                     double epsilon) {
  const Tensor* weight = tensors.find(convolution + ".weight");
  if (!weight || weight->shape().empty() || weight->shape()[0] == 0) return;
  const Shape filters{weight->shape()[0]};
  std::vector<Tensor> of_norm;
  for (const char* name : batch_norm_tensors) {
    const Tensor* found = tensors.find(norm + name);
    if (!found || found->shape() != filters) return;
    of_norm.push_back(found->to_f32());
  }
  const Tensor* old_bias = tensors.find(convolution + ".bias");
  if (old_bias && old_bias->shape() != filters) return;
  const Tensor stored = weight->to_f32();
  const Tensor shift = old_bias ? old_bias->to_f32() : Tensor();
  Tensor folded(stored.type()), bias({DType::f32, filters});
  const auto count = static_cast<size_t>(filters[0]);
  const size_t each = stored.floats().size() / count;
  for (size_t f = 0; f < count; ++f) {
    const double factor =
        of_norm[0].floats()[f] / std::sqrt(double{of_norm[3].floats()[f]} + epsilon);
    for (size_t i = f * each; i < (f + 1) * each; ++i)
      folded.mutable_floats()[i] = static_cast<float>(stored.floats()[i] * factor);
    const double before = (old_bias ? double{shift.floats()[f]} : 0) - of_norm[2].floats()[f];
    bias.mutable_floats()[f] = static_cast<float>(of_norm[1].floats()[f] + before * factor);
  }
  tensors.tensors[convolution + ".weight"] = folded;
  tensors.tensors[convolution + ".bias"] = bias;
  for (const char* name : batch_norm_tensors) tensors.tensors.erase(norm + name);
  tensors.tensors.erase(norm + ".num_batches_tracked");
}

StoredLayer normed_convolution(const std::string& convolution, const std::string& norm,
                               double epsilon, bool has_bias) {
  return {.convert = [=](NamedTensors& file) { fold_batch_norm(file, convolution, norm, epsilon); },
          .restore =
              [=](TensorShapes& shapes) {
                const Shape filters = shapes.at(convolution + ".bias");
                if (!has_bias) shapes.erase(convolution + ".bias");
                for (const char* name : batch_norm_tensors) shapes[norm + name] = filters;
              }};
}

}  // namespace drypoint
