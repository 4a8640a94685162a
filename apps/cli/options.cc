#include "options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>

#include "drypoint/image.h"
#include "drypoint/output.h"
#include "picture_files.h"

namespace drypoint::cli {
namespace {

namespace fs = std::filesystem;

CLI::Validator expecting(const std::string& what,
                         const std::function<bool(const std::string&)>& good) {
  return {[what, good](const std::string& text) {
            return good(text) ? "" : fmt::format("\"{}\", expected {}", text, what);
          },
          ""};
}

}  // namespace

void bad_option(const std::string& message) { throw Error(ErrorKind::bad_argument, message); }

CLI::Validator number() {
  return expecting("a number", [](const std::string& text) {
    double value;
    return parse(text, value);
  });
}

CLI::Validator whole_number() {
  return expecting("a whole number of at most 9 digits", [](const std::string& text) {
    int value;
    return parse(text, value);
  });
}

CLI::Validator whole_number(int low, int high) {
  return expecting(fmt::format("{} to {}", low, high), [=](const std::string& text) {
    int value;
    return parse(text, value) && low <= value && value <= high;
  });
}

CLI::Validator seed() {
  return expecting("0 to 18446744073709551615", [](const std::string& text) {
    uint64_t value;
    return parse(text, value);
  });
}

CLI::Validator path() {  // an empty one is a script's variable that was never set
  return {[](std::string& text) -> std::string {
            if (text.empty()) return "\"\", expected a file or folder";
            text = without_tilde(text);
            return "";
          },
          ""};
}

CLI::Validator output_path() {
  return {[](std::string& text) {
            if (text.empty()) return std::string("is empty, expected a file name");
            text = without_tilde(text);
            return std::string();
          },
          ""};
}

std::string without_tilde(const std::string& path) {
  std::error_code ignored;
  const size_t end = std::min(path.find('/'), path.size());
  if (!path.starts_with("~") || fs::exists(path.substr(0, end), ignored)) return path;
  const char* home = end == 1 ? std::getenv("HOME") : nullptr;
  if (end > 1)
    if (const passwd* user = ::getpwnam(path.substr(1, end - 1).c_str())) home = user->pw_dir;
  return home ? home + path.substr(end) : path;
}

CLI::Validator one_of(const std::vector<std::string>& words) {
  return expecting(listed(words),
                   [words](const std::string& text) {
                     return std::find(words.begin(), words.end(), text) != words.end();
                   })
      .description(fmt::format("{}", fmt::join(words, "|")));
}

std::string listed(const std::vector<std::string>& words) {
  return words.size() < 2 ? fmt::format("{}", fmt::join(words, ""))
                          : fmt::format("{} or {}", fmt::join(words.begin(), words.end() - 1, ", "),
                                        words.back());
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts{""};
  for (const char c : text)
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  for (std::string& part : parts) {
    const size_t begin = part.find_first_not_of(" \t");
    part = begin == part.npos ? "" : part.substr(begin, part.find_last_not_of(" \t") - begin + 1);
  }
  return parts;
}

ImageSize parse_size(std::string_view option, const std::string& text) {
  const auto sides = split(text, 'x');
  ImageSize size;
  if (sides.size() != 2 || !parse(sides[0], size.height) || !parse(sides[1], size.width))
    bad_option(fmt::format("{}: \"{}\", expected HEIGHTxWIDTH, as in 256x384", option, text));
  return size;
}

std::vector<ImageSize> parse_sizes(std::string_view option, const std::string& text) {
  std::vector<ImageSize> sizes;
  for (const std::string& one : split(text, ',')) sizes.push_back(parse_size(option, one));
  return sizes;
}

void check_output(std::string_view option, const fs::path& path) {
  if (is_standard(path)) {
    if (::isatty(STDOUT_FILENO))
      throw Error(
          ErrorKind::write_failed,
          fmt::format("{}: -: standard output is a terminal, expected a pipe or a file", option));
    return;
  }
  check_file_output(option, path);
  try {
    image_format(path);
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", option, error.what()));
  }
}

void check_file_output(std::string_view option, const fs::path& path,
                       const std::vector<std::string>& endings) {
  if (path.empty()) bad_option(fmt::format("{}: is empty, expected a file name", option));
  try {
    drypoint::check_output(path);
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", option, error.what()));
  }
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!endings.empty() && std::find(endings.begin(), endings.end(), ending) == endings.end())
    bad_option(fmt::format("{}: {}, expected a name that ends in {}", option, path.string(),
                           fmt::join(endings, " or ")));
}

namespace {

/// The file that a path stands for, whether it is there or not: links are followed, also those to
/// what is not there.
fs::path file_of(fs::path path) {
  if (is_standard(path)) return path;
  std::error_code ignored;
  path = fs::absolute(path, ignored);
  for (int links = 0; links < 40 && fs::is_symlink(path, ignored); ++links)
    path = path.parent_path() / fs::read_symlink(path, ignored);
  const fs::path canonical = fs::weakly_canonical(path, ignored);
  return canonical.empty() ? path
                           : canonical;  // a name too long, or a folder not to be looked into
}

}  // namespace

void check_files_differ(const OptionFiles& outputs, const OptionFiles& inputs) {
  std::map<fs::path, std::string_view> options;
  for (const auto& [option, path] : inputs)
    if (!path.empty() && !is_standard(path)) options.emplace(file_of(path), option);
  for (const auto& [option, path] : outputs) {
    if (path.empty()) continue;
    const auto [other, is_new] = options.emplace(file_of(path), option);
    if (!is_new)
      bad_option(fmt::format("{}: {}: is {}'s file too, expected another", option, path.string(),
                             other->second));
  }
}

std::string read_text(const std::string& file) {
  std::ifstream named(file, std::ios::binary);
  std::istream& in = file == "-" ? std::cin : named;
  constexpr std::streamsize most = 1 << 20;
  std::string text(most + 1, '\0');
  in.read(text.data(), most + 1);
  text.resize(static_cast<size_t>(in.gcount()));
  if (in.bad() || (file != "-" && !named.is_open()))
    throw Error(ErrorKind::bad_file, fmt::format("{}: cannot be read", file));
  if (text.size() > most)
    throw Error(ErrorKind::bad_file, fmt::format("{}: has over {} bytes", file, most));
  return text;
}

}  // namespace drypoint::cli
