// The ways to compute a product: their names, which of them there are for its shape, and a guess
// which is fastest.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "backend/cuda/chip.h"
#include "backend/cuda/kernels/gemm_mma.cuh"
#include "backend/cuda/kernels/hopper_kernels.h"
#include "backend/cuda/kernels/sm80_kernels.h"
#include "backend/cuda/libraries/libraries.h"

namespace drypoint::cuda {

/// Of the tiles that `add` gives for operands of this type, those that the device has room for.
template <class Kernel, class Add>
const std::vector<Kernel>& kernels_for(const Context& context, DType operands, const Add& add) {
  static std::mutex mutex;  // devices make kernels side by side
  static std::map<std::pair<int, DType>, std::vector<Kernel>> of_devices;
  const std::lock_guard lock(mutex);
  auto& kernels = of_devices[{context.device, operands}];
  if (!kernels.empty()) return kernels;
  add(kernels);
  std::erase_if(kernels, [&](const Kernel& one) {
    return one.shared_bytes > static_cast<int>(context.most_shared_bytes());
  });
  for (auto& one : kernels) {
    if (is_here(context))
      DRYPOINT_CUDA(cudaFuncSetAttribute(one.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                         one.shared_bytes));
    if constexpr (requires { one.at_once; })
      one.at_once = blocks_at_once(context, one.kernel, one.threads, one.shared_bytes, one.at_once);
  }
  return kernels;
}

template <class T>
const std::vector<HopperKernel<T>>& hopper_kernels(const Context& context, DType operands) {
  return kernels_for<HopperKernel<T>>(context, operands, [&](auto& kernels) {
    if (operands == DType::f8) return add_tiles_of_f8(kernels);
    if (operands == DType::i8) return add_tiles_of_i8(kernels);
    add_tiles_of_64_rows(kernels);
    add_tiles_of_128_rows(kernels);
    add_tiles_of_192_rows(kernels);
    add_tiles_of_256_rows(kernels);
  });
}

template <class T>
const std::vector<Sm80Kernel<T>>& sm80_kernels(const Context& context, DType operands) {
  return kernels_for<Sm80Kernel<T>>(context, operands, [&](auto& kernels) {
    if (operands == DType::f8) return add_sm80_tiles_of_f8(kernels);
    if (operands == DType::i8) return add_sm80_tiles_of_i8(kernels);
    add_sm80_tiles(kernels);
  });
}

/// Choices of one `order` add up an element's products in the same order, whatever their tiles:
/// they give the same bytes. One of a library's ways; or a tile of Hopper's kernel, a number of
/// parts that the depth is cut into, and how many blocks share what they read; or a tile and parts
/// of the kernel for all GPUs; or, without any of these, what the kernel for f32 does.
template <class T>
struct Choice {
  const HopperKernel<T>* kernel = nullptr;
  const Sm80Kernel<T>* sm80 = nullptr;
  int parts = 1;
  Sharing sharing;
  std::shared_ptr<const LibraryGemm> library;
  MmaChoice mma;
  std::string name, order;

  /// Blocks that share the depth.
  int blocks_of_depth() const {
    return (kernel && kernel->serial) || (sm80 && sm80->serial) ? 1 : parts;
  }

  explicit Choice(const MmaChoice& mma)
      : mma(mma),
        name(fmt::format("mma {}x{}/{}{}", mma.rows, mma.columns, mma.parts,
                         mma.serial ? " serial" : "")),
        order(fmt::format("mma/{}", mma.parts)) {}
  Choice(const Sm80Kernel<T>* tile, int parts)
      : sm80(tile),
        parts(parts),
        name(fmt::format("mma {}x{}x{}/{}{}", tile->rows, tile->columns, tile->stages, parts,
                         tile->serial ? " serial" : "")),
        order(fmt::format("mma/{}", parts)) {}
  Choice(const HopperKernel<T>* tile, int parts, Sharing sharing)
      : kernel(tile),
        parts(parts),
        sharing(sharing),
        name(fmt::format("{}x{}x{}/{}{}", tile->rows, tile->columns, tile->stages, parts,
                         tile->serial ? " serial" : "")),
        order(fmt::format("wgmma/{}", parts)) {
    if (sharing.blocks() > 1) name += fmt::format(" {}x{}", sharing.down, sharing.across);
  }
  Choice(std::shared_ptr<const LibraryGemm> way, std::string name)
      : library(std::move(way)), name(name), order(std::move(name)) {}
};

/// Of what parts of the depth leave in memory. Products that are larger fill any GPU without.
constexpr int64_t most_bytes_of_parts = 64 << 20;

/// Tiles of rows and columns, of all sets of weights.
inline int64_t tiles_of(const GemmShape& shape, int rows, int columns) {
  return shape.sets() * ceil_div(shape.rows, rows) * ceil_div(shape.columns, columns);
}

/// Serial split-K is for several pictures, see `hopper_choices`.
template <class T>
std::vector<Choice<T>> sm80_choices(const GemmShape& shape, DType operands, int64_t pictures,
                                    const Context& context) {
  std::vector<Choice<T>> choices;
  const int pieces = shape.depth() / shape.piece;
  for (const auto& kernel : sm80_kernels<T>(context, operands)) {
    // Tiles that are mostly empty are never best.
    if (kernel.rows > 64 && kernel.rows >= 2 * shape.rows) continue;
    if (kernel.columns > 64 && kernel.columns >= 2 * shape.columns) continue;
    if (kernel.columns < 64 && shape.columns >= 64) continue;
    const int64_t tiles = tiles_of(shape, kernel.rows, kernel.columns);
    for (const int parts : {1, 2, 3, 4, 5, 6, 8, 12, 16}) {
      if (parts == 1 ? kernel.serial : pieces < 3 * parts) continue;
      if (kernel.serial && pictures == 1) continue;
      if (parts > 1 && !kernel.serial &&
          (tiles > most_tickets ||
           parts * tiles * kernel.rows * kernel.columns * 4 > most_bytes_of_parts))
        continue;
      choices.emplace_back(&kernel, parts);
    }
  }
  return choices;
}

template <class T>
std::vector<Choice<T>> mma_choices(const GemmShape& shape, bool normed, int64_t pictures) {
  std::vector<Choice<T>> choices{Choice<T>(MmaChoice{})};
  if (shape.gathered() || sizeof(T) == 2) return choices;  // the rest is compiled for f32 alone
  const int blocks = shape.depth() / SmallTile<T>::depth;  // the large one's are as deep
  const int64_t sums_bytes = int64_t{shape.sets()} * shape.rows * shape.columns * 4;
  for (const MmaChoice tile : {MmaChoice{64, 64}, MmaChoice{128, 128}}) {
    if ((tile.rows > 64 && shape.rows <= 64) || (tile.columns > 64 && shape.columns <= 64))
      continue;
    if (tile.rows > 64) choices.emplace_back(tile);
    if (normed || shape.columns % 8 != 0) continue;
    for (const int parts : {2, 3, 4, 6, 8, 12, 16}) {
      if (blocks < 8 * parts || parts * sums_bytes / pictures > most_bytes_of_parts) continue;
      if (parts * sums_bytes <= most_bytes_of_parts)
        choices.emplace_back(MmaChoice{tile.rows, tile.columns, parts});
      if (pictures > 1) choices.emplace_back(MmaChoice{tile.rows, tile.columns, parts, true});
    }
  }
  return choices;
}

/// What a library takes: one input, whose channels fill their place, and no norm.
inline bool is_for_libraries(const GemmShape& shape, bool normed) {
  return !shape.gathered() && !shape.upsample && !shape.is_concat() && !normed &&
         shape.columns % 8 == 0 &&
         (!shape.is_picture() || shape.channels == shape.channels_of_tap());
}

/// "cublaslt 0", "cudnn 1". Of what they do with several pictures nothing is known, so they get one
/// after the other: `shape` is one's.
template <class T>
std::vector<Choice<T>> library_choices(const GemmShape& shape, int64_t pictures,
                                       const Context& context) {
  std::vector<Choice<T>> choices;
  const auto products = shape.is_picture() ? cudnn_gemms : cublas_lt_gemms;
  const char* library = shape.is_picture() ? "cudnn" : "cublaslt";
  try {
    for (const auto& way : products(shape, pictures, dtype_of<T>, context))
      choices.push_back({way, fmt::format("{} {}", library, choices.size())});
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
  }
  return choices;
}

/// `serial`: with those of serial split-K. They are for several pictures, which
/// fill the device anyway and are to be added up like one.
template <class T>
std::vector<Choice<T>> hopper_choices(const GemmShape& shape, DType operands, bool serial,
                                      const Context& context) {
  std::vector<Choice<T>> choices;
  const int blocks = shape.depth() / shape.piece;
  for (const auto& kernel : hopper_kernels<T>(context, operands)) {
    // Tiles that are mostly empty are never best.
    if (kernel.rows >= 2 * 64 && kernel.rows >= 2 * shape.rows) continue;
    if (kernel.columns >= 2 * 64 && kernel.columns >= 2 * shape.columns) continue;
    if (kernel.columns < 64 && shape.columns > 64) continue;
    if (kernel.serial && (!serial || shape.columns % 16 != 0)) continue;
    for (const Sharing sharing : {Sharing{1, 1}, Sharing{2, 1}, Sharing{1, 2}, Sharing{2, 2}}) {
      if (sharing.down > ceil_div(shape.rows, kernel.rows) ||
          sharing.across > ceil_div(shape.columns, kernel.columns))
        continue;
      for (int parts : {1, 2, 3, 4, 5, 6, 8})
        if ((parts == 1 ? !kernel.serial : blocks >= 2 * parts) && parts <= kernel.most_parts &&
            (kernel.serial || parts * sharing.blocks() <= 8))
          choices.push_back({&kernel, parts, sharing});
    }
  }
  return choices;
}

/// What a block takes of a multiprocessor, and how many have room there.
struct Room {
  int shared_bytes, at_once;
};
template <class T>
Room room_of(const HopperKernel<T>& kernel) {
  const int by_memory = 227 * 1024 / (kernel.shared_bytes + 1024);
  return {kernel.shared_bytes, std::max(1, std::min(by_memory, 2048 / kernel.threads))};
}
template <class T>
Room room_of(const MmaChoice& choice, const Context& context) {
  const bool large = choice.rows == LargeTile<T>::rows;
  const int shared_bytes = large ? LargeTile<T>::shared_bytes : SmallTile<T>::shared_bytes;
  const int threads = large ? LargeTile<T>::threads : SmallTile<T>::threads;
  const int by_registers = (sizeof(T) == 2 ? (large ? 2 : 5) : (large ? 1 : 3)) /
                           (large && choice.serial && sizeof(T) == 2 ? 2 : 1);
  const int by_room = blocks_by_room(context, threads, shared_bytes);
  return {shared_bytes, std::max(1, std::min(by_registers, by_room))};
}
template <class T>
Room room_of(const Choice<T>& choice, const Context& context) {
  if (choice.kernel) return room_of(*choice.kernel);
  if (choice.sm80) return {choice.sm80->shared_bytes, choice.sm80->at_once};
  return room_of<T>(choice.mma, context);
}

/// What the parts of Hopper's kernel take, in clock cycles.
struct HopperCosts {
  double copied;           // bytes a cycle
  double shared_again;     // the share of a copy that a neighbour's saves
  double ordered_by_one;   // until a stage is there, from a warp set apart for copies,
  double ordered_between;  // or from one that also multiplies
  double stored;           // results a cycle
  double one, two;         // a block's beginning and end, where one or two share a multiprocessor
  double adding_up, part;  // of split-K, and of each of its parts
  double sharing;
};
/// Those under which the best guess is 3 % slower, on average, than the best measured, for 440
/// products of Stable Diffusion on an H200, and for 252 of eight bits.
inline constexpr HopperCosts costs_of_halves{57, 0, 2270, 2870, 21, 10600, 7500, 2600, 1150, 3100},
    costs_of_eight_bits{40, 0.25, 2600, 2700, 6, 10000, 7000, 2000, 2000, 1800};

/// Clock cycles that a choice takes, roughly: what bounds a stage (products, shared memory,
/// copies), times stages, times the blocks that a multiprocessor runs one after the other.
template <class T>
double estimate_hopper(const Choice<T>& choice, const GemmShape& shape, const Context& context) {
  const HopperCosts& costs = shape.piece == 64 ? costs_of_halves : costs_of_eight_bits;
  const auto& k = *choice.kernel;
  const Sharing sharing = choice.sharing;
  const auto blocks =
      static_cast<double>(shape.sets() * choice.blocks_of_depth() *
                          round_up(ceil_div(shape.rows, k.rows), sharing.down) *
                          round_up(ceil_div(shape.columns, k.columns), sharing.across));
  const int at_once = room_of(k).at_once;
  const int cluster = choice.blocks_of_depth() * sharing.blocks();
  // Clusters lie within a group of 14 to 18 multiprocessors, and leave some of them over.
  const double room = context.multiprocessors() * at_once * (cluster > 2 ? 0.85 : 1);
  const double waves = std::ceil(blocks / cluster / std::floor(room / cluster));
  const double resident = std::min<double>(at_once, std::ceil(blocks / context.multiprocessors()));
  const double multiply = k.rows * k.columns / 32.0;
  const double shared =
      (k.rows / 64 * 4 * (2048 + k.columns * 32.0) + 128.0 * (k.rows + k.columns)) / 124.0;
  const auto read = [&](int rows, int readers) {
    return 128.0 * rows * (readers > 1 ? 1 - costs.shared_again : 1);
  };
  const double copies =
      (read(k.rows, sharing.across) + read(k.columns, sharing.down)) / costs.copied;
  const double latency = k.threads > k.rows * 2 ? costs.ordered_by_one : costs.ordered_between;
  const double stage = std::max(
      {multiply * resident, shared * resident, copies * resident, latency / (k.stages - 1)});
  const double epilogue =
      k.rows * k.columns / costs.stored * resident + (resident > 1 ? costs.two : costs.one);
  const int parts = choice.blocks_of_depth();
  const double adding_up = parts > 1 ? costs.adding_up + costs.part * parts : 0;
  const double stages = shape.depth() / shape.piece / static_cast<double>(parts);
  return waves * (stages * stage + epilogue) + adding_up +
         (sharing.blocks() > 1 ? costs.sharing : 0);
}

/// The same for the kernel for f32, in units of its own: blocks that share a
/// multiprocessor share what it can do, and a stage takes some time even where there is little to
/// do. Fitted on an H100 and an H200 as above, where its guesses are within 1 %.
template <class T>
double estimate_mma(const MmaChoice& choice, const GemmShape& shape, const Context& context) {
  const int parts = choice.parts_in_memory(), at_once = room_of<T>(choice, context).at_once;
  const double blocks =
      static_cast<double>(shape.sets() * parts * ceil_div(shape.rows, choice.rows) *
                          ceil_div(shape.columns, choice.columns));
  const double waves = std::ceil(blocks / (context.multiprocessors() * at_once));
  const double resident = std::min<double>(at_once, std::ceil(blocks / context.multiprocessors()));
  const double tile = choice.rows * choice.columns / 1024.0;
  const double stage = tile * (sizeof(T) == 2 ? 7.4 : context.tf32 ? 40 : 48);
  const double stages = shape.depth() / SmallTile<T>::depth / static_cast<double>(parts);
  const double sums = static_cast<double>(shape.sets()) * shape.rows * shape.columns;
  const double adding_up = parts > 1 ? 4000 + 0.0015 * parts * sums / context.multiprocessors() : 0;
  return waves * (stages * std::max(stage * resident, 550.0) + 1000 + 250 * tile * resident) +
         adding_up;
}

/// Products that a multiprocessor's tensor units add up in half precision, by `mma.sync`, in a
/// clock cycle; of eight bits twice as many. (Of 8.6, 8.9 and 12.0 that of the larger cards: the
/// others have half.)
inline double products_per_clock(const cudaDeviceProp& properties) {
  if (properties.major < 9) return properties.major == 8 && properties.minor == 0 ? 1024 : 512;
  return properties.major == 9 ? 1220 : properties.major == 10 ? 1024 : 512;
}

/// The same for the kernel for all GPUs, in clock cycles: what bounds a piece of 128 bytes of the
/// depth (products, copies, waiting for them, one block's own pace), times pieces, times
/// the rounds of blocks. The constants are those under which the guess is 1 % slower, on average,
/// than the best measured, for 235 products of Stable Diffusion on an H200.
template <class T>
double estimate_sm80(const Choice<T>& choice, const GemmShape& shape, bool normed,
                     const Context& context) {
  const auto& k = *choice.sm80;
  const int parts = choice.blocks_of_depth();
  const auto blocks = static_cast<double>(tiles_of(shape, k.rows, k.columns) * parts);
  const double waves = std::ceil(blocks / (context.multiprocessors() * k.at_once));
  const double resident =
      std::min<double>(k.at_once, std::ceil(blocks / context.multiprocessors()));
  const double tile = k.rows * k.columns;
  const double multiply = tile * 64 / (0.8 * products_per_clock(context.properties)) * resident;
  const double copies = 128.0 * (k.rows + k.columns) / 33 * resident;
  double piece = std::max({multiply, copies, 1570.0 / (k.stages - 1), 540 + 0.143 * tile});
  if (normed) piece += 130 + 27 * resident;
  const double epilogue = tile / 9.3 * resident + 11000;
  const double adding_up =
      parts > 1 ? 5000 + 0.183 * parts * tile + 0.007 * blocks * tile / context.multiprocessors()
                : 0;
  const double pieces = static_cast<double>(shape.depth()) / shape.piece / parts;
  return waves * (pieces * piece + epilogue) + adding_up;
}

template <class T>
double estimate(const Choice<T>& choice, const GemmShape& shape, bool normed,
                const Context& context) {
  if (choice.sm80) return estimate_sm80(choice, shape, normed, context);
  return choice.kernel ? estimate_hopper(choice, shape, context)
                       : estimate_mma<T>(choice.mma, shape, context);
}

}  // namespace drypoint::cuda
