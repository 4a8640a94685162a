#include "control_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "drypoint/fields.h"
#include "drypoint/nearest.h"
#include "options.h"

namespace drypoint::cli {
namespace {

[[noreturn]] void refuse_control(const std::string& text) {
  std::error_code ignored;
  bad_option(fmt::format(
      "--control: \"{}\", expected canny=FILE or canny=FOLDER{}", text,
      std::filesystem::exists(text, ignored) ? fmt::format(", as in canny={}", text) : ""));
}

bool is_name(const std::string& text) {
  return !text.empty() && text.find_first_of("/~.,\\ ") == text.npos;
}

std::vector<std::string> setting_names() {
  std::vector<std::string> names{"image", "mask"};
  for (const auto& field : control_fields())
    if (field.name != "name") names.push_back(field.name);
  return names;
}

}  // namespace

ControlOption parse_control_option(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || !is_name(text.substr(0, equals))) refuse_control(text);
  ControlOption option{{text.substr(0, equals), {}}, {}};
  std::string file;
  const std::vector<std::string> names = setting_names();
  for (const std::string& part : split(text.substr(equals + 1), ',')) {
    const size_t at = part.find('=');
    if (at == part.npos && option.settings.empty()) {  // a comma in the file's name
      file += (file.empty() ? "" : ",") + part;
      continue;
    }
    std::string name = part.substr(0, at);
    for (char& c : name)
      if (c == '-') c = '_';
    if (at == part.npos || std::ranges::find(names, name) == names.end())
      bad_option(fmt::format("--control: {}: \"{}\" is no setting, expected {} (is it {}?)",
                             option.net.name, part, listed(names), nearest(name, names)));
    if (!option.settings.emplace(name, part.substr(at + 1)).second)
      bad_option(fmt::format("--control: {}: {} is given twice", option.net.name, name));
  }
  if (file.empty()) refuse_control(text);
  option.net.file = without_tilde(file);
  return option;
}

namespace {

void apply(const ControlOption& option, ControlFiles& files) {
  files.control.name = option.net.name;
  for (const auto& [name, text] : option.settings) {
    if (name == "image" || name == "mask") {
      (name == "image" ? files.image : files.mask) = without_tilde(text);
      continue;
    }
    try {
      const auto& field = *find_field(control_fields(), name);
      const size_t colon = name == "preprocessor" ? text.find(':') : text.npos;
      field.set(files.control, colon == text.npos ? text
                                                  : text.substr(0, colon + 1) +
                                                        without_tilde(text.substr(colon + 1)));
      field.check(files.control);
    } catch (const Error& error) {
      bad_option(fmt::format("--control: {}: {}", option.net.name, error.what()));
    }
  }
}

}  // namespace

ControlFiles control_files(const ControlOption& option) {
  ControlFiles files;
  apply(option, files);
  return files;
}

std::vector<ControlFiles> with_options(std::vector<ControlFiles> controls,
                                       const std::vector<ControlOption>& options) {
  const auto known = static_cast<std::ptrdiff_t>(controls.size());
  std::vector<bool> done(controls.size());
  for (const ControlOption& option : options) {
    if (option.settings.empty()) continue;
    std::ptrdiff_t at = 0;
    while (at < known && (done[static_cast<size_t>(at)] ||
                          controls[static_cast<size_t>(at)].control.name != option.net.name))
      ++at;
    if (at < known) {
      done[static_cast<size_t>(at)] = true;
      apply(option, controls[static_cast<size_t>(at)]);
    } else {
      controls.push_back(control_files(option));
    }
  }
  return controls;
}

bool ControlPictures::take(const std::string& name, const std::string& path) {
  if (!name.starts_with("controls[") || !(name.ends_with(".image") || name.ends_with(".mask")))
    return false;
  paths_[name] = without_tilde(path);
  return true;
}

std::string ControlPictures::of(size_t control, std::string_view what) const {
  const auto found = paths_.find(fmt::format("controls[{}].{}", control, what));
  return found == paths_.end() ? "" : found->second;
}

}  // namespace drypoint::cli
