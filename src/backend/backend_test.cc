#include "backend/backend.h"

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

}  // namespace
}  // namespace drypoint
