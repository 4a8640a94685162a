#include "server/catalog.h"

#include <algorithm>

#include "drypoint/nearest.h"
#include "server/lower_case.h"
#include "server/refusal.h"

namespace drypoint::server {
namespace {

namespace fs = std::filesystem;

std::string plain_name(std::string_view text) {
  std::string result(text);
  if (const size_t hash = result.rfind(" ["); hash != result.npos && result.ends_with(']'))
    result.resize(hash);
  return in_lower_case(result);
}

bool is_weights(const fs::path& path) {
  const std::string ending = path.extension().string();
  for (const char* known : {".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".plan"})
    if (ending == known) return true;
  return false;
}

std::string_view kind_name(FileKind kind) {
  switch (kind) {
    case FileKind::checkpoint: return "model";
    case FileKind::control: return "ControlNet";
    case FileKind::vae: return "VAE";
    case FileKind::lora: return "LoRA";
    case FileKind::embedding: return "embedding";
  }
  return "file";
}

}  // namespace

Catalog::Catalog(const fs::path& folder) {
  if (!fs::is_directory(folder))
    throw Error(ErrorKind::bad_file,
                fmt::format("{}: is no folder, expected one of models", folder.string()));
  using enum FileKind;
  for (const auto& [kind, name] :
       std::vector<std::pair<FileKind, const char*>>{{checkpoint, ""},
                                                     {checkpoint, "Stable-diffusion"},
                                                     {control, "ControlNet"},
                                                     {vae, "VAE"},
                                                     {lora, "Lora"},
                                                     {embedding, "embeddings"}})
    folders_.emplace_back(kind, folder / name);
  refresh();
}

void Catalog::set_folder(FileKind kind, const fs::path& folder) {
  std::erase_if(folders_, [&](const auto& one) { return one.first == kind; });
  folders_.emplace_back(kind, folder);
  refresh();
}

std::optional<fs::path> Catalog::folder(FileKind kind) const {
  for (const auto& [own_kind, folder] : folders_)
    if (std::error_code ignored; own_kind == kind && fs::is_directory(folder, ignored))
      return folder;
  return std::nullopt;
}

void Catalog::add(FileKind kind, CatalogEntry entry) {
  const std::lock_guard lock(mutex_);
  own_.emplace_back(kind, std::move(entry));
}

void Catalog::refresh() {
  std::vector<std::pair<FileKind, CatalogEntry>> found;
  for (const auto& [kind, folder] : folders_) {
    std::error_code error;
    // The folder of all has the others inside, and its name ends with "/".
    const int deepest = folder.filename().empty() ? 0 : 4;
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
      const fs::path& path = it->path();
      std::error_code ignored;
      const bool is_folder = fs::exists(path / "model_index.json", ignored) ||
                             fs::exists(path / "config.json", ignored);
      if (is_folder || it.depth() >= deepest) it.disable_recursion_pending();
      if (is_weights(path) || is_folder)
        found.emplace_back(kind,
                           CatalogEntry{is_folder ? path.filename().string() : path.stem().string(),
                                        path.filename().string(), path});
    }
  }
  std::ranges::sort(found, {}, [](const auto& one) { return plain_name(one.second.name); });
  const std::lock_guard lock(mutex_);
  found_ = std::move(found);
}

std::vector<CatalogEntry> Catalog::all(FileKind kind) const {
  const std::lock_guard lock(mutex_);
  std::vector<CatalogEntry> entries;
  for (const auto* list : {&own_, &found_})
    for (const auto& found : *list) {
      const CatalogEntry& entry = found.second;
      const auto has_its_name = [&](const CatalogEntry& other) { return other.name == entry.name; };
      if (found.first == kind && std::ranges::none_of(entries, has_its_name))
        entries.push_back(entry);
    }
  return entries;
}

bool Catalog::has(FileKind kind, std::string_view name) const {
  return std::ranges::any_of(all(kind), [&](const CatalogEntry& entry) {
    return plain_name(entry.name) == plain_name(name) ||
           plain_name(entry.title) == plain_name(name);
  });
}

CatalogEntry Catalog::find(FileKind kind, std::string_view name, const std::string& field) const {
  const auto entries = all(kind);
  const std::string wanted = plain_name(name);
  for (const CatalogEntry& entry : entries)
    if (plain_name(entry.title) == wanted || plain_name(entry.name) == wanted) return entry;
  const CatalogEntry* shortest = nullptr;
  for (const CatalogEntry& entry : entries)
    if (!wanted.empty() && plain_name(entry.name).find(wanted) != std::string::npos &&
        (!shortest || entry.name.size() < shortest->name.size()))
      shortest = &entry;
  if (shortest) return *shortest;
  std::vector<std::string> names;
  for (const CatalogEntry& entry : entries) names.push_back(entry.name);
  const std::string nearest_name = nearest(std::string(name), names);
  if (nearest_name.empty())
    refuse_field(422, field, "\"{}\", but there is no {} here", name.substr(0, 60),
                 kind_name(kind));
  refuse_field(422, field, "\"{}\" is no {} that is here, did you mean \"{}\"?", name.substr(0, 60),
               kind_name(kind), nearest_name);
}

}  // namespace drypoint::server
