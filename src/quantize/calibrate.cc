#include "drypoint/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "base/content_hash.h"
#include "base/error.h"
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "compile/passes.h"
#include "diffusion/model/calibration.h"
#include "diffusion/model/model.h"
#include "diffusion/pipeline_parts.h"
#include "drypoint/output.h"
#include "drypoint/version.h"
#include "quantize/drawings.h"
#include "quantize/magnitudes.h"
#include "quantize/smoothing.h"

namespace drypoint {
namespace {

constexpr std::array<std::string_view, 4> method_names{"max", "percentile", "mse", "entropy"};
constexpr const char *part_key = "drypoint.calibration.part", *done_key = "done",
                     *channels_end = "#channels";

/// What has been seen so far, of each module in each group of steps.
class Seen {
 public:
  Seen(std::filesystem::path part, std::string settings, int groups)
      : part_(std::move(part)), settings_(std::move(settings)), groups_(groups) {}

  int done() const { return done_; }
  const std::map<std::string, std::vector<Magnitudes>>& modules() const { return modules_; }
  std::map<std::string, ChannelLimits>& channels() { return channels_; }

  /// What a run with the same settings has left behind.
  void resume() {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(part_, ignored)) return;
    const NamedTensors kept = read_tensor_file_as_it_is(part_).tensors;
    const auto settings = kept.metadata.find(part_key), done = kept.metadata.find(done_key);
    if (settings == kept.metadata.end() || settings->second != settings_ ||
        done == kept.metadata.end())
      return;
    for (const auto& [key, tensor] : kept.tensors) {
      const size_t mark = key.rfind('#');
      if (mark == std::string::npos) continue;
      if (key.substr(mark) == channels_end) {
        channels_[key.substr(0, mark)] = ChannelLimits(tensor.to_f32().floats());
        continue;
      }
      auto& groups = of_module(key.substr(0, mark));
      const auto group = static_cast<size_t>(std::atoi(key.c_str() + mark + 1));
      if (group < groups.size())
        groups[group] = Magnitudes(tensor.to_f32().floats(), part_.string());
    }
    done_ = std::atoi(done->second.c_str());
  }

  void add(const std::string& module, size_t group, std::span<const float> values) {
    of_module(module)[group].add(values);
  }

  void drawing_is_done() {
    ++done_;
    std::map<std::string, Tensor, std::less<>> tensors;
    for (const auto& [module, groups] : modules_)
      for (size_t group = 0; group < groups.size(); ++group) {
        const std::vector<float> contents = groups[group].contents();
        tensors[fmt::format("{}#{}", module, group)] =
            make_tensor({static_cast<int64_t>(contents.size())}, contents);
      }
    for (const auto& [module, limits] : channels_)
      tensors[module + channels_end] = limits.as_tensor();
    write_safetensors(part_, tensors, {{part_key, settings_}, {done_key, std::to_string(done_)}});
  }

  void forget() const {
    std::error_code ignored;
    std::filesystem::remove(part_, ignored);
  }

 private:
  std::vector<Magnitudes>& of_module(const std::string& module) {
    auto& groups = modules_[module];
    groups.resize(static_cast<size_t>(groups_));
    return groups;
  }

  std::filesystem::path part_;
  std::string settings_;
  int groups_;
  int done_ = 0;
  std::map<std::string, std::vector<Magnitudes>> modules_;
  std::map<std::string, ChannelLimits> channels_;
};

using AfterInput =
    std::function<void(const Executor& denoiser, const std::string& module, size_t group)>;

/// Told of what the denoiser's products read, as drawings go.
DenoiserObserver observer_for(int groups, AfterInput input) {
  DenoiserObserver observer{.watched = {.inputs = true}};
  observer.after = [input = std::move(input), groups](Executor& denoiser, const SamplerTable& table,
                                                      size_t row) {
    const int step = table.rows[row].step;
    const auto group = static_cast<size_t>(std::min(groups - 1, step * groups / table.steps));
    for (const auto& [output, _] : denoiser.plan().outputs)
      if (output.starts_with(watched_input))
        input(denoiser, output.substr(watched_input.size()), group);
  };
  return observer;
}

std::span<const float> input_of(const Executor& denoiser, const std::string& module) {
  return denoiser.output(std::string(watched_input) + module);
}

void write(const std::filesystem::path& output, const CalibrationOptions& options,
           const Drawings& drawings, const Pipeline& pipeline, const Seen& seen,
           const Factors& factors, Calibration& result) {
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [module, values] : factors)
    tensors[module + std::string(input_factors)] =
        make_tensor({static_cast<int64_t>(values.size())}, values);
  for (const auto& [module, groups] : seen.modules()) {
    CalibratedModule& one = result.modules.emplace_back();
    one.name = module;
    for (const DType type : {DType::f8, DType::i8}) {
      std::vector<float> ranges;
      for (const Magnitudes& group : groups) {
        ranges.push_back(group.range(options.method, type));
        one.largest = std::max<double>(one.largest, group.largest());
      }
      double& widest = type == DType::f8 ? one.range_f8 : one.range_i8;
      widest = *std::ranges::max_element(ranges);
      tensors[range_name(module, type)] =
          make_tensor({static_cast<int64_t>(ranges.size())}, ranges);
    }
  }
  const nlohmann::json how{{"producer", version()},
                           {"model", pipeline.description().model},
                           {"method", name(options.method)},
                           {"drawings", drawings.size()},
                           {"steps", options.request.steps},
                           {"seed", options.request.seed.value_or(0)},
                           {"step_groups", options.step_groups},
                           {"smooth", options.smooth}};
  write_safetensors(output, tensors, {{calibration_key, how.dump()}});
}

Calibration calibrate_with(const CalibrationOptions& options, const std::filesystem::path& output,
                           const CalibrationCallbacks& callbacks) {
  if (options.step_groups < 1 || options.step_groups > 64)
    fail(ErrorKind::bad_argument, "step_groups: {}, expected 1 to 64", options.step_groups);
  if (!(options.smooth >= 0 && options.smooth <= 1))
    fail(ErrorKind::bad_argument, "smooth: {}, expected 0 to 1", options.smooth);
  if (eight_bits_of(options.pipeline.precision))
    fail(ErrorKind::bad_argument, "precision: {}, expected that of what is to be rounded",
         options.pipeline.precision.name());
  check_output(output);
  const Drawings drawings(options.pictures, options.prompts, options.request, options.count);
  Pipeline pipeline(options.files, options.pipeline);
  ContentHash settings;
  settings.add(drawings.description()).add(pipeline.model().hash());
  settings.add(pipeline.description().model).add(pipeline.description().device);
  settings.add(static_cast<uint64_t>(options.step_groups)).add(version());
  settings.add(fmt::to_string(options.smooth));
  std::filesystem::path part = output;
  part += ".part";
  check_output(part);

  Seen seen(part, fmt::format("{:016x}", settings.value()), options.step_groups);
  seen.resume();
  const int rounds = options.smooth > 0 ? 2 : 1, all = rounds * drawings.size();
  Calibration result{.drawings = drawings.size(), .resumed = std::min(seen.done(), all) / rounds};
  const auto draw = [&](int until, const AfterInput& input) {
    const DenoiserObserver observer = observer_for(options.step_groups, input);
    PipelineParts::stages(pipeline).set_observer(&observer);
    for (int i = seen.done(); i < until; ++i) {
      if (callbacks.progress) callbacks.progress({i, all});
      const Result drawn = pipeline.generate(drawings[i % drawings.size()], {{}, callbacks.stop});
      if (result.notices.empty()) result.notices = drawn.notices;
      seen.drawing_is_done();
    }
  };
  Factors factors;
  if (options.smooth > 0) {
    draw(drawings.size(), [&](const Executor& denoiser, const std::string& module, size_t) {
      if (takes_factors(denoiser, module))
        seen.channels()[module].add(input_of(denoiser, module), channels_of(denoiser, module));
    });
    factors = factors_for(seen.channels(), PipelineParts::stages(pipeline).checkpoint().tensors,
                          options.smooth);
  }
  draw(all, [&](const Executor& denoiser, const std::string& module, size_t group) {
    const auto own = factors.find(module);
    if (own == factors.end()) return seen.add(module, group, input_of(denoiser, module));
    seen.add(module, group, times(input_of(denoiser, module), own->second));
  });
  write(output, options, drawings, pipeline, seen, factors, result);
  seen.forget();
  return result;
}

}  // namespace

std::string_view name(RangeMethod method) { return method_names[static_cast<size_t>(method)]; }

RangeMethod range_method_named(std::string_view wanted) {
  const auto found = std::ranges::find(method_names, wanted);
  if (found == method_names.end())
    fail(ErrorKind::bad_argument, "method: {}, expected max, percentile, mse or entropy", wanted);
  return static_cast<RangeMethod>(found - method_names.begin());
}

Calibration calibrate(const CalibrationOptions& options, const std::filesystem::path& output,
                      const CalibrationCallbacks& callbacks) {
  return at_border("calibrating", callbacks,
                   [&](const auto& own) { return calibrate_with(options, output, own); });
}

}  // namespace drypoint
