// Products by cuBLASLt. https://docs.nvidia.com/cuda/cublas/#using-the-cublaslt-api
#include "backend/cuda/libraries/libraries.h"

#if __has_include(<cublasLt.h>)

#include <cublasLt.h>
#include <fmt/format.h>

#include "backend/cuda/libraries/handles.h"
#include "backend/cuda/libraries/shared_library.h"

namespace drypoint::cuda {
namespace {

constexpr size_t most_workspace = 32 << 20;  // what NVIDIA advises for Hopper
constexpr uint32_t alignment = 16;           // of matrices, in bytes: whole eights of two bytes
constexpr int most_choices = 4;

/// The functions used, from the library of the headers' major version.
struct CublasLt {
  SharedLibrary library{fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR)};
  decltype(&cublasLtCreate) create = library["cublasLtCreate"];
  decltype(&cublasLtGetStatusString) text_of = library["cublasLtGetStatusString"];
  decltype(&cublasLtMatmul) multiply = library["cublasLtMatmul"];
  decltype(&cublasLtMatmulAlgoGetHeuristic) find_ways = library["cublasLtMatmulAlgoGetHeuristic"];
  decltype(&cublasLtMatmulDescCreate) create_gemm = library["cublasLtMatmulDescCreate"];
  decltype(&cublasLtMatmulDescDestroy) destroy_gemm = library["cublasLtMatmulDescDestroy"];
  decltype(&cublasLtMatmulDescSetAttribute) set_gemm = library["cublasLtMatmulDescSetAttribute"];
  decltype(&cublasLtMatrixLayoutCreate) create_matrix = library["cublasLtMatrixLayoutCreate"];
  decltype(&cublasLtMatrixLayoutDestroy) destroy_matrix = library["cublasLtMatrixLayoutDestroy"];
  decltype(&cublasLtMatrixLayoutSetAttribute) set_matrix =
      library["cublasLtMatrixLayoutSetAttribute"];
  decltype(&cublasLtMatmulPreferenceCreate) create_preference =
      library["cublasLtMatmulPreferenceCreate"];
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference =
      library["cublasLtMatmulPreferenceDestroy"];
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference =
      library["cublasLtMatmulPreferenceSetAttribute"];
};

const CublasLt& lt() {
  static const CublasLt loaded;
  return loaded;
}

void expect(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    fail(ErrorKind::unsupported, "cuBLASLt: {} ({})", lt().text_of(status), what);
}

/// Null if there can be none.
cublasLtHandle_t handle_of(int device) {
  static Handles<cublasLtHandle_t> handles;
  return handles.of(device, [] {
    cublasLtHandle_t handle = nullptr;
    return lt().create(&handle) == CUBLAS_STATUS_SUCCESS ? handle : nullptr;
  });
}

struct Destroy {
  void operator()(cublasLtMatmulDesc_t product) const { lt().destroy_gemm(product); }
  void operator()(cublasLtMatrixLayout_t matrix) const { lt().destroy_matrix(matrix); }
  void operator()(cublasLtMatmulPreference_t preference) const {
    lt().destroy_preference(preference);
  }
};
template <class Descriptor>
using Owned = std::unique_ptr<std::remove_pointer_t<Descriptor>, Destroy>;

/// What is to be multiplied. The library's matrices are stored by columns: ours turned over.
/// Their product [columns, rows] = weight [depth, columns] turned over, times x [channels, rows].
class Problem {
 public:
  /// `pictures`: each has `shape`, and as many have their rows one after the other in each group.
  Problem(const GemmShape& shape, int64_t pictures, DType dtype, bool tf32) {
    const cudaDataType_t type = dtype == DType::f16    ? CUDA_R_16F
                                : dtype == DType::bf16 ? CUDA_R_16BF
                                                       : CUDA_R_32F;
    cublasLtMatmulDesc_t product = nullptr;
    expect(lt().create_gemm(&product, tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                            CUDA_R_32F),
           "product");
    gemm_.reset(product);
    const cublasOperation_t turned = CUBLAS_OP_T;
    expect(lt().set_gemm(product, CUBLASLT_MATMUL_DESC_TRANSA, &turned, sizeof turned), "turn");
    const auto matrix = [&](int rows, int columns, int pitch, int64_t times) {
      cublasLtMatrixLayout_t layout = nullptr;
      expect(lt().create_matrix(&layout, type, rows, columns, pitch), "matrix");
      const int64_t stride = int64_t{pitch} * columns * times;
      lt().set_matrix(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &shape.groups, sizeof(int));
      lt().set_matrix(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride);
      return Owned<cublasLtMatrixLayout_t>(layout);
    };
    weight_ = matrix(shape.channels, shape.columns, shape.depth(), 1);
    x_ = matrix(shape.channels, shape.rows, shape.channels, pictures);
    result_ = matrix(shape.columns, shape.rows, shape.columns, pictures);
  }

  std::vector<cublasLtMatmulHeuristicResult_t> ways(cublasLtHandle_t handle) const {
    cublasLtMatmulPreference_t preference = nullptr;
    expect(lt().create_preference(&preference), "preference");
    const Owned<cublasLtMatmulPreference_t> owned(preference);
    lt().set_preference(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most_workspace,
                        sizeof most_workspace);
    for (const auto matrix :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      lt().set_preference(preference, matrix, &alignment, sizeof alignment);
    std::vector<cublasLtMatmulHeuristicResult_t> found(most_choices);
    int count = 0;
    const auto status =
        lt().find_ways(handle, gemm_.get(), weight_.get(), x_.get(), result_.get(), result_.get(),
                       preference, most_choices, found.data(), &count);
    found.resize(status == CUBLAS_STATUS_SUCCESS ? count : 0);
    return found;
  }
  void run(cublasLtHandle_t handle, const cublasLtMatmulHeuristicResult_t& way, const void* x,
           const void* weight, void* product, void* workspace, cudaStream_t stream) const {
    const float one = 1, none = 0;
    expect(lt().multiply(handle, gemm_.get(), &one, weight, weight_.get(), x, x_.get(), &none,
                         product, result_.get(), product, result_.get(), &way.algo, workspace,
                         way.workspaceSize, stream),
           "cublasLtMatmul");
  }

 private:
  Owned<cublasLtMatmulDesc_t> gemm_;
  Owned<cublasLtMatrixLayout_t> weight_, x_, result_;
};

class CublasLtGemm : public LibraryGemm {
 public:
  CublasLtGemm(std::shared_ptr<const Problem> problem, const GemmShape& shape, int64_t pictures,
               DType dtype, const cublasLtMatmulHeuristicResult_t& way, const Context& context)
      : problem_(std::move(problem)),
        pictures_(pictures),
        of_x_(size_of(dtype) * shape.rows * shape.channels),
        of_gemm_(size_of(dtype) * shape.rows * shape.columns),
        way_(way),
        context_(context) {}
  size_t workspace() const override { return way_.workspaceSize; }
  void run(const void* x, const void* weight, void* product, void* workspace) const override {
    for (int64_t i = 0; i < pictures_; ++i)
      problem_->run(handle_of(context_.device), way_, static_cast<const std::byte*>(x) + i * of_x_,
                    weight, static_cast<std::byte*>(product) + i * of_gemm_, workspace,
                    context_.stream);
  }

 private:
  std::shared_ptr<const Problem> problem_;
  int64_t pictures_;
  size_t of_x_, of_gemm_;  // bytes of a picture's rows
  cublasLtMatmulHeuristicResult_t way_;
  const Context& context_;
};

}  // namespace

LibraryGemms cublas_lt_gemms(const GemmShape& shape, int64_t pictures, DType dtype,
                             const Context& context) {
  if (!lt().library.missing().empty() || !handle_of(context.device)) return {};
  LibraryGemms all;
  const bool tf32 = dtype == DType::f32 && context.tf32;
  const Problem one(shape, 1, dtype, tf32);
  const auto problem = std::make_shared<const Problem>(shape, pictures, dtype, tf32);
  for (const auto& way : one.ways(handle_of(context.device)))
    if (way.state == CUBLAS_STATUS_SUCCESS)
      all.push_back(std::make_shared<CublasLtGemm>(problem, shape, pictures, dtype, way, context));
  return all;
}

}  // namespace drypoint::cuda

#else

namespace drypoint::cuda {

LibraryGemms cublas_lt_gemms(const GemmShape&, int64_t, DType, const Context&) { return {}; }

}  // namespace drypoint::cuda

#endif
