#include "backend/cuda/product.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <set>
#include <utility>

#include "backend/cuda/kernels/finish_product.cuh"
#include "backend/cuda/kernels/product_sm90.cuh"
#include "backend/cuda/kernels/try_product.cuh"
#include "backend/cuda/product_choices.cuh"
#include "backend/cuda/tensor_map.h"
#include "backend/cuda/tuner.h"
#include "backend/product_key.h"

namespace drypoint::cuda {
namespace {

/// A value as the bits that a weight of this type has.
template <class T>
T packed_value(float value) {
  if constexpr (std::is_same_v<T, float>) return value;
  T packed;
  const uint16_t bits = dtype_of<T> == DType::f16 ? float_to_half(value) : float_to_bfloat(value);
  std::memcpy(static_cast<void*>(&packed), &bits, sizeof bits);
  return packed;
}

/// Of a doubled picture's pixels (2 y + odd) the 3 taps see 2 pixels of the picture: tap `tap` the
/// one of this number. Both numbers count from the first that is seen.
int halved_tap(int odd, int tap) { return (odd + tap + 1) / 2 - odd; }

/// A filter [channels, 3 x 3] of a doubled picture -> four [channels, 2 x 2] of the picture itself.
std::array<std::vector<float>, 4> halved(const float* filter, int64_t channels) {
  std::array<std::vector<float>, 4> sets;
  for (int set = 0; set < 4; ++set) {
    sets[set].resize(channels * 4);
    for (int64_t c = 0; c < channels; ++c)
      for (int tap = 0; tap < 9; ++tap)
        sets[set][c * 4 + halved_tap(set / 2, tap / 3) * 2 + halved_tap(set % 2, tap % 3)] +=
            filter[c * 9 + tap];
  }
  return sets;
}

/// weight [groups * columns, channels, taps], each row followed by what is for further inputs, or
/// one group of it -> rows of `depth`, each tap's channels together.
template <class T>
void pack_weight(const ProductShape& shape, const Tensor& weight, std::byte* packed) {
  const Tensor values = weight.to_f32();
  const float* from = values.floats().data();
  T* to = reinterpret_cast<T*>(packed);
  const int64_t depth = shape.depth(), taps = shape.taps(), channels = shape.channels;
  const int64_t row_size = channels * taps + shape.rest[0] + shape.rest[1];
  const int64_t rows = shape.doubled ? shape.columns : values.type().elements() / row_size;
  const int64_t tap_pitch = shape.gathered() ? channels : shape.channels_of_tap();
  const auto pack_row = [&](const float* source, T* target) {
    std::fill_n(target, depth, packed_value<T>(0));
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t c = 0; c < channels; ++c)
        target[tap * tap_pitch + c] = packed_value<T>(source[c * taps + tap]);
    source += channels * taps, target += taps * tap_pitch;
    for (const int size : shape.rest) {
      std::transform(source, source + size, target, packed_value<T>);
      source += size, target += ProductShape::padded(size);
    }
  };
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t group = row / shape.columns;
    const int local =
        unpacked_row(static_cast<int>(row % shape.columns), shape.columns, shape.gated);
    if (shape.doubled) {
      const auto sets = halved(from + row * channels * 9, channels);
      for (int64_t set = 0; set < 4; ++set)
        pack_row(sets[set].data(), to + (set * shape.columns + row) * depth);
    } else {
      pack_row(from + (group * shape.columns + local) * row_size, to + row * depth);
    }
  }
}

Conv2d plain(const Conv2d& op) { return op; }
Linear plain(Linear op) {
  op.normed = op.joined = false;
  return op;
}

template <class T, class Op>
class ProductKernel : public Kernel {
 public:
  ProductKernel(const Op& op, const KernelRequest& request, const ProductShape& shape,
                const Context& context)
      : op_(op),
        shape_(shape),
        one_(shape),
        pictures_(request.pictures),
        context_(context),
        at_(positions_of(op)),
        constant_bias_(op.epilogue.bias && request.constant[at_.bias]),
        key_(product_key(op, request.inputs, request.output) + (context.tf32 ? " tf32" : "")) {
    epilogue_.columns = shape.columns;
    epilogue_.width = static_cast<int>(request.output.shape.back());
    epilogue_.groups = shape.groups;
    epilogue_.gated = shape.gated;
    epilogue_.doubled = shape.doubled ? shape.width : 0;
    if constexpr (std::is_same_v<Op, Linear>)
      if (op.normed) epilogue_.normed = shape.channels, epilogue_.epsilon = op.epsilon;
    epilogue_.activation = op.epilogue.activation;
    if (pictures_ > 1) {
      const KernelRequest one = of_one_picture(request);
      one_ = product_shape(op, one);
      order_ = ProductKernel(op, one, one_, context).choice_.order;
    }
    choose(product_key(plain(op), request.inputs, request.output));
  }

  std::optional<Packing> packing(size_t input) const override {
    if (input != 1) return std::nullopt;
    const auto bytes =
        static_cast<size_t>(shape_.sets()) * shape_.columns * shape_.depth() * sizeof(T);
    const char* form = shape_.gated         ? ":gated"
                       : shape_.doubled     ? ":doubled"
                       : shape_.is_joined() ? ":joined"
                                            : "";
    return Packing{fmt::format("cuda:{}{}", name(dtype_of<T>), form), bytes,
                   shape_.doubled ? 1 : shape_.groups,
                   [shape = shape_](const Tensor& weight, std::byte* packed) {
                     pack_weight<T>(shape, weight, packed);
                   }};
  }

  size_t workspace() const override { return workspace_of(choice_); }

  std::string description() const override { return choice_.name; }

  std::vector<std::string> alternatives() const override {
    std::vector<std::string> names;
    for (const Choice<T>& one : all_choices()) names.push_back(one.name);
    return names;
  }

  void run(const Launch& l) const override {
    EpilogueParams<T> epilogue = epilogue_;
    if (op_.epilogue.select) {
      epilogue.table = static_cast<const T*>(l.inputs[at_.bias]);
      epilogue.step = l.i32(at_.step);
    } else if (op_.epilogue.bias && constant_bias_) {
      epilogue.bias = l.f32(at_.bias);
    } else if (op_.epilogue.bias) {  // a table of one row
      epilogue.table = static_cast<const T*>(l.inputs[at_.bias]);
      epilogue.step = nullptr;
    }
    if (op_.epilogue.residual) epilogue.residual = static_cast<const T*>(l.inputs[at_.residual]);
    if (op_.epilogue.scale >= 0) epilogue.scale = l.f32(at_.scales) + op_.epilogue.scale;
    epilogue.out = static_cast<T*>(l.output);
    Rest<T> rest;
    for (int i = 0; i < op_.joined; ++i) rest.x[i] = static_cast<const T*>(l.inputs[at_.rest + i]);
    order(choice_, static_cast<const T*>(l.inputs[0]), rest, static_cast<const T*>(l.inputs[1]),
          epilogue, l.workspace);
  }

 private:
  void order(const Choice<T>& choice, const T* x, const Rest<T>& rest, const T* weight,
             const EpilogueParams<T>& epilogue, void* workspace) const {
    if (choice.library) {
      T* product = static_cast<T*>(workspace);
      choice.library->run(x, weight, product,
                          static_cast<std::byte*>(workspace) + round_up(sums_bytes(choice), 256));
      return finish(static_cast<const T*>(product), 1, epilogue);
    }
    if constexpr (sizeof(T) == 2) {
      if (choice.kernel) return order_hopper(choice, x, rest, weight, epilogue);
      if (choice.sm80)
        return order_sm80(choice, x, rest, weight, static_cast<float*>(workspace), epilogue);
    }
    float* partial = static_cast<float*>(workspace);
    launch_product_mma(context_, shape_, choice.mma, x, rest, weight, partial, epilogue);
    if (const int parts = choice.mma.parts_in_memory(); parts > 1)
      finish(static_cast<const float*>(partial), parts, epilogue);
  }

  int64_t rows() const { return int64_t{shape_.groups} * shape_.rows; }
  int64_t sums() const { return int64_t{shape_.sets()} * shape_.rows * shape_.columns; }
  /// Of what `finish_product` is to read.
  int64_t sums_bytes(const Choice<T>& choice) const {
    if (choice.library) return sums() * static_cast<int64_t>(sizeof(T));
    const int parts = choice.mma.parts_in_memory();
    return choice.kernel || choice.sm80 || parts == 1 ? 0 : parts * sums() * 4;
  }
  size_t workspace_of(const Choice<T>& choice) const {
    if (const auto* tile = choice.sm80; tile && choice.blocks_of_depth() > 1)
      return static_cast<size_t>(choice.parts * tiles_of(shape_, tile->rows, tile->columns)) *
             tile->rows * (tile->columns * sizeof(float) + sizeof(float2));
    return round_up(sums_bytes(choice), 256) + (choice.library ? choice.library->workspace() : 0);
  }

  template <class Sum>
  void finish(const Sum* product, int parts, const EpilogueParams<T>& epilogue) const {
    launch(context_, finish_product<T, Sum>, blocks_for(context_, sums() / (shape_.gated ? 16 : 8)),
           256, 0, 1, product, parts, epilogue, int64_t{shape_.rows},
           int64_t{shape_.sets()} * shape_.rows);
  }

  void order_sm80(const Choice<T>& choice, const T* x, const Rest<T>& rest, const T* weight,
                  float* partial, const EpilogueParams<T>& epilogue) const {
    const auto& tile = *choice.sm80;
    const auto tiles = static_cast<int>(ceil_div(shape_.rows, tile.rows));
    const ProductDivisors divisors{Divisor(tiles), Divisor(shape_.out_height * shape_.out_width),
                                   Divisor(shape_.out_width), Divisor(shape_.taps()),
                                   Divisor(shape_.kernel_width)};
    const dim3 grid(static_cast<unsigned>(shape_.sets() * tiles),
                    static_cast<unsigned>(ceil_div(shape_.columns, tile.columns)),
                    static_cast<unsigned>(choice.blocks_of_depth()));
    launch(context_, tile.kernel, grid, dim3(static_cast<unsigned>(tile.threads)),
           static_cast<size_t>(tile.shared_bytes), 1, x, rest, weight, partial,
           context_.tickets.get(), shape_, divisors, epilogue, shape_.depth(), choice.parts);
  }

  void order_hopper(const Choice<T>& choice, const T* x, const Rest<T>& rest, const T* weight,
                    const EpilogueParams<T>& epilogue) const {
    const auto& kernel = *choice.kernel;
    ProductPlan plan;
    plan.rows = shape_.rows;
    plan.sharing = choice.sharing;
    const auto tiles =
        static_cast<int>(round_up(ceil_div(shape_.rows, kernel.rows), choice.sharing.down));
    plan.tiles = Divisor(tiles);
    plan.columns = shape_.columns;
    plan.blocks = shape_.depth() / 64;
    plan.blocks_of_tap = Divisor(shape_.channels_of_tap() / 64);
    plan.parts = Divisor(choice.parts);
    plan.picture = shape_.is_picture();
    plan.out_width = Divisor(shape_.out_width);
    plan.out_pixels = Divisor(shape_.out_height * shape_.out_width);
    plan.kernel_width = Divisor(shape_.kernel_width);
    plan.stride = shape_.stride;
    plan.top = shape_.top;
    plan.left = shape_.left;
    plan.doubled = shape_.doubled;
    plan.own_blocks = shape_.taps() * plan.blocks_of_tap.value;
    for (int i = 0; i < 2; ++i) plan.rest_blocks[i] = ProductShape::padded(shape_.rest[i]) / 64;
    const int box_rows = kernel.rows / choice.sharing.across;
    const CUtensorMap windows =
        plan.picture ? map_of_windows(dtype_of<T>, x, shape_, box_rows)
                     : map_of_matrix(dtype_of<T>, x, rows(), shape_.channels, box_rows);
    const auto map_of_rest = [&](int i) {
      return rest.x[i] ? map_of_matrix(dtype_of<T>, rest.x[i], rows(), shape_.rest[i], box_rows)
                       : windows;
    };
    const CUtensorMap weights =
        map_of_matrix(dtype_of<T>, weight, int64_t{shape_.sets()} * shape_.columns, shape_.depth(),
                      kernel.columns / choice.sharing.down);
    const auto column_tiles =
        round_up(ceil_div(shape_.columns, kernel.columns), choice.sharing.across);
    const dim3 grid(static_cast<unsigned>(shape_.sets() * tiles),
                    static_cast<unsigned>(column_tiles),
                    static_cast<unsigned>(choice.blocks_of_depth()));
    const dim3 cluster(static_cast<unsigned>(choice.sharing.down),
                       static_cast<unsigned>(choice.sharing.across),
                       static_cast<unsigned>(choice.blocks_of_depth()));
    launch(context_, kernel.kernel, grid, dim3(static_cast<unsigned>(kernel.threads)),
           static_cast<size_t>(kernel.shared_bytes), cluster, windows, map_of_rest(0),
           map_of_rest(1), weights, plan, epilogue);
  }

  /// Of our own kernels, in the order that is asked for.
  std::vector<Choice<T>> own_choices() const {
    std::vector<Choice<T>> choices;
    if constexpr (sizeof(T) == 2) {
      if (context_.hopper && !shape_.gathered())
        choices = hopper_choices<T>(shape_, pictures_ > 1);
      else if (!shape_.gathered() && shape_.taps() <= most_taps)
        choices = sm80_choices<T>(shape_, pictures_, context_);
    }
    if (choices.empty()) choices = mma_choices<T>(shape_, epilogue_.normed > 0, pictures_);
    return in_order(std::move(choices));
  }
  std::vector<Choice<T>> in_order(std::vector<Choice<T>> choices) const {
    std::erase_if(choices,
                  [&](const Choice<T>& one) { return !order_.empty() && one.order != order_; });
    return choices;
  }
  bool has_library_choices() const { return is_for_libraries(shape_, epilogue_.normed > 0); }
  /// With those of the libraries, which take a while to ask.
  std::vector<Choice<T>> all_choices() const {
    std::vector<Choice<T>> choices = own_choices();
    if (has_library_choices())
      std::ranges::move(in_order(library_choices<T>(one_, pictures_, context_)),
                        std::back_inserter(choices));
    return choices;
  }

  /// `simple`: the key of a product that does the same with one input, not normed.
  void choose(const std::string& simple) {
    std::vector<Choice<T>> choices = own_choices();
    bool lacks_libraries = has_library_choices() && (order_.empty() || choices.empty());
    const auto add_libraries = [&] {
      if (std::exchange(lacks_libraries, false)) choices = all_choices();
    };
    if (choices.empty()) add_libraries();  // a library does one picture
    DRYPOINT_EXPECT(!choices.empty(), "no way to do {} in the order of {}", key_, order_);
    choice_ = *std::min_element(choices.begin(), choices.end(), [&](auto& a, auto& b) {
      const bool normed = epilogue_.normed > 0;
      return estimate(a, shape_, normed, context_) < estimate(b, shape_, normed, context_);
    });
    if (choices.size() == 1 && !lacks_libraries) return;
    const auto find = [&](const std::string& name) -> const Choice<T>* {  // null: cannot be made
      auto found = std::ranges::find(choices, name, &Choice<T>::name);
      if (found == choices.end() && lacks_libraries) {
        add_libraries();
        found = std::ranges::find(choices, name, &Choice<T>::name);
      }
      return found == choices.end() ? nullptr : &*found;
    };
    const auto can_be_made = [&](const std::string& name) { return find(name) != nullptr; };
    const auto all = [&] {
      add_libraries();
      return candidates(choices);
    };
    // What is best for one picture of this shape is often best for several that are as large, too.
    Tuner::Question question{key_, {simple}, choice_.name, can_be_made, all};
    if (!order_.empty()) {
      const std::string as = " as " + order_;
      question.key = key_ + as;
      question.alike = {simple + as, key_, simple};
    }
    choice_ = *find(context_.tuner->choose(context_, question));
  }

  /// With memory of their own: random values, and copies of the weights, so that runs do not find
  /// those of the run before in the cache.
  std::vector<Tuner::Candidate> candidates(const std::vector<Choice<T>>& choices) const {
    struct Memory {
      T *x = nullptr, *weights = nullptr, *out = nullptr;
      float* bias = nullptr;
      std::byte* workspace = nullptr;
      int turn = 0;
      ~Memory() {
        cudaFree(x), cudaFree(weights), cudaFree(out), cudaFree(bias), cudaFree(workspace);
      }
    };
    const auto memory = std::make_shared<Memory>();
    const int64_t pixels = shape_.is_picture()
                               ? rows() / (int64_t{shape_.out_height} * shape_.out_width) *
                                     shape_.height * shape_.width
                               : rows();
    const int64_t weight = int64_t{shape_.sets()} * shape_.columns * shape_.depth();
    const int64_t results = rows() * (shape_.doubled ? 4 : 1) * epilogue_.width;
    const int copies = static_cast<int>(
        std::clamp<int64_t>((96 << 20) / (weight * static_cast<int64_t>(sizeof(T))), 1, 20));
    size_t workspace = 0;
    for (const auto& choice : choices) workspace = std::max(workspace, workspace_of(choice));
    const int64_t values =
        std::max(pixels * shape_.channels, rows() * std::max(shape_.rest[0], shape_.rest[1]));
    DRYPOINT_CUDA(cudaMalloc(&memory->x, values * sizeof(T)));
    DRYPOINT_CUDA(cudaMalloc(&memory->weights, copies * weight * sizeof(T)));
    DRYPOINT_CUDA(cudaMalloc(&memory->out, results * sizeof(T)));
    DRYPOINT_CUDA(cudaMalloc(&memory->bias, shape_.groups * shape_.columns * sizeof(float)));
    if (workspace > 0) DRYPOINT_CUDA(cudaMalloc(&memory->workspace, workspace));
    const auto fill = [&](T* at, int64_t count, int64_t period) {
      fill_random<<<1024, 256, 0, context_.stream>>>(at, count, period);
    };
    fill(memory->weights, copies * weight, copies * weight);
    // Of libraries only what treats rows, or pictures, alike wherever they lie: a picture's lie
    // between others'.
    const int64_t alike = shape_.is_picture() ? int64_t{shape_.height} * shape_.width : 1;
    fill(memory->x, values, alike * shape_.channels);
    std::set<std::string> left_out;
    for (const auto& choice : choices)
      if (choice.library && !treats_alike(*choice.library, memory->x, memory->weights,
                                          memory->workspace, memory->out))
        left_out.insert(choice.name);
    fill(memory->x, values, values);
    DRYPOINT_CUDA(cudaMemsetAsync(memory->bias, 0, shape_.groups * shape_.columns * sizeof(float),
                                  context_.stream));
    DRYPOINT_CUDA(cudaMemsetAsync(memory->out, 0, results * sizeof(T), context_.stream));
    std::vector<Tuner::Candidate> all;
    for (const auto& choice : choices)
      if (!left_out.contains(choice.name))
        all.push_back({choice.name, [=, this] {
                         EpilogueParams<T> epilogue = epilogue_;
                         epilogue.bias = memory->bias;
                         epilogue.out = memory->out;
                         if (op_.epilogue.residual) epilogue.residual = memory->out;
                         Rest<T> rest;
                         for (int i = 0; i < op_.joined; ++i) rest.x[i] = memory->x;
                         order(choice, memory->x, rest,
                               memory->weights + memory->turn++ % copies * weight, epilogue,
                               memory->workspace);
                       }});
    return all;
  }

  /// `x`: equal rows, or pictures. `flag`: room for a number.
  bool treats_alike(const LibraryProduct& library, const T* x, const T* weight,
                    std::byte* workspace, void* flag) const {
    const int64_t pixels = shape_.is_picture() ? int64_t{shape_.out_height} * shape_.out_width : 1;
    int unlike = 0;
    auto* count = static_cast<int*>(flag);
    T* product = reinterpret_cast<T*>(workspace);
    library.run(x, weight, product, workspace + round_up(sums() * sizeof(T), 256));
    DRYPOINT_CUDA(cudaMemsetAsync(count, 0, sizeof *count, context_.stream));
    count_unlike<<<1024, 256, 0, context_.stream>>>(
        product, sums(), int64_t{shape_.rows} * shape_.columns, pixels * shape_.columns, count);
    DRYPOINT_CUDA(
        cudaMemcpyAsync(&unlike, count, sizeof unlike, cudaMemcpyDeviceToHost, context_.stream));
    DRYPOINT_CUDA(cudaStreamSynchronize(context_.stream));
    return unlike == 0;
  }

  Op op_;
  ProductShape shape_, one_;  // of all pictures, and of one of them
  int64_t pictures_;
  const Context& context_;
  OperandPositions at_;
  bool constant_bias_;
  EpilogueParams<T> epilogue_;
  Choice<T> choice_{MmaChoice{}};
  std::string key_;    // in the tuning cache
  std::string order_;  // in which one picture's products are added up; empty: there is but one
};

template <class Op>
void expect_own_precision(const Op& op, const KernelRequest& request) {
  const auto expect = [&](int input) {
    if (request.inputs[input].dtype != request.output.dtype)
      fail(ErrorKind::unsupported, "{}: {}: input {} in {}, the result in {} on device cuda",
           request.module, op.name, input, name(request.inputs[input].dtype),
           name(request.output.dtype));
  };
  const OperandPositions at = positions_of(op);
  if (op.epilogue.bias && !request.constant[at.bias]) expect(at.bias);
  if (op.epilogue.residual) expect(at.residual);
}

template <class Op>
void expect_supported(const Op& op, const KernelRequest& request, const ProductShape& shape) {
  if (shape.gated && (shape.columns % 16 != 0 || op.epilogue.scale >= 0))
    fail(ErrorKind::unsupported,
         "{}: a gated {} of width {}, scale {} on device cuda, expected whole eights, none",
         request.module, op.name, shape.columns / 2, op.epilogue.scale);
  if (shape.is_joined() && (shape.channels | shape.rest[0] | shape.rest[1]) % 8 != 0)
    fail(ErrorKind::unsupported,
         "{}: a {} of {}, {} and {} channels joined on device cuda, expected whole eights",
         request.module, op.name, shape.channels, shape.rest[0], shape.rest[1]);
  if constexpr (std::is_same_v<Op, Conv2d>)
    if (op.doubled &&
        !(!op.joined && request.inputs[1].shape[2] == 3 && request.inputs[1].shape[3] == 3 &&
          op.stride == 1 && op.top == 1 && op.left == 1 && op.bottom == 1 && op.right == 1 &&
          op.groups == 1 && op.epilogue.is_open()))
      fail(ErrorKind::unsupported,
           "{}: {} with a weight {} on device cuda, expected 3x3 filters and one pixel of padding "
           "alone",
           request.module, to_string(drypoint::Op(op)), to_string(request.inputs[1].shape));
}

template <class Op>
void set_rest(ProductShape& shape, const Op& op, const KernelRequest& request) {
  const int first = positions_of(op).rest;
  for (int i = 0; i < op.joined; ++i)
    shape.rest[i] = static_cast<int>(request.inputs[first + i].shape.back());
}

void expect_constant_weight(const KernelRequest& request) {
  if (!request.constant[1])
    fail(ErrorKind::unsupported, "{}: {} with a computed weight on device cuda", request.module,
         name(request.op));
}

}  // namespace

ProductShape product_shape(const Conv2d& op, const KernelRequest& request) {
  const Shape &x = request.inputs[0].shape, &w = request.inputs[1].shape, &y = request.output.shape;
  const auto as_int = [](int64_t n) { return static_cast<int>(n); };
  ProductShape shape;
  shape.groups = as_int(op.groups);
  shape.doubled = op.doubled;
  shape.height = as_int(x[1]), shape.width = as_int(x[2]), shape.channels = as_int(x[3]);
  shape.out_height = as_int(op.doubled ? x[1] : y[1]);
  shape.out_width = as_int(op.doubled ? x[2] : y[2]);
  shape.rows = as_int(y[0] / op.groups * shape.out_height * shape.out_width);
  shape.kernel_height = op.doubled ? 2 : as_int(filter_height(op, w));
  shape.kernel_width = op.doubled ? 2 : as_int(filter_width(op, w));
  shape.stride = as_int(op.stride);
  shape.top = as_int(op.top), shape.left = as_int(op.left);
  shape.bottom = as_int(op.bottom), shape.right = as_int(op.right);
  shape.columns = as_int(w[0] / op.groups);
  set_rest(shape, op, request);
  return shape;
}

ProductShape product_shape(const Linear& op, const KernelRequest& request) {
  const Shape& w = request.inputs[1].shape;
  const auto rows = static_cast<int>(request.inputs[0].elements() / request.inputs[0].shape.back());
  ProductShape shape;
  shape.groups = static_cast<int>(op.groups);
  shape.rows = rows / shape.groups;
  shape.width = shape.out_width = rows;
  shape.channels = static_cast<int>(request.inputs[0].shape.back());
  shape.columns = static_cast<int>(w[0] / op.groups);
  shape.gated = op.epilogue.gate;
  set_rest(shape, op, request);
  return shape;
}

template <class Op>
KernelPtr make_product(const Op& op, const KernelRequest& request, const Context& context) {
  expect_constant_weight(request);
  expect_own_precision(op, request);
  const ProductShape shape = product_shape(op, request);
  expect_supported(op, request, shape);
  return with_type(request.output.dtype, [&](auto type) -> KernelPtr {
    return std::make_unique<ProductKernel<decltype(type), Op>>(op, request, shape, context);
  });
}
template KernelPtr make_product(const Conv2d&, const KernelRequest&, const Context&);
template KernelPtr make_product(const Linear&, const KernelRequest&, const Context&);

}  // namespace drypoint::cuda
