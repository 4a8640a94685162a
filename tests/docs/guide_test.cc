// The guides in docs/ quote code: "```cpp src/ops/add.h" and lines that stand in that file so.
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

TEST(Guides, QuoteTheTreesOwnCode) {
  const std::filesystem::path tree = DRYPOINT_SOURCE_DIR;
  int quotes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(tree / "docs")) {
    if (entry.path().extension() != ".md") continue;
    std::istringstream guide(read_file(entry.path()));
    std::string file, quote;
    for (std::string line; std::getline(guide, line);) {
      constexpr std::string_view begin = "```cpp ";
      if (line.starts_with(begin)) {
        file = line.substr(begin.size());
        quote.clear();
      } else if (line == "```" && !file.empty()) {
        EXPECT_NE(read_file(tree / file).find(quote), std::string::npos)
            << entry.path().filename() << " quotes what is not in " << file << ":\n"
            << quote;
        file.clear();
        ++quotes;
      } else if (line == "```cpp") {
        ADD_FAILURE() << entry.path().filename() << " has code that is of no file";
      } else if (!file.empty()) {
        quote += line + '\n';
      }
    }
  }
  EXPECT_GE(quotes, 15);
}

}  // namespace
}  // namespace drypoint
