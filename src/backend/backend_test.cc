#include "backend/backend.h"

#include <dlfcn.h>

#include "backend/cuda_entry.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

TEST(Backend, CountsWhatWasPromisedBeforeItIsTouched) {
  const auto backend = make_reference_backend();
  constexpr size_t gib = size_t{1} << 30;  // others use memory meanwhile, but hardly this much
  const size_t before = backend->available_memory();
  if (before < 3 * gib) GTEST_SKIP() << "too little memory to tell";
  auto memory = backend->allocate(3 * gib);
  EXPECT_LT(backend->available_memory(), before - gib);
  memory.reset();
  EXPECT_GT(backend->available_memory(), before - gib);
}

// tests/support/stale_cuda.cc says of itself that it was built from other headers.
TEST(CudaLibrary, OfOtherHeadersIsRefused) {
  const std::string path = DRYPOINT_STALE_CUDA;
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_TRUE(library) << dlerror();
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_file, {path, "interface 0123", "this program has"},
                                  [&] { cuda::entry_of(library, path); }));
  dlclose(library);
}

TEST(CudaLibrary, ThatIsAnotherIsRefused) {
  void* const none = dlopen(nullptr, RTLD_NOW);
  ASSERT_TRUE(none);
  EXPECT_TRUE(testing::fails_with(ErrorKind::bad_file, {"a.so", "interface none"},
                                  [&] { cuda::entry_of(none, "a.so"); }));
}

}  // namespace
}  // namespace drypoint
