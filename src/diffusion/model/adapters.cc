#include "diffusion/model/adapters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>

#include "base/content_hash.h"
#include "base/error.h"
#include "base/file_state.h"
#include "base/utf8.h"
#include "checkpoint/embedding_file.h"
#include "diffusion/model/folder_files.h"
#include "drypoint/nearest.h"
#include "text/unicode.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

std::string name_of(const fs::path& path) { return valid_utf8(path.stem().string()); }

std::string in_small_letters(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// The place in a list of 26: the text encoder, 12 input blocks, the middle, 12 output blocks.
std::optional<size_t> block_of(const FittedChange& change) {
  if (change.part == Part::text) return 0;
  const std::string_view name =
      std::string_view(change.tensor).substr(prefix_of(Part::unet).size());
  if (name.starts_with("middle_block.")) return 13;
  for (const auto& [beginning, first] :
       {std::pair<std::string_view, size_t>("input_blocks.", 1), {"output_blocks.", 14}}) {
    size_t block = 0;
    if (!name.starts_with(beginning)) continue;
    const std::string_view number = name.substr(beginning.size());
    std::from_chars(number.data(), number.data() + number.size(), block);
    if (block < 12) return first + block;
  }
  return {};
}

[[noreturn]] void refuse_name(const std::string& name, const fs::path& folder,
                              const std::vector<fs::path>& files) {
  std::vector<std::string> names;
  for (const fs::path& file : files) names.push_back(name_of(file));
  if (names.empty())
    fail(ErrorKind::bad_argument, "lora: \"{}\": there is none in {}", printable(name),
         folder.string());
  const std::string near = nearest(name, names);
  constexpr size_t most = 8;
  const size_t more = names.size() - std::min(names.size(), most);
  names.resize(std::min(names.size(), most));
  fail(ErrorKind::bad_argument, "lora: \"{}\": is not in {}, which has {}{}; did you mean \"{}\"?",
       printable(name), folder.string(), printable(fmt::format("{}", fmt::join(names, ", "))),
       more > 0 ? fmt::format(" and {} more", more) : "", printable(near));
}

}  // namespace

double ActiveAdapter::strength_of(const FittedChange& change) const {
  const double all = change.part == Part::text ? text_strength : strength;
  const auto place = block_of(change);
  if (blocks.empty() || !place) return all;
  if (blocks.size() == 26) return all * blocks[*place];
  // The text encoder, input blocks 1, 2, 4, 5, 7, 8, the middle, output blocks 3 to 11.
  constexpr std::array<size_t, 17> some{0,  2,  3,  5,  6,  8,  9,  13, 17,
                                        18, 19, 20, 21, 22, 23, 24, 25};
  const auto found = std::ranges::find(some, *place);
  return found == some.end() ? all : all * blocks[static_cast<size_t>(found - some.begin())];
}

WeightSources::Layers layers_of(const AdapterSet& adapters) {
  WeightSources::Layers layers;
  for (const ActiveAdapter& active : adapters)
    for (const FittedChange& fitted : active.fitted->changes) {
      const double strength = active.strength_of(fitted);
      if (strength == 0) continue;
      ContentHash version;
      version.add(active.fitted->adapter->id)
          .add(fitted.change->module)
          .add(std::bit_cast<uint64_t>(strength));
      const auto begin = [keeper = active.fitted, change = fitted.change,
                          strength](const WeightRows& original) {
        return change->change->begin(original, strength);
      };
      layers[fitted.tensor].push_back({version.value(), begin});
    }
  return layers;
}

AdapterLibrary::AdapterLibrary(const std::optional<fs::path>& folder, const ModelConfig& config,
                               std::string model)
    : folder_(folder), config_(config), model_(std::move(model)) {
  if (folder_) files_below(*folder_, "loras", is_embedding_name);
}

/// A file, or one of the folder by its name, case aside where that is enough.
fs::path AdapterLibrary::path_of(const std::string& name) const {
  std::error_code ignored;
  if (fs::is_regular_file(name, ignored)) return name;
  if (!folder_)
    fail(ErrorKind::bad_argument,
         "lora: \"{}\": is no file, and there is no folder of LoRAs (loras) to look for it in",
         printable(name));
  const auto files = files_below(*folder_, "loras", is_embedding_name);
  const auto is_called = [&](const auto& named) {
    return std::ranges::find_if(files, [&](const fs::path& file) {
      return named(name_of(file), name) || named(valid_utf8(file.filename().string()), name);
    });
  };
  auto found = is_called([](const std::string& a, const std::string& b) { return a == b; });
  if (found == files.end())
    found = is_called([](const std::string& a, const std::string& b) {
      return in_small_letters(a) == in_small_letters(b);
    });
  if (found == files.end()) refuse_name(name, *folder_, files);
  return *found;
}

std::shared_ptr<const FittedAdapter> AdapterLibrary::open(const fs::path& path) const {
  const std::lock_guard lock(opening_);
  auto& known = opened_[path.string()];
  if (auto opened = known.lock())
    if (file_state(path) == opened->adapter->id) return opened;
  if (!targets_) targets_.emplace(config_);
  auto opened =
      std::make_shared<const FittedAdapter>(fit(read_adapter(path), *targets_, config_, model_));
  known = opened;
  std::erase_if(opened_, [](const auto& one) { return one.second.expired(); });
  return opened;
}

AdapterSet AdapterLibrary::find(std::span<const AdapterUse> uses,
                                std::vector<std::string>& notices) const {
  AdapterSet set;
  for (const AdapterUse& use : uses) {
    auto fitted = open(path_of(use.file));
    if (!fitted->left.empty())
      notices.push_back(fmt::format(
          "lora: {}: {} of its {} tensors have no place in the model and are left out, the first "
          "is {}",
          fitted->adapter->name, fitted->left.size(), fitted->adapter->tensors.tensors.size(),
          printable(fitted->left[0])));
    set.push_back(
        {std::move(fitted), use.strength, use.text_strength.value_or(use.strength), use.blocks});
  }
  return set;
}

}  // namespace drypoint
