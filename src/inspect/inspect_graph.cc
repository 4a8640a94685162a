#include "drypoint/inspect_graph.h"

#include <fmt/format.h>

#include "backend/backend.h"
#include "backend/cuda_chip.h"
#include "backend/gemm_key.h"
#include "base/error.h"
#include "compile/compile.h"
#include "inspect/drawing.h"
#include "inspect/memory_map.h"
#include "inspect/part_graph.h"
#include "inspect/pass_log.h"
#include "inspect/tuning_cache.h"
#include "tensor/precision.h"

namespace drypoint {
namespace {

/// Null, with a notice, where the device is not here.
std::unique_ptr<Backend> backend_for(const GraphOptions& options, const Target& target,
                                     std::vector<std::string>& notices) {
  if (!options.device.starts_with("cuda")) return make_cpu_backend(0, target.factors);
  const CudaOptions cuda{.precision = target.precision,
                         .tf32 = options.precision == Precision::tf32,
                         .tuning_cache = options.tuning_cache.string()};
  if (options.device != "cuda") return make_cuda_chip(cuda, capability_of(options.device));
  try {
    return make_cuda_backend(cuda);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    notices.push_back(
        fmt::format("which kernels it would take is not known here: {}", error.what()));
    return nullptr;
  }
}

/// Operations of a plan, with what can be said of each.
class Operations {
 public:
  Operations(const Plan& plan, const PassLog& log, const Backend* backend,
             const TuningCache& tuning)
      : plan_(plan), log_(log), backend_(backend), tuning_(tuning) {
    for (const auto& [name, id] : plan.inputs) names_[id] = name;
    for (const Rate rate : {Rate::load, Rate::picture, Rate::step})
      for (const PlanOp& step : plan.section(rate)) add(step, rate);
  }

  std::vector<InspectedOperation> operations;
  size_t workspace = 0;

 private:
  void add(const PlanOp& step, Rate rate) {
    InspectedOperation& operation = operations.emplace_back();
    operation.text = to_string(step.op);
    operation.kind = name(step.op);
    operation.module = step.module;
    operation.rate = name(rate);
    operation.result = to_string(plan_.values[step.output].type);
    operation.passes = log_.passes_of(operation.kind, step.module);
    const PlanValue& result = plan_.values[step.output];
    KernelRequest request{step.op, {}, result.type, {}, step.module, 0, result.pictures};
    for (const ValueId id : step.inputs) {
      const PlanValue& value = plan_.values[id];
      request.inputs.push_back(value.type);
      request.constant.push_back(value.place.space == Space::weight);
      const std::string& named = value.weight.empty() ? names_[id] : value.weight;
      operation.inputs.push_back(to_string(value.type) + (named.empty() ? "" : " " + named));
    }
    if (rate == Rate::load) return;  // run by the weight store
    if (backend_) describe_kernel(request, operation);
    find_measured(request, operation);
  }

  void describe_kernel(const KernelRequest& request, InspectedOperation& operation) {
    const auto kernel = backend_->kernel(request);
    operation.kernel = kernel->description();
    workspace = std::max(workspace, kernel->workspace());
    for (size_t i = 0; i < request.inputs.size(); ++i)
      if (const auto packing = kernel->packing(i); packing && request.constant[i])
        operation.layouts.push_back(packing->format);
  }

  void find_measured(const KernelRequest& request, InspectedOperation& operation) const {
    std::string key;
    if (const auto* conv = std::get_if<Conv2d>(&request.op))
      key = gemm_key(*conv, request.inputs, request.output);
    if (const auto* linear = std::get_if<Linear>(&request.op))
      key = gemm_key(*linear, request.inputs, request.output);
    // Of several pictures the key ends in what they have of one: " as wgmma/2".
    const std::string start = request.pictures > 1 ? key + " as " : key;
    const auto found = tuning_.choices.lower_bound(start);
    if (found == tuning_.choices.end() || key.empty()) return;
    if (request.pictures > 1 ? found->first.starts_with(start) : found->first == key)
      operation.measured = found->second;
  }

  const Plan& plan_;
  const PassLog& log_;
  const Backend* backend_;
  const TuningCache& tuning_;
  std::map<ValueId, std::string> names_;
};

}  // namespace

class GraphInspection::Implementation {
 public:
  Implementation(const ModelFiles& files, const GraphOptions& options) {
    const Target target = target_for(options);
    TuningCache tuning;
    if (!options.tuning_cache.empty()) {
      if (!target.tunes)
        fail(ErrorKind::bad_argument, "tuning-cache: given for device {}, expected cuda",
             options.device);
      tuning = read_tuning_cache(options.tuning_cache);
    }
    built_ = part_graph(files, options);
    PassLog log;
    std::optional<Quantization> quantization;  // without ranges, as without calibration
    if (const auto eight_bits = eight_bits_of(options.precision)) quantization = {*eight_bits};
    const auto observe = [&](std::string_view pass, const Graph& after) {
      log.add(pass, after);
      compiled_ = after;
    };
    const Plan plan = compile(built_, target, observe, {quantization ? &*quantization : nullptr});
    result_.part = options.part;
    result_.device = options.device;
    const DType computed = target.factors != DType::f32 ? target.factors : target.precision;
    result_.precision = options.precision == Precision::tf32 || quantization
                            ? std::string(options.precision.name())
                            : std::string(name(computed));
    result_.passes = log.passes();
    if (!tuning.device.empty())
      result_.notices.push_back(fmt::format("times measured on {}", tuning.device));
    const auto backend = backend_for(options, target, result_.notices);
    Operations operations(plan, log, backend.get(), tuning);
    result_.operations = std::move(operations.operations);
    result_.memory = memory_map(plan);
    result_.memory.workspace_bytes = static_cast<int64_t>(operations.workspace);
    title_ =
        fmt::format("{} of {}, {}, on {} in {}", options.part, files.model.filename().string(),
                    options.part == "text" ? "2 prompts"
                                           : fmt::format("{}x{}, batch {}", options.size.height,
                                                         options.size.width, options.batch),
                    options.device, result_.precision);
  }

  const InspectedGraph& result() const { return result_; }

  std::string draw_graph(GraphFormat format, const GraphView& view) const {
    const Drawing drawing = draw(view.before ? built_ : compiled_, view.module,
                                 title_ + (view.before ? ", as built" : ""));
    return format == GraphFormat::dot ? to_dot(drawing) : to_svg(drawing);
  }

  std::string draw_memory() const { return memory_plot(result_.memory, "Memory: " + title_); }

 private:
  Graph built_, compiled_;
  std::string title_;
  InspectedGraph result_;
};

GraphInspection::GraphInspection(const ModelFiles& files, const GraphOptions& options)
    : implementation_(at_border(files.model.string(),
                                [&] { return std::make_unique<Implementation>(files, options); })) {
}
GraphInspection::~GraphInspection() = default;
GraphInspection::GraphInspection(GraphInspection&&) noexcept = default;
GraphInspection& GraphInspection::operator=(GraphInspection&&) noexcept = default;

const InspectedGraph& GraphInspection::result() const { return implementation_->result(); }

std::string GraphInspection::draw_graph(GraphFormat format, const GraphView& view) const {
  return at_border("graph", [&] { return implementation_->draw_graph(format, view); });
}

std::string GraphInspection::draw_memory() const {
  return at_border("memory", [&] { return implementation_->draw_memory(); });
}

}  // namespace drypoint
