#include "support/test_support.h"

#include <stdlib.h>

#include <cmath>

#include "support/op_runner.h"

namespace drypoint::testing {
namespace {

[[maybe_unused]] const bool held = (hold_to_instruction_set(), true);

}  // namespace

std::filesystem::path data(const std::string& relative) {
  return std::filesystem::path(DRYPOINT_TEST_DATA) / relative;
}

std::filesystem::path tiny_model_path() {
  return std::filesystem::path(DRYPOINT_TINY_MODELS) / "sd15.safetensors";
}
std::filesystem::path tiny_control_path() {
  return std::filesystem::path(DRYPOINT_TINY_MODELS) / "control.safetensors";
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "drypoint_test_XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("cannot make a temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

::testing::AssertionResult close(std::span<const float> actual, std::span<const float> expected,
                                 double tolerance) {
  if (actual.size() != expected.size())
    return ::testing::AssertionFailure()
           << actual.size() << " values, expected " << expected.size();
  double largest = 0, error = 0;
  size_t where = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    largest = std::max(largest, std::abs(double{expected[i]}));
    const double difference = std::abs(double{actual[i]} - double{expected[i]});
    if (!(difference <= error)) error = difference, where = i;  // also taken by NaN
  }
  if (error <= tolerance * largest) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "largest error " << error << " at " << where << " (" << actual[where] << ", expected "
         << expected[where] << ") is " << error / largest << " of the largest magnitude " << largest
         << ", allowed " << tolerance;
}

::testing::AssertionResult fails_with(ErrorKind kind, std::initializer_list<std::string> parts,
                                      const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    if (error.kind() != kind)
      return ::testing::AssertionFailure() << "kind " << name(error.kind()) << ", expected "
                                           << name(kind) << ": " << error.what();
    for (const auto& part : parts)
      if (std::string(error.what()).find(part) == std::string::npos)
        return ::testing::AssertionFailure() << "no \"" << part << "\" in: " << error.what();
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "nothing was thrown";
}

}  // namespace drypoint::testing
