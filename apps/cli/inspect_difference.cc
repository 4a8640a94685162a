#include <fmt/format.h>

#include <algorithm>

#include "drypoint/inspect.h"
#include "inspect_views.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

constexpr size_t most_lines = 20;  // of a list on the terminal

Json to_json(const CheckpointDifference& difference) {
  Json json{{"same", difference.same()},   {"equal", difference.equal},
            {"only_a", difference.only_a}, {"only_b", difference.only_b},
            {"different", Json::array()},  {"modules", Json::object()},
            {"metadata", Json::array()}};
  for (const TensorDifference& tensor : difference.different) {
    Json one{{"name", tensor.name}, {"a", tensor.type_a}, {"b", tensor.type_b}};
    if (tensor.same_shape) {
      one["values"] = tensor.values;
      one["largest"] = tensor.largest;
      one["relative"] = tensor.relative;
    }
    json["different"].push_back(std::move(one));
  }
  for (const auto& [name, module] : difference.modules)
    json["modules"][name] = {{"equal", module.equal},
                             {"different", module.different},
                             {"only_a", module.only_a},
                             {"only_b", module.only_b},
                             {"relative", module.relative}};
  for (const MetadataDifference& entry : difference.metadata)
    json["metadata"].push_back({{"key", entry.key}, {"a", entry.a}, {"b", entry.b}});
  return json;
}

std::string how(const TensorDifference& tensor) {
  const std::string types = tensor.type_a == tensor.type_b
                                ? tensor.type_a
                                : fmt::format("{} / {}", tensor.type_a, tensor.type_b);
  if (!tensor.same_shape) return types;
  if (tensor.values == 0) return types + ", equal values";
  return fmt::format("{}, {} values, by at most {:.3g} (relative {:.2g})", types, tensor.values,
                     tensor.largest, tensor.relative);
}

template <class List, class Line>
void print_list(const std::string& title, const List& list, const Line& line) {
  if (list.empty()) return;
  fmt::print("\n{}: {}\n", title, list.size());
  for (size_t i = 0; i < list.size() && i < most_lines; ++i)
    fmt::print("  {}\n", in_one_line(line(list[i])));
  if (list.size() > most_lines)
    fmt::print("  and {} more (--json lists all)\n", list.size() - most_lines);
}

/// One line of it, for a terminal.
std::string cut(const std::string& text) {
  const std::string line = in_one_line(text.substr(0, 60));
  return text.size() > 60 ? line + "..." : line;
}

void print_modules(const CheckpointDifference& difference) {
  std::vector<std::pair<std::string, ModuleDifference>> modules(difference.modules.begin(),
                                                                difference.modules.end());
  std::erase_if(modules, [](const auto& module) {
    return module.second.different + module.second.only_a + module.second.only_b == 0;
  });
  if (modules.empty()) return;
  const size_t all = modules.size();
  modules.resize(std::min(all, most_lines));
  size_t width = 0;
  for (const auto& [name, module] : modules) width = std::max(width, name.size());
  fmt::print("\n{:<{}}   equal different only a only b relative\n", "module", width);
  for (const auto& [name, module] : modules)
    fmt::print("{:<{}} {:>7} {:>9} {:>6} {:>6} {:>8.2g}\n", in_one_line(name), width, module.equal,
               module.different, module.only_a, module.only_b, module.relative);
  if (all > most_lines) fmt::print("and {} more\n", all - most_lines);
}

void print_text(const CheckpointDifference& difference, const std::string& a,
                const std::string& b) {
  fmt::print("equal: {} tensors\n", difference.equal);
  print_list("different", difference.different, [](const TensorDifference& tensor) {
    return fmt::format("{}: {}", tensor.name, how(tensor));
  });
  const auto same = [](const std::string& text) { return text; };
  print_list("only in " + in_one_line(a), difference.only_a, same);
  print_list("only in " + in_one_line(b), difference.only_b, same);
  print_list("metadata", difference.metadata, [](const MetadataDifference& entry) {
    return fmt::format("{}: \"{}\" / \"{}\"", cut(entry.key), cut(entry.a), cut(entry.b));
  });
  print_modules(difference);
}

}  // namespace

bool inspect_difference(const std::string& a, const std::string& b, bool json) {
  const CheckpointDifference found = difference(a, b, interrupted);
  if (json)
    print_json(to_json(found));
  else
    print_text(found, a, b);
  return found.same();
}

}  // namespace drypoint::cli
