#include "terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace drypoint::cli {
namespace {

void print_line(const char* color, const char* label, const std::string& text) {
  const bool terminal = ::isatty(STDERR_FILENO);
  tell(fmt::format("{}{}:{} {}\n", terminal ? color : "", label, terminal ? "\x1b[0m" : "",
                   in_one_line(text)));
}

}  // namespace

void keep_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0)  // what is opened takes the lowest free number
      ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

ProgressLine::ProgressLine() : on_(::isatty(STDERR_FILENO)) {}

ProgressLine::~ProgressLine() {
  if (on_) tell("\r\x1b[K");
}

void ProgressLine::show(std::string_view what, int done, int of) {
  if (!on_) return;
  constexpr int width = 30;
  const auto now = std::chrono::steady_clock::now();
  if (done == 0) started_ = now;
  const int filled = of > 0 ? width * done / of : 0;
  std::string text = fmt::format("\r\x1b[K{:8} {}{} {}/{}", what, std::string(filled, '#'),
                                 std::string(width - filled, '.'), done, of);
  if (done > 0 && done < of) {
    const double each = std::chrono::duration<double>(now - started_).count() / done;
    text += fmt::format("  {:.0f} s left", each * (of - done));
  }
  tell(text);
}

void ProgressLine::show(std::string_view doing) {
  if (!on_) return;
  tell(fmt::format("\r\x1b[K{}", doing));
}

std::string in_one_line(const std::string& text) {
  return Error(ErrorKind::internal, text).what();  // which makes its message so
}

void tell(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

void print_notice(const std::string& text) { print_line("\x1b[33m", "note", text); }
void print_error(const std::string& text) { print_line("\x1b[31m", "error", text); }

Json to_json(const Error& error) {
  return {{"error", {{"kind", name(error.kind())}, {"message", error.what()}}}};
}

std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void print_json(const Json& json) {
  fmt::print("{}", dumped(json));
  std::fflush(stdout);
}

}  // namespace drypoint::cli
