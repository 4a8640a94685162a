#include "terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

namespace drypoint::cli {
namespace {

volatile std::sig_atomic_t interrupt_caught = 0, finishing = 0;
std::string last_words, last_json;  // fixed before any signal is caught

void put(int descriptor, const std::string& text) {
  [[maybe_unused]] const auto ignored = ::write(descriptor, text.data(), text.size());
}

// Work stops between operations, of which one can take long on a slow machine.
void on_interrupt(int) {
  interrupt_caught = 1;
  const itimerval patience{{}, {0, 500'000}};
  ::setitimer(ITIMER_REAL, &patience, nullptr);
}

void on_deadline(int) {
  if (finishing) return;
  put(STDERR_FILENO, last_words);
  put(STDOUT_FILENO, last_json);
  ::_exit(exit_code(ErrorKind::cancelled));
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESTART);
  ::sigaction(signal, &action, nullptr);
}

std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void print_line(const char* color, const char* label, const std::string& text) {
  const bool terminal = ::isatty(STDERR_FILENO);
  tell(fmt::format("{}{}:{} {}\n", terminal ? color : "", label, terminal ? "\x1b[0m" : "",
                   in_one_line(text)));
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
    case ErrorKind::internal: return 9;
    case ErrorKind::cancelled: return 130;
  }
  return 9;
}

void keep_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0)  // what is opened takes the lowest free number
      ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void catch_signals(bool json) {
  const Error cancelled(ErrorKind::cancelled, "cancelled");
  last_words =
      ::isatty(STDERR_FILENO) ? "\r\x1b[K\x1b[31merror:\x1b[0m cancelled\n" : "error: cancelled\n";
  if (json) last_json = dumped(to_json(cancelled));
  handle(SIGALRM, on_deadline);
  handle(SIGINT, on_interrupt);
  handle(SIGTERM, on_interrupt);
  struct sigaction before {};
  ::sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) handle(SIGHUP, on_interrupt);  // as under nohup
  handle(SIGXFSZ, SIG_IGN);
}

bool interrupted() { return interrupt_caught != 0; }

void forget_interrupts() { handle(SIGALRM, SIG_IGN); }

Finishing::Finishing() {
  finishing = 1;
  if (!interrupted()) return;
  finishing = 0;
  throw Error(ErrorKind::cancelled, "cancelled");
}

Finishing::~Finishing() { finishing = 0; }

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

std::string in_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  // U+0080 to U+009F, of which U+009B begins a sequence as ESC [ does.
  const auto is_between = [&](size_t at, unsigned low, unsigned high) {
    const unsigned byte = static_cast<unsigned char>(text[at]);
    return low <= byte && byte <= high;
  };
  for (size_t i = 0; i + 1 < text.size(); ++i)
    if (is_between(i, 0xc2, 0xc2) && is_between(i + 1, 0x80, 0x9f)) text.replace(i, 2, "  ");
  return text;
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

void print_json(const Json& json) {
  fmt::print("{}", dumped(json));
  std::fflush(stdout);
}

}  // namespace drypoint::cli
