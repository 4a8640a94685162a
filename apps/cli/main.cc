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
    program.parse(argc, argv);
    if (program.get_subcommands().empty())
      cli::bad_option(
          "found no command, expected generate, build, edges, inspect, synth, export, score, bench "
          "or profile");
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
      throw Error(ErrorKind::write_failed, "standard output: cannot be written");
    return 0;
  } catch (const CLI::RuntimeError& result) {  // no error, but not 0: what a command found
    return result.get_exit_code();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
    return report(Error(ErrorKind::bad_argument, error.what()), json);
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
