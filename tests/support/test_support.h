// What tests share: where their data lies, and how close two tensors are.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>

#include "drypoint/error.h"
#include "drypoint/model_files.h"

namespace drypoint::testing {

std::filesystem::path data(const std::string& relative);

/// Checkpoints of Stable Diffusion 1.5's structure with tiny widths (see
/// tests/data/tiny/README.md).
std::filesystem::path tiny_model_path();    ///< UNet, VAE and text encoder; f16 safetensors
std::filesystem::path tiny_control_path();  ///< ControlNet; f16 safetensors
inline ModelFiles tiny_files() {
  return {.model = tiny_model_path(), .control = tiny_control_path()};
}

/// A folder of its own for one test, removed afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Passes if max |actual - expected| <= tolerance * max |expected|; NaN never passes.
::testing::AssertionResult close(std::span<const float> actual, std::span<const float> expected,
                                 double tolerance);

/// Passes if `run` throws an Error of this kind whose message holds every one of `parts`.
::testing::AssertionResult fails_with(ErrorKind kind, std::initializer_list<std::string> parts,
                                      const std::function<void()>& run);

}  // namespace drypoint::testing
