#include "lost_file.h"

#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <string_view>

#include "drypoint/error.h"
#include "drypoint/mapped_files.h"
#include "drypoint/output.h"
#include "interrupts.h"

namespace drypoint::cli {
namespace {

bool as_json = false;

/// Text put together without allocating, as a handler must.
class Line {
 public:
  void add(std::string_view text) {
    for (const char c : text)
      if (size_ < sizeof(text_)) text_[size_++] = c;
  }
  /// A path, fit for one line; inside JSON with its quotes escaped.
  void add_path(const char* path, bool quoted) {
    for (size_t length = 0; *path != 0 && length < 300; ++path, ++length) {
      const bool is_control = static_cast<unsigned char>(*path) < 0x20 || *path == 0x7f;
      if (quoted && (*path == '"' || *path == '\\')) add("\\");
      add(is_control ? std::string_view("?") : std::string_view(path, 1));
    }
  }
  void write(int descriptor) const {
    if (::write(descriptor, text_, size_) < 0) return;  // nobody is left to be told
  }

 private:
  char text_[1024];
  size_t size_ = 0;
};

constexpr std::string_view what = ": was cut short while it was read";

void handle(int signal, siginfo_t* info, void*) {
  const char* path = mapped_file_at(info->si_addr);
  if (!path) {  // no file of ours: as if this handler were not there
    ::signal(signal, SIG_DFL);
    return;
  }
  Line message;
  message.add("error: ");
  message.add_path(path, false);
  message.add(what);
  message.add("\n");
  message.write(STDERR_FILENO);
  if (as_json) {
    Line json;
    json.add("{\n  \"error\": {\n    \"kind\": \"bad_file\",\n    \"message\": \"");
    json.add_path(path, true);
    json.add(what);
    json.add("\"\n  }\n}\n");
    json.write(STDOUT_FILENO);
  }
  remove_unfinished_outputs();
  ::_exit(exit_code(ErrorKind::bad_file));
}

}  // namespace

void catch_lost_files(bool json) {
  as_json = json;
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace drypoint::cli
