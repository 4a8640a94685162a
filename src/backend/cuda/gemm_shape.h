// What a product's kernels know of it.
#pragma once

#include <cuda_runtime.h>

namespace drypoint::cuda {

/// x [groups * N, height, width, channels] under windows of kernel_height x kernel_width, times
/// weights of `columns` rows a group. A plain product is a picture of one row, under 1x1 windows.
struct GemmShape {
  int groups = 1;
  int rows = 0;  // of the result, in each group
  int height = 1, width = 0, channels = 0;
  int out_height = 1, out_width = 0;
  int kernel_height = 1, kernel_width = 1, stride = 1;
  int top = 0, left = 0, bottom = 0, right = 0;
  int columns = 0;  // of the product, in each group
  bool gated = false;
  bool upsample = false;  // each window gives four pixels, by four sets of weights
  int rest[2] = {};       // channels of the inputs that continue the rows
  int piece = 64;         // of the depth, that kernels take at once; of operands of one byte 128

  /// Sets of weights: one a group, or one for each of the four pixels.
  int sets() const { return upsample ? 4 : groups; }
  int taps() const { return kernel_height * kernel_width; }
  bool is_picture() const { return taps() > 1 || stride > 1; }
  /// Where channels fill no 16 bytes, windows are gathered element by element.
  bool gathered() const { return channels % (piece / 8) != 0; }
  bool is_concat() const { return rest[0] > 0; }
  /// A packed weight's row: the channels of each tap, then of each further input, padded with
  /// zeros; or all elements and zeros.
  __host__ __device__ static constexpr int padded(int channels, int piece = 64) {
    return (channels + piece - 1) / piece * piece;
  }
  int channels_of_tap() const { return padded(channels, piece); }
  int depth() const {
    return gathered() ? padded(taps() * channels, piece)
                      : taps() * channels_of_tap() + padded(rest[0]) + padded(rest[1]);
  }
};

/// The product's columns lie in memory as they come from the weight's rows. For a gated product the
/// packing has put 8 values before their 8 gates, so that both are at hand together. This says
/// which row of the weight is packed as row `packed`.
__host__ __device__ inline int unpacked_row(int packed, int columns, bool gated) {
  if (!gated) return packed;
  const int value = packed / 16 * 8 + packed % 8;
  return packed % 16 < 8 ? value : columns / 2 + value;
}
/// And where this row of the weight is packed.
inline int packed_row(int unpacked, int columns, bool gated) {
  if (!gated) return unpacked;
  const bool is_gate = unpacked >= columns / 2;
  const int value = is_gate ? unpacked - columns / 2 : unpacked;
  return value / 8 * 16 + value % 8 + (is_gate ? 8 : 0);
}

}  // namespace drypoint::cuda
