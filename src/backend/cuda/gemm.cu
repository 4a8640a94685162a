#include "backend/cuda/gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "backend/cuda/gemm_choices.cuh"
#include "backend/cuda/gemm_packing.h"
#include "backend/cuda/kernels/finish_gemm.cuh"
#include "backend/cuda/kernels/gemm_sm90.cuh"
#include "backend/cuda/kernels/try_gemm.cuh"
#include "backend/cuda/tensor_map.h"
#include "backend/cuda/tuner.h"
#include "backend/gemm_key.h"

namespace drypoint::cuda {
namespace {

Conv2d plain(const Conv2d& op) { return op; }
Linear plain(Linear op) {
  op.normed = op.concat = false;
  return op;
}

template <class T, class Op>
class GemmKernel : public Kernel {
 public:
  GemmKernel(const Op& op, const KernelRequest& request, const GemmShape& shape,
             const Context& context)
      : op_(op),
        shape_(shape),
        one_(shape),
        pictures_(request.pictures),
        context_(context),
        at_(positions_of(op)),
        operands_(request.inputs[0].dtype),
        constant_bias_(op.epilogue.bias && request.constant[at_.bias]),
        key_(gemm_key(op, request.inputs, request.output) + (context.tf32 ? " tf32" : "")) {
    epilogue_.columns = shape.columns;
    epilogue_.width = static_cast<int>(request.output.shape.back());
    epilogue_.groups = shape.groups;
    epilogue_.gated = shape.gated;
    epilogue_.upsampled_width = shape.upsample ? shape.width : 0;
    if constexpr (std::is_same_v<Op, Linear>)
      if (op.normed) epilogue_.normed = shape.channels, epilogue_.epsilon = op.epsilon;
    epilogue_.activation = op.epilogue.activation;
    const int64_t results = rows() * (shape.upsample ? 4 : 1);
    if (op.epilogue.dequantize) {
      epilogue_.rows_of_input_scale = rows_of_scale(request.inputs[at_.input_scales], results);
      epilogue_.weight_pitch = packed_pitch(shape, operands_);
    }
    if (op.epilogue.quantizes())
      epilogue_.to =
          eight_bits_of(op.epilogue.quantize, request.inputs[at_.output_scales], results);
    if (pictures_ > 1) {
      const KernelRequest one = of_one_picture(request);
      one_ = gemm_shape(op, one);
      order_ = GemmKernel(op, one, one_, context).choice_.order;
    }
    choose(gemm_key(plain(op), request.inputs, request.output));
  }

  std::optional<Packing> packing(size_t input) const override {
    if (input != 1) return std::nullopt;
    const auto bytes = static_cast<size_t>(weight_bytes());
    const char* form = shape_.gated         ? ":gated"
                       : shape_.upsample    ? ":upsample"
                       : shape_.is_concat() ? ":concat"
                                            : "";
    return Packing{fmt::format("cuda:{}{}", name(operands_), form), bytes,
                   shape_.upsample ? 1 : shape_.groups,
                   [shape = shape_, to = operands_](const WeightRows& weight, std::byte* packed) {
                     pack_weight(shape, to, weight, packed);
                   }};
  }

  size_t workspace() const override { return workspace_of(choice_); }

  std::string description() const override {
    if (is_here(context_) || choice_.library) return choice_.name;
    const Room room = room_of(choice_, context_);
    return fmt::format("{} ({} KB, {} at once)", choice_.name, ceil_div(room.shared_bytes, 1024),
                       room.at_once);
  }

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
    if (op_.epilogue.dequantize) epilogue.input_scales = l.f32(at_.input_scales);
    if (op_.epilogue.quantizes()) epilogue.to.scales = l.f32(at_.output_scales);
    epilogue.out = static_cast<T*>(l.output);
    Rest<T> rest;
    for (int i = 0; i < op_.concat; ++i) rest.x[i] = static_cast<const T*>(l.inputs[at_.rest + i]);
    order(choice_, l.inputs[0], rest, l.inputs[1], epilogue, l.workspace);
  }

 private:
  void order(const Choice<T>& choice, const void* operand, const Rest<T>& rest,
             const void* packed_weight, EpilogueParams<T> epilogue, void* workspace) const {
    if (epilogue.input_scales)
      epilogue.weight_scales = static_cast<const unsigned char*>(packed_weight) + shape_.depth();
    if constexpr (sizeof(T) == 2) {
      if (choice.kernel) return order_hopper(choice, operand, rest, packed_weight, epilogue);
      if (choice.sm80)
        return order_sm80(choice, operand, rest, packed_weight, static_cast<float*>(workspace),
                          epilogue);
    }
    const T *x = static_cast<const T*>(operand), *weight = static_cast<const T*>(packed_weight);
    if (choice.library) {
      T* product = static_cast<T*>(workspace);
      choice.library->run(x, weight, product,
                          static_cast<std::byte*>(workspace) + round_up(sums_bytes(choice), 256));
      return finish(static_cast<const T*>(product), 1, epilogue);
    }
    float* partial = static_cast<float*>(workspace);
    launch_gemm_mma(context_, shape_, choice.mma, x, rest, weight, partial, epilogue);
    if (const int parts = choice.mma.parts_in_memory(); parts > 1)
      finish(static_cast<const float*>(partial), parts, epilogue);
  }

  int64_t rows() const { return int64_t{shape_.groups} * shape_.rows; }
  int64_t weight_bytes() const {
    return int64_t{shape_.sets()} * shape_.columns * packed_pitch(shape_, operands_);
  }
  int64_t sums() const { return int64_t{shape_.sets()} * shape_.rows * shape_.columns; }
  /// Of what `finish_gemm` is to read.
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
    launch(context_, finish_gemm<T, Sum>, blocks_for(context_, sums() / (shape_.gated ? 16 : 8)),
           256, 0, 1, product, parts, epilogue, int64_t{shape_.rows},
           int64_t{shape_.sets()} * shape_.rows);
  }

  void order_sm80(const Choice<T>& choice, const void* x, const Rest<T>& rest, const void* weight,
                  float* partial, const EpilogueParams<T>& epilogue) const {
    const auto& tile = *choice.sm80;
    const auto tiles = static_cast<int>(ceil_div(shape_.rows, tile.rows));
    const GemmDivisors divisors{Divisor(tiles), Divisor(shape_.out_height * shape_.out_width),
                                Divisor(shape_.out_width), Divisor(shape_.taps()),
                                Divisor(shape_.kernel_width)};
    const dim3 grid(static_cast<unsigned>(shape_.sets() * tiles),
                    static_cast<unsigned>(ceil_div(shape_.columns, tile.columns)),
                    static_cast<unsigned>(choice.blocks_of_depth()));
    launch(context_, tile.kernel, grid, dim3(static_cast<unsigned>(tile.threads)),
           static_cast<size_t>(tile.shared_bytes), 1, x, rest, weight, partial,
           context_.tickets.get(), shape_, divisors, epilogue, shape_.depth(), choice.parts);
  }

  void order_hopper(const Choice<T>& choice, const void* x, const Rest<T>& rest, const void* weight,
                    const EpilogueParams<T>& epilogue) const {
    const auto& kernel = *choice.kernel;
    GemmPlan plan;
    plan.rows = shape_.rows;
    plan.sharing = choice.sharing;
    const auto tiles =
        static_cast<int>(round_up(ceil_div(shape_.rows, kernel.rows), choice.sharing.down));
    plan.tiles = Divisor(tiles);
    plan.columns = shape_.columns;
    plan.blocks = shape_.depth() / shape_.piece;
    plan.blocks_of_tap = Divisor(shape_.channels_of_tap() / shape_.piece);
    plan.parts = Divisor(choice.parts);
    plan.picture = shape_.is_picture();
    plan.out_width = Divisor(shape_.out_width);
    plan.out_pixels = Divisor(shape_.out_height * shape_.out_width);
    plan.kernel_width = Divisor(shape_.kernel_width);
    plan.stride = shape_.stride;
    plan.top = shape_.top;
    plan.left = shape_.left;
    plan.upsample = shape_.upsample;
    plan.own_blocks = shape_.taps() * plan.blocks_of_tap.value;
    for (int i = 0; i < 2; ++i) plan.rest_blocks[i] = GemmShape::padded(shape_.rest[i]) / 64;
    const int box_rows = kernel.rows / choice.sharing.across;
    const auto map_of_rows = [&](const void* from, int64_t width) {
      const auto pitch = width * static_cast<int64_t>(size_of(operands_));
      return map_of_matrix(operands_, from, rows(), width, pitch, box_rows);
    };
    const CUtensorMap windows = plan.picture ? map_of_windows(operands_, x, shape_, box_rows)
                                             : map_of_rows(x, shape_.channels);
    const auto map_of_rest = [&](int i) {
      return rest.x[i] ? map_of_rows(rest.x[i], shape_.rest[i]) : windows;
    };
    const CUtensorMap weights =
        map_of_matrix(operands_, weight, int64_t{shape_.sets()} * shape_.columns, shape_.depth(),
                      packed_pitch(shape_, operands_), kernel.columns / choice.sharing.down);
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
        choices = hopper_choices<T>(shape_, operands_, pictures_ > 1, context_);
      else if (!shape_.gathered() && shape_.taps() <= most_taps)
        choices = sm80_choices<T>(shape_, operands_, pictures_, context_);
    }
    if (choices.empty()) choices = mma_choices<T>(shape_, epilogue_.normed > 0, pictures_);
    return in_order(std::move(choices));
  }
  std::vector<Choice<T>> in_order(std::vector<Choice<T>> choices) const {
    std::erase_if(choices,
                  [&](const Choice<T>& one) { return !order_.empty() && one.order != order_; });
    return choices;
  }
  bool has_library_choices() const {
    return operands_ == dtype_of<T> && is_for_libraries(shape_, epilogue_.normed > 0);
  }
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
      std::byte *x = nullptr, *weights = nullptr;
      T* out = nullptr;
      float *bias = nullptr, *scales = nullptr;
      std::byte* workspace = nullptr;
      int turn = 0;
      ~Memory() {
        cudaFree(x), cudaFree(weights), cudaFree(out), cudaFree(bias);
        cudaFree(scales), cudaFree(workspace);
      }
    };
    const auto memory = std::make_shared<Memory>();
    const int64_t pixels = shape_.is_picture()
                               ? rows() / (int64_t{shape_.out_height} * shape_.out_width) *
                                     shape_.height * shape_.width
                               : rows();
    const int64_t weight = weight_bytes(), element = static_cast<int64_t>(size_of(operands_));
    const int64_t results = rows() * (shape_.upsample ? 4 : 1) * epilogue_.width;
    const int copies = static_cast<int>(std::clamp<int64_t>((96 << 20) / weight, 1, 20));
    size_t workspace = 0;
    for (const auto& choice : choices) workspace = std::max(workspace, workspace_of(choice));
    const int64_t values =
        std::max(pixels * shape_.channels, rows() * std::max(shape_.rest[0], shape_.rest[1]));
    DRYPOINT_CUDA(cudaMalloc(&memory->x, values * element));
    DRYPOINT_CUDA(cudaMalloc(&memory->weights, copies * weight));
    DRYPOINT_CUDA(cudaMalloc(&memory->out, results * sizeof(T)));
    DRYPOINT_CUDA(cudaMalloc(&memory->bias, shape_.groups * shape_.columns * sizeof(float)));
    DRYPOINT_CUDA(cudaMalloc(&memory->scales, rows() * sizeof(float)));
    if (workspace > 0) DRYPOINT_CUDA(cudaMalloc(&memory->workspace, workspace));
    const auto fill = [&](std::byte* at, int64_t count, int64_t period) {
      with_operand_type(operands_, [&](auto type) {
        fill_random<<<1024, 256, 0, context_.stream>>>(reinterpret_cast<decltype(type)*>(at), count,
                                                       period);
      });
    };
    fill(memory->weights, copies * weight / element, copies * weight / element);
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
    DRYPOINT_CUDA(cudaMemsetAsync(memory->scales, 0, rows() * sizeof(float), context_.stream));
    std::vector<Tuner::Candidate> all;
    for (const auto& choice : choices)
      if (!left_out.contains(choice.name))
        all.push_back({choice.name, [=, this] {
                         EpilogueParams<T> epilogue = epilogue_;
                         epilogue.bias = memory->bias;
                         epilogue.out = memory->out;
                         if (op_.epilogue.residual) epilogue.residual = memory->out;
                         if (op_.epilogue.dequantize) epilogue.input_scales = memory->scales;
                         if (op_.epilogue.quantizes()) epilogue.to.scales = memory->scales;
                         Rest<T> rest;
                         for (int i = 0; i < op_.concat; ++i)
                           rest.x[i] = reinterpret_cast<const T*>(memory->x);
                         order(choice, memory->x, rest,
                               memory->weights + memory->turn++ % copies * weight, epilogue,
                               memory->workspace);
                       }});
    return all;
  }

  /// `x`: equal rows, or pictures. `flag`: room for a number.
  bool treats_alike(const LibraryGemm& library, const std::byte* x, const std::byte* weight,
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
  GemmShape shape_, one_;  // of all pictures, and of one of them
  int64_t pictures_;
  const Context& context_;
  OperandPositions at_;
  DType operands_;
  bool constant_bias_;
  EpilogueParams<T> epilogue_;
  Choice<T> choice_{MmaChoice{}};
  std::string key_;    // in the tuning cache
  std::string order_;  // in which one picture's products are added up; empty: there is but one
};

template <class Op>
void expect_own_precision(const Op& op, const KernelRequest& request) {
  const DType own = type_of_sums(op, request.inputs);
  const auto expect = [&](int input) {
    if (request.inputs[input].dtype != own)
      fail(ErrorKind::unsupported, "{}: {}: input {} in {}, the result in {} on device cuda",
           request.module, op.name, input, name(request.inputs[input].dtype), name(own));
  };
  const OperandPositions at = positions_of(op);
  if (op.epilogue.bias && !request.constant[at.bias]) expect(at.bias);
  if (op.epilogue.residual) expect(at.residual);
}

template <class Op>
void expect_supported(const Op& op, const KernelRequest& request, const GemmShape& shape,
                      const Context& context) {
  if (shape.gated && (shape.columns % 16 != 0 || op.epilogue.scale >= 0))
    fail(ErrorKind::unsupported,
         "{}: a gated {} of width {}, scale {} on device cuda, expected whole eights, none",
         request.module, op.name, shape.columns / 2, op.epilogue.scale);
  if (shape.is_concat() && (shape.channels | shape.rest[0] | shape.rest[1]) % 8 != 0)
    fail(ErrorKind::unsupported,
         "{}: a {} of {}, {} and {} channels concatenated on device cuda, expected whole eights",
         request.module, op.name, shape.channels, shape.rest[0], shape.rest[1]);
  if (op.epilogue.quantizes()) {
    const int64_t scales = request.inputs[positions_of(op).output_scales].shape[0];
    if (op.groups % scales != 0 || request.output.shape.back() % 8 != 0)
      fail(ErrorKind::unsupported,
           "{}: a {} of width {} as {} with {} scales on device cuda, expected whole eights, one "
           "scale or one a group",
           request.module, op.name, request.output.shape.back(), name(op.epilogue.quantize),
           scales);
  }
  const DType own = type_of_sums(op, request.inputs);
  if (!context.multiplies(own))
    fail(ErrorKind::unsupported, "{}: a {} in {} on device cuda of compute capability {}.{}",
         request.module, op.name, name(own), context.properties.major, context.properties.minor);
  if (op.epilogue.dequantize && (shape.gathered() || size_of(own) != 2))
    fail(ErrorKind::unsupported,
         "{}: a {} of {} channels in {}, in {} afterwards, on device cuda, expected whole "
         "sixteens, f16 or bf16",
         request.module, op.name, shape.channels, name(request.inputs[0].dtype), name(own));
  if (const DType operands = request.inputs[0].dtype;
      op.epilogue.dequantize && !context.has_eight_bits(operands))
    fail(ErrorKind::unsupported,
         "{}: a {} of {} on device cuda of compute capability {}.{}, expected {} or later",
         request.module, op.name, name(operands), context.properties.major,
         context.properties.minor, operands == DType::f8 ? "8.9" : "8.0");
  if (op.epilogue.dequantize && !context.hopper && shape.taps() > most_taps)
    fail(ErrorKind::unsupported, "{}: a {} of {} under windows of {} on device cuda, expected {}",
         request.module, op.name, name(request.inputs[0].dtype), shape.taps(), most_taps);
  if constexpr (std::is_same_v<Op, Conv2d>)
    if (op.upsample &&
        !(!op.concat && request.inputs[1].shape[2] == 3 && request.inputs[1].shape[3] == 3 &&
          op.stride == 1 && op.top == 1 && op.left == 1 && op.bottom == 1 && op.right == 1 &&
          op.groups == 1 && op.epilogue.is_open()))
      fail(ErrorKind::unsupported,
           "{}: {} with a weight {} on device cuda, expected 3x3 filters and one pixel of padding "
           "alone",
           request.module, to_string(drypoint::Op(op)), to_string(request.inputs[1].shape));
}

void expect_constant_weight(const KernelRequest& request) {
  if (!request.constant[1])
    fail(ErrorKind::unsupported, "{}: {} with a computed weight on device cuda", request.module,
         name(request.op));
}

}  // namespace

template <class Op>
KernelPtr make_gemm(const Op& op, const KernelRequest& request, const Context& context) {
  expect_constant_weight(request);
  expect_own_precision(op, request);
  const GemmShape shape = gemm_shape(op, request);
  expect_supported(op, request, shape, context);
  return with_type(type_of_sums(op, request.inputs), [&](auto type) -> KernelPtr {
    return std::make_unique<GemmKernel<decltype(type), Op>>(op, request, shape, context);
  });
}
template KernelPtr make_gemm(const Conv2d&, const KernelRequest&, const Context&);
template KernelPtr make_gemm(const Linear&, const KernelRequest&, const Context&);

}  // namespace drypoint::cuda
