// From our operations to ONNX's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compile/quantization.h"
#include "export/onnx.h"
#include "export/weight_files.h"
#include "graph/graph.h"

namespace drypoint {

/// For an input or output, a name for each dimension that is known only at run time, and "" for the
/// others.
using DimensionNames = std::map<std::string, std::vector<std::string>>;

/// The graph, as a builder made it and before any pass, as an ONNX model. `graph` is built for some
/// size, but no size goes into the model except those of weights: what an operation must know it
/// computes from its inputs' shapes. Pictures are [N, H, W, C] in our graphs and [N, C, H, W] in
/// ONNX, inputs and outputs included. With `dtype` f16 all but timesteps is half precision.
/// With a quantization both factors of the products whose range it has go through QuantizeLinear
/// and DequantizeLinear: weights of i8 with a scale for each output, of f8 with one.
/// Throws unsupported, naming the module, for what builders do not make.
onnx::Model lower(const Graph& graph, const std::string& name, const DimensionNames& dimensions,
                  WeightFiles& weights, DType dtype, const Quantization* quantization = nullptr);

}  // namespace drypoint
