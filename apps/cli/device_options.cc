#include "device_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <thread>

namespace drypoint::cli {
namespace {

constexpr std::string_view mixed_begin = "mixed:";

double quality_in(std::string_view text) {
  double quality = 0;
  const auto [end, error] =
      std::from_chars(text.data() + mixed_begin.size(), text.data() + text.size(), quality);
  if (error != std::errc() || end != text.data() + text.size() || !(quality > 0 && quality < 100))
    bad_option(
        fmt::format("--precision: \"{}\", expected mixed: and a PSNR in dB, 0 to 100", text));
  return quality;
}

}  // namespace

void DeviceOptions::add_to(CLI::App& command, bool mixes) {
  const PipelineOptions usual;
  for (const char* name :
       {"threads", "device", "precision", "max_memory", "level", "tuning_cache", "aux_streams"}) {
    CLI::Option* option = fields_.add(command, name, usual);
    if (!mixes || name != std::string_view("precision")) continue;
    option->description(option->get_description() +
                        ";\nmixed:32: fp8 or int8 of as many of these as 32 dB allow, found by\n"
                        "drawing");
    option->transform([quality = mixed_quality_](const std::string& text) -> std::string {
      quality->reset();
      if (!text.starts_with(mixed_begin)) return text;
      *quality = quality_in(text);
      return "auto";
    });
  }
  command.add_flag("--no-tf32", no_tf32_,
                   "GPU: fp32 where --precision says tf32: all bits of both factors");
  command.add_flag("--no-graph", no_graph_, "GPU: launch kernel by kernel, for measurements");
}

PipelineOptions DeviceOptions::pipeline_options() const {
  PipelineOptions options;
  fields_.apply(options);
  if (no_tf32_ && options.precision == Precision::tf32) options.precision = Precision::fp32;
  options.graphs = !no_graph_;
  return options;
}

void DeviceOptions::note_vain(std::string_view used, std::vector<std::string>& notices) const {
  if (used != "cpu" && used != "reference") return;
  const PipelineOptions options = pipeline_options(), usual;
  std::vector<std::string> given;
  for (const auto& [option, is_given] :
       {std::pair("--level", options.level != usual.level),
        {"--tuning-cache", !options.tuning_cache.empty()},
        {"--aux-streams", options.aux_streams != usual.aux_streams},
        {"--no-graph", no_graph_},
        {"--no-tf32", no_tf32_}})
    if (is_given) given.emplace_back(option);
  if (!given.empty())
    notices.push_back(fmt::format("{} {} for GPUs, and this runs on {}", fmt::join(given, ", "),
                                  given.size() == 1 ? "is" : "are", used));
  const int threads = options.threads;
  // The standard library counts the cores that this process may use.
  if (const auto cores = static_cast<int>(std::thread::hardware_concurrency());
      cores > 0 && threads > cores)
    notices.push_back(
        fmt::format("--threads {} on {} core{}: threads that share a core wait for one "
                    "another, and are slower than {}",
                    threads, cores, cores == 1 ? "" : "s", cores));
}

}  // namespace drypoint::cli
