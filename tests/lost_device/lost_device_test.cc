// What is left of a process whose GPU has failed: errors that say so, no crash, and the CPU.
#include <dlfcn.h>

#include "backend/backend.h"
#include "drypoint/pipeline.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

using testing::fails_with;

/// Lets a kernel of somebody else's fail on the GPU that this process uses, which ends whatever
/// CUDA can do here. CUDA's driver API, https://docs.nvidia.com/cuda/cuda-driver-api/
class Saboteur {
 public:
  Saboteur() {
    find(init_, "cuInit");
    find(retain_, "cuDevicePrimaryCtxRetain");
    find(set_current_, "cuCtxSetCurrent");
    find(load_, "cuModuleLoadData");
    find(function_, "cuModuleGetFunction");
    find(launch_, "cuLaunchKernel");
    find(wait_, "cuCtxSynchronize");
  }
  void act() const {
    constexpr const char* failing =
        ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry fail() { trap; }\n";
    void *context = nullptr, *module = nullptr, *kernel = nullptr;
    ASSERT_EQ(init_(0), 0);
    ASSERT_EQ(retain_(&context, 0), 0);
    ASSERT_EQ(set_current_(context), 0);
    ASSERT_EQ(load_(&module, failing), 0);
    ASSERT_EQ(function_(&kernel, module, "fail"), 0);
    ASSERT_EQ(launch_(kernel, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr), 0);
    ASSERT_NE(wait_(), 0);
  }

 private:
  template <class Function>
  void find(Function*& function, const char* name) const {
    function = reinterpret_cast<Function*>(dlsym(driver_, name));
    ASSERT_NE(function, nullptr) << name;
  }

  void* driver_ = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  int (*init_)(unsigned) = nullptr;
  int (*retain_)(void**, int) = nullptr;
  int (*set_current_)(void*) = nullptr;
  int (*load_)(void**, const void*) = nullptr;
  int (*function_)(void**, void*, const char*) = nullptr;
  int (*launch_)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*,
                 void**, void**) = nullptr;
  int (*wait_)() = nullptr;
};

bool has_gpu() {
  try {
    return make_cuda_backend({}) != nullptr;
  } catch (const Error&) {
    return false;
  }
}

TEST(LostDevice, IsSaidAndLeavesTheRest) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU here";
  const ModelFiles files{.model = testing::tiny_model_path(),
                         .control = testing::tiny_control_path()};
  Request request;
  request.seed = 1;
  request.steps = 2;
  request.image = {64, 64, 1, std::vector<uint8_t>(64 * 64)};
  request.is_edges = true;
  {
    Pipeline pipeline(files, {.device = "cuda"});
    pipeline.generate(request);
    Saboteur().act();
    for (int i = 0; i < 2; ++i)
      EXPECT_TRUE(fails_with(ErrorKind::device_failure, {"device cuda"},
                             [&] { pipeline.generate(request); }));
    EXPECT_THROW(Pipeline(files, {.device = "cuda"}).generate(request), Error);
  }
  EXPECT_EQ(Pipeline(files, {.device = "cpu"}).generate(request).images.size(), 1u);
}

}  // namespace
}  // namespace drypoint
