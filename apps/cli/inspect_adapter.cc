#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <set>

#include "drypoint/inspect.h"
#include "inspect_views.h"
#include "terminal.h"

namespace drypoint::cli {
namespace {

Json to_json(const AdapterInfo& info) {
  Json json;
  json["layout"] = info.layout;
  json["family"] = info.family;
  json["changes"] = Json::array();
  for (const InspectedChange& change : info.changes) {
    Json one{{"module", change.module}, {"kind", change.kind}, {"rank", change.rank}};
    one["alpha"] = change.alpha ? Json(*change.alpha) : Json();
    one["of_bias"] = change.of_bias;
    one["norm"] = change.norm;
    json["changes"].push_back(std::move(one));
  }
  json["embeddings"] = info.embeddings;
  json["left"] = info.left;
  json["metadata"] = info.metadata;
  return json;
}

/// "LoRA 192, DoRA of LoHa 3"
std::string kinds_of(const AdapterInfo& info) {
  std::map<std::string, int> counts;
  for (const InspectedChange& change : info.changes) ++counts[change.kind];
  std::vector<std::string> words;
  for (const auto& [kind, count] : counts) words.push_back(fmt::format("{} {}", kind, count));
  return fmt::format("{}", fmt::join(words, ", "));
}

void print_text(const AdapterInfo& info, int depth) {
  fmt::print("{}\nadapter{}\n\n", info.layout, info.family.empty() ? "" : " for " + info.family);
  std::set<int64_t> ranks;
  std::set<double> alphas;
  double squares = 0;
  for (const InspectedChange& change : info.changes) {
    if (change.rank > 0) ranks.insert(change.rank);
    if (change.alpha) alphas.insert(*change.alpha);
    squares += change.norm * change.norm;
  }
  const auto line = [](const char* key, const std::string& value) {
    if (!value.empty()) fmt::print("{:<12} {}\n", key, in_one_line(value));
  };
  line("changes", kinds_of(info));
  line("rank", fmt::format("{}", fmt::join(ranks, ", ")));
  line("alpha", fmt::format("{}", fmt::join(alphas, ", ")));
  line("norm", fmt::format("{:.5g}", std::sqrt(squares)));
  line("embeddings", fmt::format("{}", fmt::join(info.embeddings, ", ")));
  if (!info.left.empty())
    line("left", fmt::format("{} other tensors, the first is {}", info.left.size(), info.left[0]));
  if (depth > 0) {
    fmt::print("\n{:<76} {:<12} {:>5} {:>8} {:>10}\n", "module", "kind", "rank", "alpha", "norm");
    for (const InspectedChange& change : info.changes)
      fmt::print("{:<76} {:<12} {:>5} {:>8} {:>10.5g}\n",
                 in_one_line(change.module + (change.of_bias ? " (bias)" : "")), change.kind,
                 change.rank > 0 ? fmt::to_string(change.rank) : "-",
                 change.alpha ? fmt::format("{:.5g}", *change.alpha) : "-", change.norm);
  }
  if (!info.metadata.empty()) fmt::print("\n");
  for (const auto& [key, value] : info.metadata) {
    constexpr size_t most = 100;
    const std::string text = in_one_line(value);
    fmt::print("{} = {}\n", in_one_line(key),
               text.size() > most ? text.substr(0, most) + "..." : text);
  }
}

}  // namespace

void inspect_adapter_file(const std::string& file, int depth, bool json) {
  const AdapterInfo info = inspect_adapter(file);
  if (json)
    print_json(to_json(info));
  else
    print_text(info, depth < 0 ? 1 : depth);
}

}  // namespace drypoint::cli
