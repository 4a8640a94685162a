// What people see: progress, notices, errors, results as JSON.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/pipeline.h"
#include "interrupts.h"

namespace drypoint::cli {

/// Keeps files from getting the numbers of standard streams that are closed: what is then written
/// to those is lost as before, and does not end up in the files.
void keep_standard_streams();

/// One line on stderr that is rewritten in place, with the time left; nothing if stderr is no
/// terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // clears the line
  void show(const Progress& progress) { show(name(progress.stage), progress.done, progress.of); }
  void show(std::string_view what, int done, int of);
  void show(std::string_view doing);  // just that

 private:
  bool on_;
  std::chrono::steady_clock::time_point started_;
};

/// Text out of a file or from the command line, fit to be shown: UTF-8 without what a terminal
/// would obey, at most 480 bytes.
std::string in_one_line(const std::string& text);

/// To stderr. Where that cannot be written, work goes on without.
void tell(const std::string& text);
void print_notice(const std::string& text);
void print_error(const std::string& text);

using Json = nlohmann::ordered_json;
Json to_json(const Error& error);
std::string dumped(const Json& json);
void print_json(const Json& json);

/// Bytes in MiB.
inline double mib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace drypoint::cli
