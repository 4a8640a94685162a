// Winograd's convolution F(4x4, 3x3) (https://arxiv.org/abs/1509.09308): 4x4 outputs by 36 products
// instead of 144. A picture is cut into tiles of 4x4 outputs; each tile's 6x6 inputs and each
// filter are transformed, multiplied as 36 matrix products over the input channels, and the
// products transformed back:
//   V = B^T x B, U = G w G^T, M[k] = V[k] U[k] for k in 0..35, y = A^T M A.
#pragma once

#include "backend/cpu/kernels.h"

namespace drypoint::cpu {

/// Sizes of one convolution and of its parts in memory.
struct Winograd {
  static constexpr int64_t positions = 36;
  static constexpr int64_t chunk = 64;  // input channels transformed and multiplied together
  static constexpr int64_t block = 32;  // output channels, likewise

  int64_t samples, height, width, in, out;  // of the input, and both numbers of channels
  int64_t top, left, out_height, out_width;
  ActivationKind activation;

  int64_t tiles_down() const { return (out_height + 3) / 4; }
  int64_t tiles_across() const { return (out_width + 3) / 4; }
  int64_t tiles() const { return samples * tiles_down() * tiles_across(); }

  int64_t chunks() const { return (in + chunk - 1) / chunk; }
  int64_t blocks() const { return (out + block - 1) / block; }
  /// Channels that a chunk's rows of V have room for.
  int64_t chunk_stride() const { return std::min(chunk, round_up(in, 16)); }
  int64_t channels_of(int64_t c) const { return std::min(chunk, in - c * chunk); }

  /// Floats of the packed filters [blocks, in, 9, block].
  int64_t packed() const { return blocks() * in * 9 * block; }
  // Distances between the 36 positions, in floats. The odd cache line keeps the 36 parts of a tile
  // or filter from falling into one set of the cache.
  /// In U [36, chunk, block].
  static constexpr int64_t u_stride = chunk * block + 16;
  /// In M [36, tiles, block] and V [36, chunks, tiles, chunk_stride], for so many tiles.
  static int64_t m_stride(int64_t count) { return count * block + 16; }
  int64_t v_stride(int64_t count) const { return chunks() * count * chunk_stride() + 16; }
};

/// What a task is about: `count` of the V's `stored` tiles, from `at` on, being tiles of the
/// convolution from `first` on, and one block of output channels.
struct WinogradTask {
  const float *v, *packed, *bias, *residual;
  float *y, *scratch;
  int64_t stored, at, count, first, block;
};

}  // namespace drypoint::cpu
