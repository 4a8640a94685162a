// What the commands share in reading their options.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drypoint/edges.h"
#include "drypoint/error.h"

namespace drypoint::cli {

/// All of `text` as a number.
template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

[[noreturn]] void bad_option(const std::string& message);

/// Checks that say what was found and what was expected.
CLI::Validator number();
CLI::Validator whole_number();
CLI::Validator whole_number(int low, int high);
CLI::Validator seed();  // of 64 bits
/// Of a file or folder, for `Option::transform`: a home folder's "~" is put in full, which shells
/// do not do inside a word ("--model=~/a", "canny=~/a").
CLI::Validator path();
/// The same for an output, which is checked later.
CLI::Validator output_path();
/// "~/a" and "~name/a" in full, but where there is a file or folder of that name.
std::string without_tilde(const std::string& path);
CLI::Validator one_of(const std::vector<std::string>& words);

/// "a", "b", "c" -> "a, b or c"
std::string listed(const std::vector<std::string>& words);
/// "a, b" -> "a", "b"
std::vector<std::string> split(const std::string& text, char at);

/// "256x384": height, width. Throws bad_argument naming the option.
ImageSize parse_size(std::string_view option, const std::string& text);
/// "256x384,512x512"
std::vector<ImageSize> parse_sizes(std::string_view option, const std::string& text);

/// Finds out before the work whether its result can be written. Throws write_failed, and
/// bad_argument for an extension that is no picture's. "-" is standard output, which may be no
/// terminal.
void check_output(std::string_view option, const std::filesystem::path& path);
/// The same for a file that is no picture; `endings`: what its name may end in, if not anything.
void check_file_output(std::string_view option, const std::filesystem::path& path,
                       const std::vector<std::string>& endings = {});
/// A text file of at most a MiB; "-" is standard input. Throws bad_file.
std::string read_text(const std::string& file);
using OptionFiles = std::vector<std::pair<std::string_view, std::filesystem::path>>;
/// Refuses two options that would write to one file, and to write to a file that is read. Options
/// that were not given have empty paths.
void check_files_differ(const OptionFiles& outputs, const OptionFiles& inputs = {});

}  // namespace drypoint::cli
