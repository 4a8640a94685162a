#include "backend/cuda/tensor_map.h"

namespace drypoint::cuda {
namespace {

/// Entries of the driver, which is not linked: this library must load where there is none.
struct Driver {
  decltype(&cuTensorMapEncodeTiled) tiled = nullptr;
  decltype(&cuTensorMapEncodeIm2col) im2col = nullptr;
};

const Driver& driver() {
  static const Driver entries = [] {
    const auto entry = [](const char* name) {
      void* pointer = nullptr;
      cudaDriverEntryPointQueryResult found;
      DRYPOINT_CUDA(
          cudaGetDriverEntryPointByVersion(name, &pointer, 12000, cudaEnableDefault, &found));
      if (found != cudaDriverEntryPointSuccess)
        fail(ErrorKind::unsupported, "device cuda: the driver has no {}", name);
      return pointer;
    };
    return Driver{
        reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(entry("cuTensorMapEncodeTiled")),
        reinterpret_cast<decltype(&cuTensorMapEncodeIm2col)>(entry("cuTensorMapEncodeIm2col"))};
  }();
  return entries;
}

void expect_map(CUresult status, const char* of) {
  if (status != CUDA_SUCCESS)
    fail(ErrorKind::device_failure, "device cuda: a map of {} was refused with code {}", of,
         static_cast<int>(status));
}

CUtensorMapDataType map_type(DType dtype) {
  switch (dtype) {
    case DType::f16: return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
    case DType::bf16: return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
    default: return CU_TENSOR_MAP_DATA_TYPE_UINT8;
  }
}

cuuint32_t elements_of_row(DType dtype) { return static_cast<cuuint32_t>(128 / size_of(dtype)); }

}  // namespace

CUtensorMap map_of_matrix(DType dtype, const void* data, int64_t rows, int64_t width, int64_t pitch,
                          int box_rows) {
  CUtensorMap map;
  const cuuint64_t extents[] = {static_cast<cuuint64_t>(width), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(pitch)};
  const cuuint32_t box[] = {elements_of_row(dtype), static_cast<cuuint32_t>(box_rows)},
                   steps[] = {1, 1};
  expect_map(driver().tiled(&map, map_type(dtype), 2, const_cast<void*>(data), extents, strides,
                            box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                            CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
             "a matrix");
  return map;
}

CUtensorMap map_of_windows(DType dtype, const void* data, const GemmShape& shape, int box_rows) {
  CUtensorMap map;
  const int64_t pictures =
      int64_t{shape.groups} * shape.rows / (int64_t{shape.out_height} * shape.out_width);
  const cuuint64_t extents[] = {
      static_cast<cuuint64_t>(shape.channels), static_cast<cuuint64_t>(shape.width),
      static_cast<cuuint64_t>(shape.height), static_cast<cuuint64_t>(pictures)};
  const cuuint64_t pixel = static_cast<cuuint64_t>(shape.channels) * size_of(dtype);
  const cuuint64_t strides[] = {pixel, pixel * shape.width, pixel * shape.width * shape.height};
  // An upsampled picture's four sets of 2x2 weights lie in the same windows of 3x3.
  const int seen_height = shape.kernel_height + shape.upsample;
  const int seen_width = shape.kernel_width + shape.upsample;
  const int lower[] = {-shape.left, -shape.top};
  const int upper[] = {shape.right - (seen_width - 1), shape.bottom - (seen_height - 1)};
  const auto stride = static_cast<cuuint32_t>(shape.stride);
  const cuuint32_t steps[] = {1, stride, stride, 1};
  expect_map(
      driver().im2col(&map, map_type(dtype), 4, const_cast<void*>(data), extents, strides, lower,
                      upper, elements_of_row(dtype), static_cast<cuuint32_t>(box_rows), steps,
                      CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
      "windows");
  return map;
}

}  // namespace drypoint::cuda
