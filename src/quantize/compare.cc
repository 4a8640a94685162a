#include "drypoint/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "compile/passes.h"
#include "diffusion/model/calibration.h"
#include "diffusion/pipeline_parts.h"
#include "drypoint/output.h"
#include "drypoint/score.h"
#include "ops/ops.h"
#include "plan/plan.h"
#include "quantize/drawings.h"
#include "tensor/eight_bits.h"

namespace drypoint {
namespace {

/// What the trusted one had at a row: the latents it began with, and the watched values.
struct Row {
  std::vector<float> slots;
  std::map<std::string, std::vector<float>> values;
};

std::vector<float> copy_of(std::span<const float> values) { return {values.begin(), values.end()}; }

double mean_of(const std::vector<double>& decibels) {
  constexpr double most = 99;  // of equal pictures
  double sum = 0;
  for (const double one : decibels) sum += std::min(most, one);
  return sum / static_cast<double>(decibels.size());
}

double root_mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * value;
  return std::sqrt(sum / static_cast<double>(std::max<size_t>(values.size(), 1)));
}

double relative_error(std::span<const float> found, std::span<const float> expected) {
  double sum = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double off = double{found[i]} - expected[i];
    sum += off * off;
  }
  const double size = root_mean_square(expected);
  const double error = std::sqrt(sum / static_cast<double>(std::max<size_t>(expected.size(), 1)));
  return size > 0 ? error / size : error;
}

double share_beyond(std::span<const float> values, float range) {
  const auto cut = std::ranges::count_if(values, [=](float v) { return std::fabs(v) > range; });
  return static_cast<double>(cut) / static_cast<double>(std::max<size_t>(values.size(), 1));
}

/// Of the watched modules: their shares of a step's additions and multiplications.
std::map<std::string, double> shares_of(const Plan& plan) {
  const auto type = [&](ValueId id) { return plan.values[static_cast<size_t>(id)].type; };
  std::map<ValueId, double> flops;
  double all = 0;
  for (const PlanOp& op : plan.step) {
    std::vector<TensorType> inputs;
    std::ranges::transform(op.inputs, std::back_inserter(inputs), type);
    all += flops[op.output] = flops_of(op.op, inputs, type(op.output));
  }
  std::map<std::string, double> shares;
  for (const auto& [output, value] : plan.outputs)
    if (output.starts_with(watched_result))
      shares[output.substr(watched_result.size())] = flops[value] / all;
  return shares;
}

class Comparing {
 public:
  Comparing(const ComparisonOptions& options, const ComparisonCallbacks& callbacks)
      : options_(options),
        callbacks_(callbacks),
        drawings_(options.pictures, options.prompts, options.request, options.count),
        a_(files_for(options.files, options.a.precision), options.a) {
    if (options.steps < 1 || options.steps > 32)
      fail(ErrorKind::bad_argument, "steps: {}, expected 1 to 32", options.steps);
  }

  PrecisionComparison run() {
    Pipeline b(options_.files, options_.b);
    PrecisionComparison result{.model = a_.description().model,
                               .device_a = a_.description().device,
                               .device_b = b.description().device};
    for (int i = 0; i < drawings_.size(); ++i) {
      const Request request = drawings_[i];
      std::map<size_t, Row> rows;  // that are looked at
      const DenoiserObserver trusted = keeping(rows);
      const DenoiserObserver other = looking(rows, result, b);
      const Image expected = draw(a_, request, &trusted, options_.a.precision, i).images.at(0);
      draw(b, request, &other, options_.b.precision, i);
      references_.push_back(expected);
    }
    // Once more, with its own latents from step to step.
    for (int i = 0; i < drawings_.size(); ++i) {
      const Result drawn = draw(b, drawings_[i], nullptr, options_.b.precision, i);
      result.psnr.push_back(psnr(drawn.images.at(0), references_[static_cast<size_t>(i)]));
      if (i == 0) result.notices = drawn.notices;
    }
    for (ComparedModule& module : result.modules)
      module.worst = *std::ranges::max_element(module.errors);
    std::ranges::stable_sort(result.modules, std::ranges::greater(), &ComparedModule::worst);
    return result;
  }

  /// The mean PSNR with these modules kept beside those that are anyway.
  double quality(const std::vector<std::string>& kept) {
    if (callbacks_.progress) callbacks_.progress({fmt::format("{} modules kept", kept.size())});
    ModelFiles files = options_.files;
    files.keep.insert(files.keep.end(), kept.begin(), kept.end());
    Pipeline b(files, options_.b);
    std::vector<double> found;
    for (int i = 0; i < drawings_.size(); ++i)
      found.push_back(psnr(b.generate(drawings_[i], {{}, callbacks_.stop}).images.at(0),
                           references_.at(static_cast<size_t>(i))));
    return mean_of(found);
  }

 private:
  bool is_looked_at(const SamplerTable& table, size_t row) const {
    const int wanted = std::min(options_.steps, table.steps);
    for (int i = 0; i < wanted; ++i) {
      const int step = wanted == 1 ? table.steps / 2 : i * (table.steps - 1) / (wanted - 1);
      // The first evaluation of that step.
      if (table.rows[row].step == step && (row == 0 || table.rows[row - 1].step != step))
        return true;
    }
    return false;
  }

  DenoiserObserver keeping(std::map<size_t, Row>& rows) const {
    DenoiserObserver observer{.watched = {.inputs = true, .results = true}};
    observer.before = [this, &rows](Executor& denoiser, const SamplerTable& table, size_t row) {
      if (is_looked_at(table, row)) rows[row].slots = copy_of(denoiser.output("slots"));
    };
    observer.after = [this, &rows](Executor& denoiser, const SamplerTable& table, size_t row) {
      if (!is_looked_at(table, row)) return;
      for (const auto& [output, _] : denoiser.plan().outputs)
        if (output.starts_with(watched_input) || output.starts_with(watched_result))
          rows[row].values[output] = copy_of(denoiser.output(output));
    };
    return observer;
  }

  /// What the second drawing loses at the rows that the first has kept.
  DenoiserObserver looking(const std::map<size_t, Row>& rows, PrecisionComparison& result,
                           Pipeline& b) const {
    const auto& quantization = PipelineParts::stages(b).model()->quantization();
    DenoiserObserver observer{.watched = {.results = true}};
    observer.before = [&rows](Executor& denoiser, const SamplerTable&, size_t row) {
      if (const auto kept = rows.find(row); kept != rows.end())
        denoiser.set_input("slots", kept->second.slots);
    };
    observer.after = [&rows, &result, &quantization](Executor& denoiser, const SamplerTable& table,
                                                     size_t row) {
      const auto kept = rows.find(row);
      if (kept == rows.end()) return;
      const int step = table.rows[row].step;
      auto column = std::ranges::find(result.steps, step);
      if (column == result.steps.end()) column = result.steps.insert(result.steps.end(), step);
      const auto number = static_cast<size_t>(column - result.steps.begin());
      const auto shares = shares_of(denoiser.plan());
      for (const auto& [output, expected] : kept->second.values) {
        if (!output.starts_with(watched_result)) continue;
        const std::string name = output.substr(watched_result.size());
        auto module = std::ranges::find(result.modules, name, &ComparedModule::name);
        if (module == result.modules.end())
          module = result.modules.insert(result.modules.end(), {.name = name});
        module->errors.resize(std::max(module->errors.size(), number + 1));
        double& error = module->errors[number];
        error = std::max(error, relative_error(denoiser.output(output), expected));
        if (const auto share = shares.find(name); share != shares.end())
          module->gain = share->second;
        if (!quantization) continue;
        module->rounded = !quantization->kept.contains(name);
        if (quantization->smoothed.contains(name)) continue;  // whose range is another input's
        const auto range = quantization->ranges.find(name);
        const float most = range != quantization->ranges.end() ? range->second
                           : quantization->type == DType::f8   ? largest(DType::f8)
                                                               : INFINITY;
        const auto x = kept->second.values.find(std::string(watched_input) + name);
        if (x != kept->second.values.end())
          module->saturation = std::max(module->saturation, share_beyond(x->second, most));
      }
    };
    return observer;
  }

  Result draw(Pipeline& pipeline, const Request& request, const DenoiserObserver* observer,
              Precision precision, int number) {
    if (callbacks_.progress)
      callbacks_.progress(
          {fmt::format("{} {}/{}", precision.name(), number + 1, drawings_.size())});
    Stages& stages = PipelineParts::stages(pipeline);
    stages.set_observer(observer);
    Result drawn = pipeline.generate(request, {{}, callbacks_.stop});
    stages.set_observer(nullptr);
    return drawn;
  }

  const ComparisonOptions& options_;
  const ComparisonCallbacks& callbacks_;
  Drawings drawings_;
  Pipeline a_;
  std::vector<Image> references_;
};

/// The rounded modules, those that are to stay first in front.
std::vector<std::string> candidates_to_keep(std::vector<ComparedModule> modules, KeepFirst first) {
  std::erase_if(modules, [](const ComparedModule& module) { return !module.rounded; });
  // A PSNR falls with the sum of squares of what modules are off.
  const auto price = [&](const ComparedModule& module) {
    return first == KeepFirst::dear ? module.worst * module.worst / std::max(module.gain, 1e-12)
                                    : module.worst;
  };
  std::ranges::stable_sort(modules, std::ranges::greater(), price);
  std::vector<std::string> names;
  for (const ComparedModule& module : modules) names.push_back(module.name);
  return names;
}

KeptModules search(const ComparisonOptions& options, double quality,
                   const ComparisonCallbacks& callbacks) {
  if (!eight_bits_of(options.b.precision))
    fail(ErrorKind::bad_argument, "precision: {}, expected fp8 or int8",
         options.b.precision.name());
  Comparing comparing(options, callbacks);
  KeptModules result{.comparison = comparing.run()};
  const std::vector<std::string> worst =
      candidates_to_keep(result.comparison.modules, options.keep_first);
  const auto with = [&](size_t count) {
    const auto end = worst.begin() + static_cast<std::ptrdiff_t>(count);
    // With none kept they have been drawn.
    result.psnr =
        count == 0 ? mean_of(result.comparison.psnr) : comparing.quality({worst.begin(), end});
    result.trials.push_back({static_cast<int>(count), result.psnr});
    return result.psnr >= quality;
  };
  // `few` do not do, `enough` do.
  size_t enough = worst.size();
  if (!with(0)) {
    if (!with(enough))
      fail(ErrorKind::bad_argument,
           "quality: {} dB, but with all {} modules kept the pictures come to {:.1f}", quality,
           enough, result.psnr);
    for (size_t few = 0; enough - few > 1;) {
      const size_t middle = few + (enough - few) / 2;
      (with(middle) ? enough : few) = middle;
    }
  } else {
    enough = 0;
  }
  result.kept.assign(worst.begin(), worst.begin() + static_cast<std::ptrdiff_t>(enough));
  result.psnr = std::ranges::find(result.trials, static_cast<int>(enough), &Trial::kept)->psnr;
  return result;
}

}  // namespace

PrecisionComparison compare(const ComparisonOptions& options,
                            const ComparisonCallbacks& callbacks) {
  return at_border("comparing", callbacks,
                   [&](const auto& own) { return Comparing(options, own).run(); });
}

KeptModules find_kept(const ComparisonOptions& options, double quality,
                      const ComparisonCallbacks& callbacks) {
  return at_border("comparing", callbacks,
                   [&](const auto& own) { return search(options, quality, own); });
}

void write_kept(const std::filesystem::path& calibration, const std::filesystem::path& output,
                Precision precision, const KeptModules& found) {
  at_border(calibration.string(), [&] {
    const auto type = eight_bits_of(precision);
    if (!type)
      fail(ErrorKind::bad_argument, "precision: {}, expected fp8 or int8", precision.name());
    read_calibration(calibration, *type);  // that it is one
    const NamedTensors tensors = read_tensor_file_as_it_is(calibration).tensors;
    std::map<std::string, std::string> metadata(tensors.metadata.begin(), tensors.metadata.end());
    auto how = parse_json(metadata.at(calibration_key));
    if (!how.is_object()) how = nlohmann::json::object();
    how["kept"][std::string(name(*type))] = found.kept;
    how["psnr"][std::string(name(*type))] = found.psnr;
    metadata[calibration_key] = how.dump();
    write_safetensors(output, tensors.tensors, metadata);
  });
}

}  // namespace drypoint
