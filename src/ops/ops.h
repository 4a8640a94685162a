// All operations. This list drives names, shapes, printing and comparison; a backend offers a
// kernel for each, in a file of the operation's name.
#pragma once

#include <variant>

#include "ops/activation.h"
#include "ops/add.h"
#include "ops/add_scaled.h"
#include "ops/attention.h"
#include "ops/average_pool.h"
#include "ops/cast.h"
#include "ops/concat.h"
#include "ops/conv2d.h"
#include "ops/embedding.h"
#include "ops/expand.h"
#include "ops/fold_norm.h"
#include "ops/gated_gelu.h"
#include "ops/group_norm.h"
#include "ops/increment.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/max_pool.h"
#include "ops/permute.h"
#include "ops/reshape.h"
#include "ops/sampler_update.h"
#include "ops/select.h"
#include "ops/slice.h"
#include "ops/timestep_embedding.h"
#include "ops/upsample.h"

namespace drypoint {

using Op = std::variant<Activation, Add, AddScaled, Attention, AveragePool, Cast, Concat, Conv2d,
                        Embedding, Expand, FoldNorm, GatedGelu, GroupNorm, Increment, LayerNorm,
                        Linear, MaxPool, Permute, Reshape, SamplerUpdate, Select, Slice,
                        TimestepEmbedding, Upsample>;

std::string_view name(const Op& op);
/// The result's type; throws bad_argument naming the operation if the inputs do not fit.
TensorType infer(const Op& op, Inputs inputs);
/// "conv2d{stride=1 top=1 ...}": attributes that differ from the defaults.
std::string to_string(const Op& op);

/// The inputs whose leading dimension is the result's: row i of the result depends on row i of
/// these alone (all others serve every row alike). Empty if the operation mixes rows.
std::vector<int> row_inputs(const Op& op, Inputs inputs);

/// The inputs that have the result's precision where a device lowers it. Weights are not among
/// them: kernels pack them as they like. Nor are tables of a few numbers. Empty: the operation
/// takes what it gets.
std::vector<int> inputs_of_own_precision(const Op& op, size_t count);

/// Whether the result is a part of the input's bytes, so that it need not be computed.
bool is_view(const Op& op);
/// Where a view's bytes begin in the input of this type.
size_t view_offset(const Op& op, const TensorType& input);

/// The input whose memory the result may take over, element for element; -1 if there is none.
int in_place_input(const Op& op);

}  // namespace drypoint
