#include "terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace drypoint::cli {
namespace {

volatile std::sig_atomic_t interrupt_caught = 0;

void print_line(const char* color, const char* label, const std::string& text) {
  const bool terminal = ::isatty(STDERR_FILENO);
  fmt::print(stderr, "{}{}:{} {}\n", terminal ? color : "", label, terminal ? "\x1b[0m" : "", text);
}

}  // namespace

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::bad_argument: return 2;
    case ErrorKind::bad_file: return 3;
    case ErrorKind::unsupported: return 4;
    case ErrorKind::out_of_memory: return 5;
    case ErrorKind::device_failure: return 6;
    case ErrorKind::write_failed: return 7;
    case ErrorKind::non_finite: return 8;
    case ErrorKind::cancelled: return 130;
  }
  return 1;
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupt_caught = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second one ends the program at once
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return interrupt_caught != 0; }

ProgressLine::ProgressLine() : on_(::isatty(STDERR_FILENO)) {}

ProgressLine::~ProgressLine() {
  if (on_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressLine::show(const Progress& progress) {
  if (!on_) return;
  constexpr int width = 30;
  const auto now = std::chrono::steady_clock::now();
  if (progress.done == 0) started_ = now;
  const int filled = progress.of > 0 ? width * progress.done / progress.of : 0;
  fmt::print(stderr, "\r\x1b[K{:8} {}{} {}/{}", name(progress.stage), std::string(filled, '#'),
             std::string(width - filled, '.'), progress.done, progress.of);
  if (progress.done > 0 && progress.done < progress.of) {
    const double each = std::chrono::duration<double>(now - started_).count() / progress.done;
    fmt::print(stderr, "  {:.0f} s left", each * (progress.of - progress.done));
  }
  std::fflush(stderr);
}

void print_notice(const std::string& text) { print_line("\x1b[33m", "note", text); }
void print_error(const std::string& text) { print_line("\x1b[31m", "error", text); }

}  // namespace drypoint::cli
