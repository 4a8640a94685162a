// Runs the `drypoint` program as a user does.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "drypoint/image.h"
#include "support/test_support.h"

namespace drypoint::testing {

struct Outcome {
  int status = 0;  // exit code, or minus the signal that ended it
  std::string out, err;
};

/// Changes an environment variable for the programs started meanwhile.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

struct Surroundings {
  rlim_t file_size = RLIM_INFINITY, address_space = RLIM_INFINITY;
  bool terminal = false;  // stderr is one
  bool deaf = false;      // nothing can be written to stderr
  bool full = false;      // nor to stdout
  bool unread = false;    // both are pipes that nobody reads any more
  std::string input;      // the file that stdin is, if not the test's own
};

/// Bare containers and chroots may lack /dev/pts.
inline bool has_terminals() {
  int ends[2];
  if (::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) != 0) return false;
  ::close(ends[0]);
  ::close(ends[1]);
  return true;
}

/// A running program.
class Program {
 public:
  Program(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
    int out[2], err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 ||
        (surroundings.terminal ? ::openpty(&err[0], &err[1], nullptr, nullptr, nullptr)
                               : ::pipe2(err, O_CLOEXEC)) != 0)
      throw std::runtime_error("no pipes");
    std::vector<char*> words{const_cast<char*>(path())};
    for (const auto& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    if (surroundings.unread)
      for (int* end : {&out[0], &err[0]})
        ::close(std::exchange(*end, ::open("/dev/null", O_CLOEXEC)));
    pid_ = ::fork();
    if (pid_ == 0) {
      for (const int signal : {SIGINT, SIGPIPE}) ::signal(signal, SIG_DFL);  // as a shell starts it
      if (!surroundings.input.empty())
        ::dup2(::open(surroundings.input.c_str(), O_RDONLY), STDIN_FILENO);
      ::dup2(surroundings.full ? ::open("/dev/full", O_WRONLY) : out[1], STDOUT_FILENO);
      ::dup2(surroundings.deaf ? ::open("/dev/full", O_WRONLY) : err[1], STDERR_FILENO);
      const rlimit files{surroundings.file_size, surroundings.file_size};
      const rlimit space{surroundings.address_space, surroundings.address_space};
      ::setrlimit(RLIMIT_FSIZE, &files);
      ::setrlimit(RLIMIT_AS, &space);
      ::execv(path(), words.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Program() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
    ::close(err_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void send(int signal) const {
    if (const pid_t pid = pid_; pid > 0) ::kill(pid, signal);  // 0 would be all of us
  }

  /// Returns true once stderr has shown `text`, false if the program ends without.
  bool shows(const std::string& text) {
    while (result_.err.find(text) == std::string::npos)
      if (!read_some()) return false;
    return true;
  }

  Outcome finish() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    result_.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return result_;
  }

 private:
  static const char* path() { return DRYPOINT_BINARY_DIR "/apps/cli/drypoint"; }

  /// False at the end of both. A terminal ends with an error, not with an end of file.
  bool read_some() {
    pollfd ends[2] = {{out_open_ ? out_ : -1, POLLIN, 0}, {err_open_ ? err_ : -1, POLLIN, 0}};
    if (!out_open_ && !err_open_) return false;
    ::poll(ends, 2, -1);
    const auto take = [](pollfd& end, bool& open, std::string& text) {
      if (!end.revents) return;
      char buffer[4096];
      const ssize_t got = ::read(end.fd, buffer, sizeof buffer);
      if (got > 0) text.append(buffer, static_cast<size_t>(got));
      open = got > 0;
    };
    take(ends[0], out_open_, result_.out);
    take(ends[1], err_open_, result_.err);
    return true;
  }

  std::atomic<pid_t> pid_ = 0;
  int out_ = -1, err_ = -1;
  bool out_open_ = true, err_open_ = true;
  Outcome result_;
};

inline Outcome drypoint(const std::vector<std::string>& arguments,
                        const Surroundings& surroundings = {}) {
  return Program(arguments, surroundings).finish();
}

/// Options by name; flags have no value.
using Options = std::map<std::string, std::optional<std::string>>;

/// A folder with a picture of edges in it, and what most runs have in common.
class Cli : public ::testing::Test {
 protected:
  Cli() {
    Image edges{64, 64, 1, std::vector<uint8_t>(64 * 64)};
    for (size_t i = 0; i < 64; ++i) edges.pixels[i * 65] = 255;
    write_image(path("edges.png"), edges);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string contents(const std::string& name) const { return read_file(path(name)); }
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      names.insert(entry.path().filename());
    return names;
  }

  /// A small picture with the tiny model, apart from `changes`.
  std::vector<std::string> generate(const Options& changes = {}) const {
    Options options{{"--model", tiny_model_path()},
                    {"--control", "canny=" + tiny_control_path().string()},
                    {"--edges", path("edges.png")},
                    {"--prompt", "a cat"},
                    {"--steps", "1"},
                    {"--seed", "1"},
                    {"--output", path("out.png")}};
    if (changes.contains("--image")) options.erase("--edges");
    for (const auto& [name, value] : changes) options[name] = value;
    std::vector<std::string> words{"generate"};
    for (const auto& [name, value] : options) {
      words.push_back(name);
      if (value) words.push_back(*value);
    }
    return words;
  }

  /// It ends with this status and one line on stderr that holds all `parts`; the folder is as it
  /// was, a picture that is there already included.
  void expect_refused(int status, const std::vector<std::string>& parts,
                      const std::vector<std::string>& arguments,
                      const Surroundings& surroundings = {}) const {
    const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
    write_file(path("out.png"), "a good picture");
    const auto before = files();
    const Outcome outcome = drypoint(arguments, surroundings);
    std::string line;
    for (const auto& word : arguments) line += word + " ";
    SCOPED_TRACE(line + "\n" + outcome.err);
    EXPECT_EQ(outcome.status, status);
    EXPECT_TRUE(outcome.err.starts_with("error: "));
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << "expected one line";
    for (const auto& part : parts) EXPECT_NE(outcome.err.find(part), std::string::npos) << part;
    EXPECT_EQ(outcome.out.empty(), !json) << outcome.out;
    EXPECT_EQ(files(), before);
    EXPECT_EQ(contents("out.png"), "a good picture");
  }

  TemporaryFolder folder_;
};

}  // namespace drypoint::testing
