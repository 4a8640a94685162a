#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <system_error>

#include "commands.h"
#include "drypoint/version.h"
#include "openmp.h"
#include "options.h"
#include "terminal.h"

namespace {

bool wants_json(int argc, char** argv) {
  return std::any_of(argv, argv + argc,
                     [](const char* word) { return std::string(word) == "--json"; });
}

/// "generate", "build", ...
std::vector<std::string> commands(CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// Refuses the first word that is no command, no option, and no option's value. The library would
/// list all that follows it, too.
void check_words(CLI::App& program) {
  const auto given = program.get_subcommands();
  auto words = given.empty() ? std::vector<std::string>() : given[0]->remaining();
  for (const std::string& word : program.remaining()) words.push_back(word);
  std::erase(words, "--");
  if (words.empty()) return;
  const std::string& word = words[0];
  const std::string command = given.empty() ? "drypoint" : "drypoint " + given[0]->get_name();
  if (word.starts_with("-"))
    drypoint::cli::bad_option(fmt::format("{} has no option {}; see {} --help", command,
                                          word.substr(0, word.find('=')), command));
  if (given.empty())
    drypoint::cli::bad_option(fmt::format("\"{}\" is no command, expected {}", word,
                                          drypoint::cli::listed(commands(program))));
  drypoint::cli::bad_option(
      fmt::format("\"{}\" belongs to no option; see {} --help", word, command));
}

void check_stdout() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw drypoint::Error(drypoint::ErrorKind::write_failed, "standard output: cannot be written");
}

/// Runs the command that the words name. -> the exit code
int run(CLI::App& program, int argc, char** argv) {
  int result = 0;
  try {
    program.parse(argc, argv);
    if (program.get_subcommands().empty())
      drypoint::cli::bad_option(
          fmt::format("found no command, expected {}", drypoint::cli::listed(commands(program))));
  } catch (const CLI::RuntimeError& found) {  // no error, but not 0: what a command found
    result = found.get_exit_code();
  } catch (const CLI::Success& request) {  // --help, --version
    program.exit(request);
  } catch (const CLI::ParseError& error) {
    check_words(program);
    drypoint::cli::bad_option(error.what());
  }
  check_stdout();
  return result;
}

int report(const drypoint::Error& error, bool json) {
  drypoint::cli::forget_interrupts();
  drypoint::cli::print_error(error.what());
  if (json) drypoint::cli::print_json(drypoint::cli::to_json(error));
  return drypoint::cli::exit_code(error.kind());
}

}  // namespace

int main(int argc, char** argv) {
  using namespace drypoint;
  cli::keep_standard_streams();
  cli::spin_briefly(argv);
  CLI::App program{"Drypoint draws pictures from edges: Stable Diffusion 1.5 with ControlNet."};
  program.set_version_flag("--version", std::string(version()));
  program.require_subcommand(0, 1);  // what else there is, is unknown
  program.get_formatter()->column_width(34);
  program.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  cli::add_generate(program);
  cli::add_build(program);
  cli::add_edges(program);
  cli::add_inspect(program);
  cli::add_synth(program);
  cli::add_export(program);
  cli::add_score(program);
  cli::add_bench(program);
  cli::add_profile(program);
  program.footer(
      "Exit codes: 0 done, 1 inspect --diff found differences, 2 bad option, 3 bad file,\n"
      "4 unsupported, 5 out of memory, 6 device failure, 7 output not written, 8 not a number,\n"
      "9 a mistake of Drypoint's, 130 interrupted.");
  const bool json = wants_json(argc, argv);
  cli::catch_signals(json);
  try {
    return run(program, argc, argv);
  } catch (const Error& error) {
    return report(error, json);
  } catch (const std::bad_alloc&) {
    return report(Error(ErrorKind::out_of_memory, "out of memory"), json);
  } catch (const std::system_error&) {  // from printing
    return report(Error(ErrorKind::write_failed, "standard output: cannot be written"), json);
  } catch (const std::exception& error) {
    return report(Error(ErrorKind::internal, std::string("internal: ") + error.what()), json);
  }
}
