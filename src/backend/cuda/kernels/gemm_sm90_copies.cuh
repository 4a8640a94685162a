// What Hopper's product reads: where a tile's rows and weights lie, in which order they come into
// shared memory, and which blocks share them.
#pragma once

#include "backend/cuda/kernels/hopper_kernels.h"
#include "backend/cuda/kernels/tma.cuh"

namespace drypoint::cuda {

/// What the host has worked out for a launch.
struct GemmPlan {
  int rows = 0;     // of each group
  Divisor tiles;    // of rows, in each group; a multiple of sharing.down
  int columns = 0;  // packed rows of weights in each group
  int blocks = 0;   // of 128 bytes along the depth
  Divisor blocks_of_tap, parts;
  int own_blocks = 0;       // that come from x
  int rest_blocks[2] = {};  // that come from further inputs
  bool upsample = false;    // sets of weights are the four pixels of each window
  bool picture = false;     // windows of pictures rather than rows of a matrix
  Divisor out_width, out_pixels, kernel_width;
  int stride = 1, top = 0, left = 0;
  Sharing sharing;
};

/// The stages' order: a stage, and the parity of its barrier's phase.
template <int stages>
struct Turn {
  int stage = 0, parity = 0;

  __device__ void advance() {
    if (++stage == stages) stage = 0, parity ^= 1;
  }
};

/// The blocks of a cluster: `down` x `across` tiles, times parts of the depth.
struct Neighbours {
  int down, across, x, y, z;

  __device__ explicit Neighbours(const Sharing& sharing)
      : down(sharing.down),
        across(sharing.across),
        x(blockIdx.x % sharing.down),
        y(blockIdx.y % sharing.across),
        z(blockIdx.z) {}
  __device__ int rank(int at_x, int at_y, int at_z) const {
    return (at_z * across + at_y) * down + at_x;
  }
  /// A bit for each block with the same columns of results, or the same rows; 0: there is no other.
  __device__ int of_column() const { return down == 1 ? 0 : 3 << rank(0, y, z); }
  __device__ int of_row() const {
    return across == 1 ? 0 : 1 << rank(x, 0, z) | 1 << rank(x, 1, z);
  }
  /// How many blocks write into this one's shared memory.
  __device__ int writers() const { return down + across - 1; }
  /// Tells them that this one is through with a stage.
  __device__ void release(uint64_t* empty) const {
    barrier_arrive(empty);
    if (down > 1) barrier_arrive(empty, rank(1 - x, y, z));
    if (across > 1) barrier_arrive(empty, rank(x, 1 - y, z));
  }
};

/// Brings a tile's operands, 128 bytes of the depth after the other, into stages: [rows, 128] and
/// behind it [columns, 128]. Of what neighbours share, each brings a part. All that a copy needs is
/// kept at hand: this thread's work for each stage is what may hold up the products.
template <class Tile, class In>
class Operands {
 public:
  static constexpr int depth = 128 / sizeof(In);  // elements of a stage

  __device__ Operands(const CUtensorMap& windows, const CUtensorMap& rest, const CUtensorMap& last,
                      const CUtensorMap& weights, const GemmPlan& plan,
                      const Neighbours& neighbours, int group, int first_row, int first_column,
                      int begin)
      : rows_(&windows),
        next_(&rest),
        last_(&last),
        weights_(&weights),
        row_offset_(neighbours.y * (Tile::a_bytes / neighbours.across)),
        weight_offset_(Tile::a_bytes + neighbours.x * (Tile::b_bytes / neighbours.down)),
        row_readers_(neighbours.of_row()),
        weight_readers_(neighbours.of_column()),
        weight_row_(group * plan.columns + first_column +
                    neighbours.x * (Tile::columns / neighbours.down)),
        weight_column_(begin * depth),
        picture_(plan.picture),
        left_(plan.own_blocks - begin),
        left_of_next_(plan.rest_blocks[0]),
        left_of_last_(plan.rest_blocks[1]) {
    const int in_group =  // 0: nobody's
        first_row < plan.rows ? first_row + neighbours.y * (Tile::rows / neighbours.across) : 0;
    row_ = (plan.upsample ? 0 : group) * plan.rows + in_group;
    column_ = begin * depth;
    while (left_ <= 0 && left_of_next_ > 0) {
      const int behind = -left_;
      take_next();
      column_ = behind * depth;
      left_ -= behind;
    }
    if (!picture_) return;
    int in_picture, block_of_tap, tap_x;
    number_ = plan.out_pixels.divide(row_, in_picture);
    const int y = plan.out_width.divide(in_picture, x_);
    x_ = x_ * plan.stride - plan.left;
    y_ = y * plan.stride - plan.top;
    const int tap = plan.blocks_of_tap.divide(begin, block_of_tap);
    column_ = block_of_tap * depth;
    channels_ = plan.blocks_of_tap.value * depth;
    first_tap_ = plan.upsample ? group % 2 : 0;
    end_tap_ = first_tap_ + plan.kernel_width.value;
    tap_y_ = (plan.upsample ? group / 2 : 0) + plan.kernel_width.divide(tap, tap_x);
    tap_x_ = first_tap_ + tap_x;
  }

  __device__ void copy_next_weights(unsigned char* stage, uint64_t* full) {
    copy_box(weights_, stage + weight_offset_, full, weight_column_, weight_row_, weight_readers_);
    weight_column_ += depth;
  }
  __device__ void copy_next_rows(unsigned char* stage, uint64_t* full) {
    unsigned char* to = stage + row_offset_;
    --left_;
    if (picture_) {
      copy_windows(rows_, to, full, column_, x_, y_, number_, tap_x_, tap_y_, row_readers_);
      column_ += depth;
      if (column_ == channels_) {
        column_ = 0;
        if (++tap_x_ == end_tap_) tap_x_ = first_tap_, ++tap_y_;
      }
    } else {
      copy_box(rows_, to, full, column_, row_, row_readers_);
      column_ += depth;
    }
    if (left_ == 0) take_next();
  }

 private:
  /// Rows come from the next input now.
  __device__ void take_next() {
    picture_ = false;
    column_ = 0;
    rows_ = next_, left_ = left_of_next_;
    next_ = last_, left_of_next_ = left_of_last_;
    left_of_last_ = 0;
  }

  const CUtensorMap *rows_, *next_, *last_, *weights_;
  int row_offset_, weight_offset_;  // in a stage
  int row_readers_, weight_readers_, row_, weight_row_, weight_column_;
  bool picture_;
  int left_, left_of_next_, left_of_last_;  // blocks of 128 bytes before each input's turn is over
  int column_ = 0;                          // of what comes next of the rows
  int number_ = 0, x_ = 0, y_ = 0;          // the first pixel's window
  int channels_ = 0, first_tap_ = 0, end_tap_ = 0;  // of a tap; of a row of taps
  int tap_x_ = 0, tap_y_ = 0;
};

}  // namespace drypoint::cuda
