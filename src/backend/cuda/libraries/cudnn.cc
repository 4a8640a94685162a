// Convolutions by cuDNN, through its graph API, of the engines that are compiled already.
// https://docs.nvidia.com/deeplearning/cudnn/backend/latest/
#include "backend/cuda/libraries/libraries.h"

#if __has_include(<cudnn.h>)

#include <cudnn.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "backend/cuda/libraries/handles.h"
#include "backend/cuda/libraries/shared_library.h"

namespace drypoint::cuda {
namespace {

constexpr int64_t most_workspace = 64 << 20;
constexpr size_t most_choices = 4;
constexpr int most_asked = 32;

/// The functions used, from the library of the headers' major version.
struct Cudnn {
  SharedLibrary library{fmt::format("libcudnn.so.{}", CUDNN_MAJOR)};
  decltype(&cudnnCreate) create_handle = library["cudnnCreate"];
  decltype(&cudnnSetStream) set_stream = library["cudnnSetStream"];
  decltype(&cudnnGetErrorString) text_of = library["cudnnGetErrorString"];
  decltype(&cudnnBackendCreateDescriptor) create = library["cudnnBackendCreateDescriptor"];
  decltype(&cudnnBackendDestroyDescriptor) destroy = library["cudnnBackendDestroyDescriptor"];
  decltype(&cudnnBackendSetAttribute) set = library["cudnnBackendSetAttribute"];
  decltype(&cudnnBackendGetAttribute) get = library["cudnnBackendGetAttribute"];
  decltype(&cudnnBackendFinalize) finalize = library["cudnnBackendFinalize"];
  decltype(&cudnnBackendExecute) execute = library["cudnnBackendExecute"];
};

const Cudnn& dnn() {
  static const Cudnn loaded;
  return loaded;
}

void expect(cudnnStatus_t status, const char* what) {
  if (status != CUDNN_STATUS_SUCCESS)
    fail(ErrorKind::unsupported, "cuDNN: {} ({})", dnn().text_of(status), what);
}

/// Null if there can be none.
cudnnHandle_t handle_of(int device) {
  static Handles<cudnnHandle_t> handles;
  return handles.of(device, [] {
    cudnnHandle_t handle = nullptr;
    return dnn().create_handle(&handle) == CUDNN_STATUS_SUCCESS ? handle : nullptr;
  });
}

/// What the library calls the type of a value.
using Type = cudnnBackendAttributeType_t;
constexpr Type type_of(cudnnHandle_t) { return CUDNN_TYPE_HANDLE; }
constexpr Type type_of(cudnnDataType_t) { return CUDNN_TYPE_DATA_TYPE; }
constexpr Type type_of(cudnnConvolutionMode_t) { return CUDNN_TYPE_CONVOLUTION_MODE; }
constexpr Type type_of(cudnnBackendHeurMode_t) { return CUDNN_TYPE_HEUR_MODE; }
constexpr Type type_of(cudnnBackendBehaviorNote_t) { return CUDNN_TYPE_BEHAVIOR_NOTE; }
constexpr Type type_of(cudnnBackendNumericalNote_t) { return CUDNN_TYPE_NUMERICAL_NOTE; }
constexpr Type type_of(cudnnBackendDescriptor_t) { return CUDNN_TYPE_BACKEND_DESCRIPTOR; }
constexpr Type type_of(const void*) { return CUDNN_TYPE_VOID_PTR; }
constexpr Type type_of(int64_t) { return CUDNN_TYPE_INT64; }
constexpr Type type_of(float) { return CUDNN_TYPE_FLOAT; }

/// One of the library's descriptors.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    expect(dnn().create(type, &descriptor_), "create");
  }
  ~Descriptor() {
    if (descriptor_) dnn().destroy(descriptor_);
  }
  Descriptor(Descriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, std::initializer_list<T> values) {
    expect(dnn().set(descriptor_, name, type_of(T{}), static_cast<int64_t>(values.size()),
                     values.begin()),
           "set");
    return *this;
  }
  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, T value) {
    return set(name, {value});
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    return set(name, {other.descriptor_});
  }
  cudnnStatus_t try_finalize() { return dnn().finalize(descriptor_); }
  Descriptor& finalize() {
    expect(try_finalize(), "finalize");
    return *this;
  }
  /// As many values as there are, at most as many as `values`; those that are descriptors exist.
  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name, std::vector<T> values) const {
    int64_t count = 0;
    expect(dnn().get(descriptor_, name, type_of(T{}), static_cast<int64_t>(values.size()), &count,
                     values.data()),
           "get");
    values.resize(std::min<size_t>(values.size(), count));
    return values;
  }
  cudnnBackendDescriptor_t raw() const { return descriptor_; }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

enum : int64_t { x_id = 1, weight_id, gemm_id };

Descriptor tensor(cudnnDataType_t type, int64_t id, int64_t n, int64_t channels, int64_t height,
                  int64_t width) {
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, {n, channels, height, width})
      .set(CUDNN_ATTR_TENSOR_STRIDES,
           {height * width * channels, int64_t{1}, width * channels, channels})
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, int64_t{16})
      .finalize();
  return tensor;
}

/// What refers to one another, and is kept for that.
using Descriptors = std::vector<Descriptor>;

/// A convolution of one group; the last one is its graph.
Descriptors convolution_graph(const GemmShape& s, cudnnDataType_t type, cudnnHandle_t handle) {
  const int64_t pictures = s.rows / (s.out_height * s.out_width);
  Descriptor x = tensor(type, x_id, pictures, s.channels, s.height, s.width);
  Descriptor weight =
      tensor(type, weight_id, s.columns, s.channels, s.kernel_height, s.kernel_width);
  Descriptor product = tensor(type, gemm_id, pictures, s.columns, s.out_height, s.out_width);
  Descriptor window(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  window.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
      .set<int64_t>(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1})
      .set<int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {s.stride, s.stride})
      .set<int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {s.top, s.left})
      .set<int64_t>(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {s.bottom, s.right})
      .finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, window)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weight)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, product)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.0f)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.0f)
      .finalize();
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle)
      .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation)
      .finalize();
  Descriptors all;
  for (Descriptor* one : {&x, &weight, &product, &window, &operation, &graph})
    all.push_back(std::move(*one));
  return all;
}

/// Whether an engine is compiled, gives the same bits every time, and computes as exactly as asked.
bool is_wanted(const Descriptor& engine, bool exact) {
  const auto behaviour =
      engine.get(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                 std::vector<cudnnBackendBehaviorNote_t>(CUDNN_BEHAVIOR_NOTE_TYPE_COUNT));
  const auto numerics =
      engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                 std::vector<cudnnBackendNumericalNote_t>(CUDNN_NUMERICAL_NOTE_TYPE_COUNT));
  const auto has = [](const auto& notes, auto note) {
    return std::find(notes.begin(), notes.end(), note) != notes.end();
  };
  return !has(behaviour, CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) &&
         !has(numerics, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) &&
         !has(numerics, CUDNN_NUMERICAL_NOTE_WINOGRAD) &&
         !has(numerics, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) &&
         !(exact && (has(numerics, CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ||
                     has(numerics, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)));
}

class CudnnGemm : public LibraryGemm {
 public:
  /// `kept`: what the plan was made from.
  CudnnGemm(const GemmShape& shape, int64_t pictures, DType dtype, Descriptor plan,
            std::shared_ptr<const Descriptors> kept, size_t workspace, const Context& context)
      : shape_(shape),
        pictures_(pictures),
        element_(size_of(dtype)),
        kept_(std::move(kept)),
        plan_(std::move(plan)),
        workspace_(workspace),
        context_(context) {}
  size_t workspace() const override { return workspace_; }
  void run(const void* x, const void* weight, void* product, void* workspace) const override {
    static std::mutex one_at_a_time;  // a handle has one stream
    const std::lock_guard lock(one_at_a_time);
    const cudnnHandle_t handle = handle_of(context_.device);
    expect(dnn().set_stream(handle, context_.stream), "cudnnSetStream");
    const size_t samples = shape_.rows / (shape_.out_height * shape_.out_width);
    const size_t of_x = samples * shape_.height * shape_.width * shape_.channels * element_;
    const size_t of_weight = size_t{1} * shape_.columns * shape_.depth() * element_;
    const size_t of_gemm = size_t{1} * shape_.rows * shape_.columns * element_;
    const auto at = [](const void* first, int64_t turn, size_t bytes) -> const void* {
      return static_cast<const std::byte*>(first) + turn * bytes;
    };
    for (int64_t turn = 0; turn < shape_.groups * pictures_; ++turn) {
      Descriptor places(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
      places.set<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {x_id, weight_id, gemm_id})
          .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
               {at(x, turn, of_x), at(weight, turn / pictures_, of_weight),
                at(product, turn, of_gemm)})
          .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, static_cast<const void*>(workspace))
          .finalize();
      expect(dnn().execute(handle, plan_.raw(), places.raw()), "cudnnBackendExecute");
    }
  }

 private:
  GemmShape shape_;
  int64_t pictures_;
  size_t element_;
  std::shared_ptr<const Descriptors> kept_;
  Descriptor plan_;
  size_t workspace_;
  const Context& context_;
};

LibraryGemms products(const GemmShape& shape, int64_t pictures, DType dtype,
                      const Context& context) {
  const cudnnHandle_t handle = handle_of(context.device);
  const cudnnDataType_t type = dtype == DType::f16    ? CUDNN_DATA_HALF
                               : dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16
                                                      : CUDNN_DATA_FLOAT;
  const auto kept = std::make_shared<Descriptors>(convolution_graph(shape, type, handle));
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, kept->back())
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A)
      .finalize();
  Descriptors slots;
  std::vector<cudnnBackendDescriptor_t> ways;
  for (int i = 0; i < most_asked; ++i)
    ways.push_back(slots.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).raw());
  ways = heuristic.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, std::move(ways));
  LibraryGemms all;
  for (size_t i = 0; i < ways.size() && all.size() < most_choices; ++i) {
    Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    slots[i].get(CUDNN_ATTR_ENGINECFG_ENGINE, std::vector{engine.raw()});
    if (!is_wanted(engine, dtype == DType::f32 && !context.tf32)) continue;
    Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle)
        .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, slots[i]);
    if (plan.try_finalize() != CUDNN_STATUS_SUCCESS) continue;  // not on this device, or in shape
    const auto workspace =
        plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, std::vector<int64_t>(1)).at(0);
    if (workspace > most_workspace) continue;
    all.push_back(std::make_shared<CudnnGemm>(shape, pictures, dtype, std::move(plan), kept,
                                              static_cast<size_t>(workspace), context));
    kept->push_back(std::move(slots[i]));
    kept->push_back(std::move(engine));
  }
  return all;
}

}  // namespace

LibraryGemms cudnn_gemms(const GemmShape& shape, int64_t pictures, DType dtype,
                         const Context& context) {
  if (!dnn().library.missing().empty() || !handle_of(context.device)) return {};
  return products(shape, pictures, dtype, context);
}

}  // namespace drypoint::cuda

#else

namespace drypoint::cuda {

LibraryGemms cudnn_gemms(const GemmShape&, int64_t, DType, const Context&) { return {}; }

}  // namespace drypoint::cuda

#endif
