// What people see: progress, notices, errors, and whether to stop.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint::cli {

/// Exit codes, as documented in --help.
int exit_code(ErrorKind kind);

/// Makes Ctrl-C (and SIGTERM) set a flag, so that work ends in good order.
void catch_interrupts();
bool interrupted();

/// One line on stderr that is rewritten in place, with the time left; nothing if stderr is no
/// terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // clears the line
  void show(const Progress& progress);

 private:
  bool on_;
  std::chrono::steady_clock::time_point started_;
};

void print_notice(const std::string& text);
void print_error(const std::string& text);

}  // namespace drypoint::cli
