// What convolutions and products share on the GPU: both are a matrix of pictures' windows (or rows)
// times a matrix of weights.
#pragma once

#include "backend/cuda/kernels.h"

namespace drypoint::cuda {

/// x [groups * N, height, width, channels] under windows of kernel_height x kernel_width, times
/// weights of `columns` rows a group. A plain product is a picture of one row, under 1x1 windows.
struct ProductShape {
  int groups = 1;
  int rows = 0;  // of the result, in each group
  int height = 1, width = 0, channels = 0;
  int out_height = 1, out_width = 0;
  int kernel_height = 1, kernel_width = 1, stride = 1;
  int top = 0, left = 0, bottom = 0, right = 0;
  int columns = 0;  // of the product, in each group
  bool gated = false;
  bool doubled = false;  // each window gives four pixels, by four sets of weights
  int joined = 0;        // channels that come from a second input, the last ones

  /// Sets of weights: one a group, or one for each of the four pixels.
  int sets() const { return doubled ? 4 : groups; }
  int taps() const { return kernel_height * kernel_width; }
  bool is_picture() const { return taps() > 1 || stride > 1; }
  /// Where channels fill no 16 bytes, windows are gathered element by element.
  bool gathered() const { return channels % 8 != 0; }
  /// A packed weight's row: each tap's channels, padded with zeros, or all elements and zeros.
  int channels_of_tap() const { return (channels + 63) / 64 * 64; }
  int depth() const {
    return gathered() ? (taps() * channels + 63) / 64 * 64 : taps() * channels_of_tap();
  }
};

ProductShape product_shape(const Conv2d& op, const KernelRequest& request);
ProductShape product_shape(const Linear& op, const KernelRequest& request);

/// The kernel of either operation.
template <class Op>
KernelPtr make_product(const Op& op, const KernelRequest& request, const Context& context);

}  // namespace drypoint::cuda
