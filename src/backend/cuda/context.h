// What the CUDA backend's kernels share.
#pragma once

#include <cuda_runtime.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "tensor/dtype.h"

namespace drypoint::cuda {

class Tuner;

/// What the code that runs on the current device was compiled for.
enum class CodeFor : uint8_t {
  halves,    ///< compute capability 7.5: f16 alone
  all,       ///< 8.0 and later
  f8,        ///< 8.9 and later: products of f8
  clusters,  ///< 9.0 and later: clusters and dependent launches
  hopper,    ///< 9.0 and its own instructions
};
CodeFor code_for();

constexpr int most_tickets = 1 << 14, most_barriers = 1 << 10;

struct Context {
  int device = 0;
  cudaDeviceProp properties{};
  cudaStream_t stream = nullptr;
  DType precision = DType::f16;
  bool tf32 = false;
  bool hopper = false;        // wgmma and TMA: compute capability 9.0
  bool has_clusters = false;  // and dependent launches: code for 9.0 or later, and a device for it
  CodeFor code = CodeFor::all;
  std::shared_ptr<Tuner> tuner;
  /// For the blocks of one launch: who comes last (`most_tickets`, zeros before it and after), and
  /// barriers (`most_barriers`, see `meet_blocks`).
  std::shared_ptr<int> tickets;

  int* barriers() const { return tickets.get() + most_tickets; }
  /// Products of operands of this type, in half precision afterwards.
  bool has_eight_bits(DType operands) const {
    return precision != DType::f32 && code >= (operands == DType::f8 ? CodeFor::f8 : CodeFor::all);
  }
  /// Products of this type, of two or four bytes.
  bool multiplies(DType type) const { return code > CodeFor::halves || type == DType::f16; }
  int multiprocessors() const { return properties.multiProcessorCount; }
  /// Shared memory that a block may have: 227 KB on 9.0 and 10.0, 163 on 8.0, 99 on 8.6, 8.9, 12.0,
  /// 64 on 7.5.
  size_t most_shared_bytes() const { return properties.sharedMemPerBlockOptin; }
};

/// Turns a CUDA error into device_failure (out_of_memory where it is that), naming the call.
void check(cudaError_t status, const char* call);
#define DRYPOINT_CUDA(call) ::drypoint::cuda::check((call), #call)

/// A launch that may begin while the one before it ends: programmatic dependent launch. Such a
/// kernel waits with `wait_for_previous()` before it touches what others wrote or read.
template <class... Parameters, class... Arguments>
void launch(const Context& context, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            size_t shared_bytes, dim3 cluster, Arguments&&... arguments) {
  cudaLaunchAttribute attributes[2];
  int count = 0;
  if (context.has_clusters) {
    attributes[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[count++].val.programmaticStreamSerializationAllowed = 1;
  }
  if (cluster.x * cluster.y * cluster.z > 1) {
    attributes[count].id = cudaLaunchAttributeClusterDimension;
    attributes[count++].val.clusterDim = {cluster.x, cluster.y, cluster.z};
  }
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = context.stream;
  config.attrs = attributes;
  config.numAttrs = static_cast<unsigned>(count);
  DRYPOINT_CUDA(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...));
}

/// A launch whose blocks run all at once, so that they can wait for each other.
template <class... Parameters, class... Arguments>
void launch_together(const Context& context, void (*kernel)(Parameters...), dim3 grid, dim3 block,
                     size_t shared_bytes, Arguments&&... arguments) {
  cudaLaunchAttribute together{};
  together.id = cudaLaunchAttributeCooperative;
  together.val.cooperative = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = context.stream;
  config.attrs = &together;
  config.numAttrs = 1;
  DRYPOINT_CUDA(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...));
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

}  // namespace drypoint::cuda
