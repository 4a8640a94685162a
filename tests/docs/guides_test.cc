// Guides quote code as it is: each block is in the file that the heading above it names.
#include <gtest/gtest.h>

#include <sstream>

#include "base/file.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

std::string without_space(const std::string& text) {
  std::string result;
  for (const char c : text)
    if (c != ' ' && c != '\n') result += c;
  return result;
}

/// Blocks of C++ with the files that the headings before them name.
std::vector<std::pair<std::string, std::string>> quotes_in(const std::string& guide) {
  std::vector<std::pair<std::string, std::string>> quotes;
  std::istringstream lines(guide);
  std::string line, file;
  while (std::getline(lines, line)) {
    if (line.starts_with("##")) {
      const size_t begin = line.find('`') + 1, end = line.find('`', begin);
      file = begin > 0 && end != line.npos ? line.substr(begin, end - begin) : "";
    } else if (line == "```cpp") {
      std::string block;
      while (std::getline(lines, line) && line != "```") block += line + "\n";
      quotes.emplace_back(file, block);
    }
  }
  return quotes;
}

TEST(Guides, QuoteTheCodeAsItIs) {
  for (const char* name : {"add_a_sampler.md"}) {
    const auto quotes = quotes_in(read_file(testing::data(std::string("../../docs/") + name)));
    EXPECT_FALSE(quotes.empty()) << name;
    for (const auto& [file, block] : quotes) {
      ASSERT_FALSE(file.empty()) << name << ": " << block;
      const std::string code = read_file(testing::data("../../" + file));
      EXPECT_NE(without_space(code).find(without_space(block)), std::string::npos)
          << name << ": not in " << file << ":\n"
          << block;
    }
  }
}

}  // namespace
}  // namespace drypoint
