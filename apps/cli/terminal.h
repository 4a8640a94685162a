// What people see: progress, notices, errors, and whether to stop.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "drypoint/pipeline.h"

namespace drypoint::cli {

/// Exit codes, as documented in --help.
int exit_code(ErrorKind kind);

/// Keeps files from getting the numbers of standard streams that are closed: what is then written
/// to those is lost as before, and does not end up in the files.
void keep_standard_streams();

/// Makes Ctrl-C (and SIGTERM, and the terminal's end) set a flag, so that work ends in good order;
/// what takes longer than half a second to do so is left as it is. Lets writing past a limit on
/// file sizes fail as on a full disk.
void catch_signals(bool json);
bool interrupted();
/// The program is about to end by itself.
void forget_interrupts();

/// While files are written, interrupts wait. Throws cancelled if there was one before.
class Finishing {
 public:
  Finishing();
  ~Finishing();
  Finishing(const Finishing&) = delete;
  Finishing& operator=(const Finishing&) = delete;
};

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

/// Text out of a file or from the command line without what a terminal would obey: control
/// characters become blanks.
std::string in_one_line(std::string text);

/// To stderr. Where that cannot be written, work goes on without.
void tell(const std::string& text);
void print_notice(const std::string& text);
void print_error(const std::string& text);

using Json = nlohmann::ordered_json;
Json to_json(const Error& error);
void print_json(const Json& json);

/// Bytes in MiB.
inline double mib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace drypoint::cli
