// docs/operations.md lists what operations say of themselves.
#include "base/file.h"
#include "ops/ops.h"
#include "support/test_support.h"

namespace drypoint {
namespace {

std::string_view word_for(Category category) {
  switch (category) {
    case Category::convolution: return "convolution";
    case Category::product: return "product";
    case Category::attention: return "attention";
    case Category::norm: return "norm";
    case Category::elementwise: return "elementwise";
    case Category::rearranging: return "rearranging";
  }
  return "";
}

template <class T>
std::string row() {
  std::string attributes;
  T op;
  op.fields(op, [&](std::string_view key, const auto&) {
    attributes += fmt::format("{}`{}`", attributes.empty() ? "" : " ", key);
  });
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", T::name, word_for(OpTraits<T>::category),
                     attributes, OpTraits<T>::pair(op) ? "as one" : "",
                     OpTraits<T>::exported ? "" : "compiled graphs");
}

template <class... T>
std::string table(const std::variant<T...>*) {
  return "| operation | category | attributes | twins run | only in |\n"
         "| --- | --- | --- | --- | --- |\n" +
         (row<T>() + ...);
}

TEST(Operations, AreListedInTheManual) {
  const std::string page =
      read_file(std::filesystem::path(DRYPOINT_SOURCE_DIR) / "docs/operations.md");
  const std::string expected = table(static_cast<const Op*>(nullptr));
  EXPECT_NE(page.find(expected), std::string::npos) << "expected in docs/operations.md:\n"
                                                    << expected;
}

}  // namespace
}  // namespace drypoint
