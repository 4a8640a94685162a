// `generate --images FOLDER`: a folder of pictures in one run.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "drypoint/folder.h"

namespace drypoint::cli {

struct FolderOptions {
  std::string images, use, masks;
  std::vector<std::string> prompts;
  bool skip_existing = false;

  bool are_given() const { return !images.empty(); }
  void add_to(CLI::App& command);
  /// Refuses what is only for a folder, where there is none.
  void expect_none() const;
  FolderRun run(const std::string& output, const Loopback& loopback) const;
};

/// Draws a folder's pictures and tells of each. -> the exit code: 1 where some failed
int draw_folder_told(Pipeline& pipeline, const Request& request, const FolderRun& run,
                     const Callbacks& drawing, std::vector<std::string> notices, bool json);

}  // namespace drypoint::cli
