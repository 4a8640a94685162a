#include "interrupts.h"

#include <poll.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "drypoint/output.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

volatile std::sig_atomic_t caught = 0, caught_again = 0, at_leisure = 0, told_code = -1, delays = 0;
std::string last_words, last_json;  // fixed before any signal is caught

void set_timer(int milliseconds) {
  const itimerval timer{{}, {0, 1000 * milliseconds}};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

/// Without waiting for a reader that has stopped.
void put(int descriptor, const std::string& text) {
  pollfd end{descriptor, POLLOUT, 0};
  if (::poll(&end, 1, 0) != 1) return;
  [[maybe_unused]] const auto ignored = ::write(descriptor, text.data(), text.size());
}

void on_interrupt(int) {
  if (caught && at_leisure) {
    at_leisure = 0;
    caught_again = 1;
    return set_timer(3000);  // for answers to those who wait
  }
  if (caught) return;  // the time that is left does not begin anew
  caught = 1;
  if (at_leisure) return;
  set_timer(500);
}

// Work stops between operations, of which one can take long on a slow machine.
void on_deadline(int) {
  // Files that are getting their names get all of them, for which some milliseconds do.
  if (!remove_unfinished_outputs() && delays < 20) {
    delays = delays + 1;
    return set_timer(20);
  }
  if (told_code >= 0) ::_exit(told_code);
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

void catch_signals(bool json) {
  last_words =
      ::isatty(STDERR_FILENO) ? "\r\x1b[K\x1b[31merror:\x1b[0m cancelled\n" : "error: cancelled\n";
  if (json) last_json = dumped(to_json(Error(ErrorKind::cancelled, "cancelled")));
  handle(SIGALRM, on_deadline);
  handle(SIGINT, on_interrupt);
  handle(SIGTERM, on_interrupt);
  struct sigaction before {};
  ::sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) handle(SIGHUP, on_interrupt);  // as under nohup
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);
}

bool interrupted() { return caught != 0; }

void let_work_end() { at_leisure = 1; }
bool interrupted_again() { return caught_again != 0; }

void end_is_told(int code) { told_code = code; }

}  // namespace drypoint::cli
