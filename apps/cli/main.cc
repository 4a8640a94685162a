#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <system_error>

#include "commands.h"
#include "drypoint/fields.h"
#include "drypoint/version.h"
#include "lost_file.h"
#include "options.h"
#include "suggest.h"
#include "terminal.h"

namespace {

using drypoint::cli::nearest_command, drypoint::cli::nearest_option;

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

/// "--model", ...
std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  const auto add = [&](const CLI::App& some) {
    for (const CLI::Option* option : some.get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  };
  add(command);
  for (const CLI::App* group : command.get_subcommands({}))
    if (group->get_name().empty()) add(*group);
  return names;
}

bool has(const CLI::App& command, const std::string& name) {
  if (name.size() == 2 && name[0] == '-') return command.get_option_no_throw(name) != nullptr;
  const auto names = option_names(command);
  return std::find(names.begin(), names.end(), name) != names.end();
}

[[noreturn]] void refuse_option(CLI::App& program, const CLI::App* command, std::string word) {
  word = word.substr(0, word.find('='));
  const std::string name = command ? "drypoint " + command->get_name() : "drypoint";
  std::string advice = fmt::format("see {} --help", name);
  const std::string meant = nearest_option(word, option_names(command ? *command : program));
  std::vector<std::string> others;
  for (const CLI::App* other : program.get_subcommands({}))
    if (has(*other, word)) others.push_back(other->get_name());
  if (!command && !others.empty())
    advice = fmt::format("options follow a command, as in drypoint {} {}", others[0], word);
  else if (!meant.empty())
    advice = fmt::format("did you mean {}? {}", meant, advice);
  else if (!others.empty())
    advice = fmt::format("it is one of {}'s; {}", drypoint::cli::listed(others), advice);
  drypoint::cli::bad_option(fmt::format("{} has no option {}; {}", name, word, advice));
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
  if (word.starts_with("-") && word != "-" && (given.empty() || !has(*given[0], word)))
    refuse_option(program, given.empty() ? nullptr : given[0], word);
  if (given.empty()) {
    const std::string meant = nearest_command(word, commands(program));
    drypoint::cli::bad_option(fmt::format(
        "\"{}\" is no command, expected {}{}", word, drypoint::cli::listed(commands(program)),
        meant.empty() ? "" : fmt::format("; did you mean {}?", meant)));
  }
  drypoint::cli::bad_option(fmt::format("\"{}\" belongs to no option; see drypoint {} --help", word,
                                        given[0]->get_name()));
}

/// The words as the library takes them: "help", "help edges" and "version" with dashes, and values
/// that it would misread ("--prompt=", which is an empty one, and "-o=a.png") apart from their
/// options.
std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    const bool is_empty = word.starts_with("--") && equals > 2 && equals + 1 == word.size();
    const bool is_short =
        word[0] == '-' && equals == 2 && std::isalpha(static_cast<unsigned char>(word[1]));
    words.push_back(is_empty || is_short ? word.substr(0, equals) : word);
    if (is_empty || is_short) words.push_back(word.substr(equals + 1));
  }
  if (!words.empty() && words[0] == "version") words[0] = "--version";
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  return words;
}

/// Options that are there or not take no value ("--json=x").
void refuse_values_of_flags(CLI::App& command) {
  for (CLI::Option* option : command.get_options())
    if (option->get_items_expected_max() == 0 && option != command.get_help_ptr())
      option->check({[](const std::string& text) {
                       return text == "true" ? "" : fmt::format("\"{}\", expected no value", text);
                     },
                     ""});
  for (CLI::App* below : command.get_subcommands({})) refuse_values_of_flags(*below);
}

void check_stdout() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw drypoint::Error(drypoint::ErrorKind::write_failed, "standard output: cannot be written");
}

/// Runs the command that the words name. -> the exit code
int run(CLI::App& program, int argc, char** argv) {
  int result = 0;
  try {
    auto words = words_of(argc, argv);
    std::reverse(words.begin(), words.end());  // the library takes them from the end
    program.parse(words);
    if (program.get_subcommands().empty())
      drypoint::cli::bad_option(
          fmt::format("found no command, expected {}", drypoint::cli::listed(commands(program))));
  } catch (const CLI::RuntimeError& found) {  // no error, but not 0: what a command found
    result = found.get_exit_code();
  } catch (const CLI::Success& request) {                         // --help, --version
    if (program.get_subcommands().empty()) check_words(program);  // of a command that is none
    program.exit(request);
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();
    drypoint::cli::bad_option(
        fmt::format("{}: found no value, expected one", text.substr(0, text.find(':'))));
  } catch (const CLI::ParseError& error) {
    check_words(program);
    drypoint::cli::bad_option(error.what());
  }
  check_stdout();
  return result;
}

/// A message on a field of the library's, "steps: 0, ...", as one on this command's option.
std::string naming_option(CLI::App& program, const std::string& message) {
  const auto given = program.get_subcommands();
  const size_t end = message.find(':');
  if (given.empty() || end == message.npos) return message;
  std::string name = message.substr(0, end);
  if (const auto* field = drypoint::find_field(drypoint::request_fields(), name))
    name = field->option;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '_' || c == ' '; }, '-');
  return has(*given[0], "--" + name) ? "--" + name + message.substr(end) : message;
}

int report(drypoint::Error error, bool json, CLI::App* program = nullptr) {
  using namespace drypoint;
  if (program && error.kind() == ErrorKind::bad_argument)
    error = Error(error.kind(), naming_option(*program, error.what()));
  if (cli::interrupted()) error = Error(ErrorKind::cancelled, "cancelled");
  const int code = cli::exit_code(error.kind());
  cli::end_is_told(code);
  cli::print_error(error.what());
  if (json) cli::print_json(cli::to_json(error));
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace drypoint;
  cli::keep_standard_streams();
  const bool json = wants_json(argc, argv);
  cli::catch_signals(json);
  cli::catch_lost_files(json);
  CLI::App program{"Drypoint draws pictures from edges: Stable Diffusion 1.5 with ControlNet.",
                   "drypoint"};
  program.set_version_flag("--version", std::string(version()));
  program.require_subcommand(0, 1);  // what else there is, is unknown
  program.get_formatter()->column_width(34);
  program.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  cli::add_generate(program);
  cli::add_build(program);
  cli::add_edges(program);
  cli::add_preprocess(program);
  cli::add_upscale(program);
  cli::add_text(program);
  cli::add_inspect(program);
  cli::add_synth(program);
  cli::add_export(program);
  cli::add_calibrate(program);
  cli::add_compare(program);
  cli::add_score(program);
  cli::add_bench(program);
  cli::add_profile(program);
  cli::add_serve(program);
  program.footer(
      "Exit codes: 0 done, 1 inspect --diff found differences, or some of generate --images\n"
      "failed, 2 bad option, 3 bad file,\n"
      "4 unsupported, 5 out of memory, 6 device failure, 7 output not written, 8 not a number,\n"
      "9 a mistake of Drypoint's, 130 interrupted.");
  refuse_values_of_flags(program);
  try {
    return run(program, argc, argv);
  } catch (const Error& error) {
    return report(error, json, &program);
  } catch (const std::bad_alloc&) {
    return report(Error(ErrorKind::out_of_memory, "out of memory"), json);
  } catch (const std::system_error&) {  // from printing
    return report(Error(ErrorKind::write_failed, "standard output: cannot be written"), json);
  } catch (const std::exception& error) {
    return report(Error(ErrorKind::internal, std::string("internal: ") + error.what()), json);
  }
}
