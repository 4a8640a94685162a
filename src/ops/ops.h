// All operations. This list drives names, shapes, printing and comparison; a backend offers a
// kernel for each, in a file of the operation's name.
#pragma once

#include <optional>
#include <variant>

#include "ops/activation.h"
#include "ops/add.h"
#include "ops/add_scaled.h"
#include "ops/attention.h"
#include "ops/average_pool.h"
#include "ops/blend.h"
#include "ops/cast.h"
#include "ops/concat.h"
#include "ops/constant.h"
#include "ops/conv2d.h"
#include "ops/depthwise_conv2d.h"
#include "ops/embedding.h"
#include "ops/expand.h"
#include "ops/fold_norm.h"
#include "ops/from_pixels.h"
#include "ops/gated_gelu.h"
#include "ops/group_norm.h"
#include "ops/increment.h"
#include "ops/layer_norm.h"
#include "ops/leaky_relu.h"
#include "ops/linear.h"
#include "ops/max_pool.h"
#include "ops/multiply_plane.h"
#include "ops/permute.h"
#include "ops/quantize.h"
#include "ops/rescale_guidance.h"
#include "ops/reshape.h"
#include "ops/sampler_update.h"
#include "ops/scales.h"
#include "ops/select.h"
#include "ops/sigmoid_gate.h"
#include "ops/slice.h"
#include "ops/soft_blend.h"
#include "ops/spatial_mean.h"
#include "ops/surface_normals.h"
#include "ops/timestep_embedding.h"
#include "ops/to_pixels.h"
#include "ops/upsample.h"

namespace drypoint {

using Op = std::variant<Activation, Add, AddScaled, Attention, AveragePool, Blend, Cast, Concat,
                        Constant, Conv2d, DepthwiseConv2d, Embedding, Expand, FoldNorm, FromPixels,
                        GatedGelu, GroupNorm, Increment, LayerNorm, LeakyRelu, Linear, MaxPool,
                        MultiplyPlane, Permute, Quantize, RescaleGuidance, Reshape, SamplerUpdate,
                        Scales, Select, SigmoidGate, Slice, SoftBlend, SpatialMean, SurfaceNormals,
                        TimestepEmbedding, ToPixels, Upsample>;

std::string_view name(const Op& op);
/// The result's type; throws bad_argument naming the operation if the inputs do not fit.
TensorType infer(const Op& op, Inputs inputs);
/// "conv2d top=1 left=1 ...": attributes that differ from the defaults.
std::string to_string(const Op& op);
/// The operation of this name, its attributes with their defaults.
std::optional<Op> op_named(std::string_view name);
bool has_attribute(const Op& op, std::string_view key);
/// False, with the operation in any state, if there is no such attribute or the text is no value
/// for it.
bool set_attribute(Op& op, std::string_view key, std::string_view text);

// What each operation says of itself, see `HasTraits`.
Category category(const Op& op);
std::vector<int> row_inputs(const Op& op, Inputs inputs);
std::vector<int> inputs_of_own_precision(const Op& op, size_t count);
bool is_view(const Op& op);
/// Where a view's bytes begin in the input of this type.
size_t view_offset(const Op& op, const TensorType& input);
int in_place_input(const Op& op);
/// The operation on both twins' rows; none if it cannot treat them apart.
std::optional<Op> paired(const Op& op);
PairedInput paired_input(const Op& op, int input);
FusedForms forms_of(const Op& op);
/// Whether all forms that the operation uses are among `forms`.
bool has_forms(const FusedForms& forms, const Op& op);
double flops_of(const Op& op, Inputs inputs, const TensorType& output);
double elements_read(const Op& op, size_t i, Inputs inputs, const TensorType& output);

}  // namespace drypoint
