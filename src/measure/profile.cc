#include "drypoint/profile.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "backend/instruments.h"
#include "base/error.h"
#include "diffusion/pipeline_parts.h"
#include "diffusion/request/request.h"
#include "drypoint/version.h"
#include "measure/cost.h"
#include "measure/limits.h"
#include "measure/picture.h"
#include "measure/timeline.h"

namespace drypoint {
namespace {

constexpr std::array<std::string_view, 4> all_parts = {"text", "hint", "step", "vae"};

/// A part of a picture as it is run, and what must come before each run.
struct Part {
  std::string name;
  Executor& executor;
  Rate rate;
  std::function<void()> rewind;
};

/// What was seen of a part: in each run, the intervals of all its kernels.
struct Seen {
  std::string method;
  std::vector<std::vector<Interval>> runs;
  std::vector<std::string> names;       // of the kernels
  std::vector<size_t> kernels_of;       // how many each operation has
  std::vector<double> seconds_of_runs;  // with profiling
};

/// The checkpoint's tensors that a weight is or was made of.
void add_sources(const Plan& plan, ValueId id, std::vector<std::string>& names) {
  const PlanValue& value = plan.values[id];
  if (!value.weight.empty()) names.push_back(value.weight);
  if (value.load_step < 0) return;
  for (const ValueId input : plan.load[static_cast<size_t>(value.load_step)].inputs)
    add_sources(plan, input, names);
}

/// "a.weight", or "a.weight and 2 more"
std::string weight_name(const Plan& plan, ValueId id) {
  std::vector<std::string> names;
  add_sources(plan, id, names);
  if (names.empty()) return fmt::format("%{}", id);
  return names.size() == 1 ? names[0] : fmt::format("{} and {} more", names[0], names.size() - 1);
}

class Profiler {
 public:
  Profiler(const ProfileOptions& options, const ProfileCallbacks& callbacks)
      : options_(options),
        callbacks_(callbacks),
        pipeline_(options.workload.files, options.workload.options),
        model_(PipelineParts::stages(pipeline_)),
        backend_(model_.backend()),
        instruments_(make_instruments(backend_)) {}

  ProfileResult run() {
    const Workload& workload = options_.workload;
    const ModelDescription description = pipeline_.description();
    result_ = {.version = std::string(version()),
               .model = description.model,
               .control = description.control,
               .device = description.device,
               .threads = description.threads,
               .batch = workload.batch,
               .steps = workload.steps,
               .guidance_scale = workload.guidance_scale,
               .size = options_.size};
    tell("preparing");
    model_.begin();
    MeasuredPicture picture(model_, workload, options_.size, callbacks_.stop);
    tell("measuring the device's limits");
    result_.limits = measure_limits(backend_, *instruments_);
    picture.set_tokens();
    picture.encoder.run(Rate::picture);
    picture.set_picture(picture.context());
    picture.set_first_step();
    picture.denoiser.run(Rate::picture);
    picture.decoder.set_input("latent", picture.latent(model_.scaling_factor()));
    std::ranges::copy(backend_.notices(), std::back_inserter(result_.notices));
    if (backend_.target().aux_streams > 0)
      result_.notices.emplace_back("operations are timed one after the other, as on one stream");
    const auto nothing = [] {};
    for (const Part& part :
         {Part{"text", picture.encoder, Rate::picture, nothing},
          Part{"hint", picture.denoiser, Rate::picture, nothing},
          Part{"step", picture.denoiser, Rate::step, [&] { picture.set_first_step(); }},
          Part{"vae", picture.decoder, Rate::picture, nothing}})
      if (wanted(part.name)) {
        tell(part.name);
        result_.parts.push_back(measure(part));
      }
    return std::move(result_);
  }

 private:
  bool wanted(const std::string& part) const {
    return options_.parts.empty() ||
           std::find(options_.parts.begin(), options_.parts.end(), part) != options_.parts.end();
  }

  void tell(const std::string& doing) const {
    if (callbacks_.stop && callbacks_.stop()) fail(ErrorKind::cancelled, "cancelled");
    if (callbacks_.progress) callbacks_.progress(doing);
  }

  double seconds_of(const std::function<void()>& work) const {
    const auto begin = instruments_->now();
    work();
    const auto end = instruments_->now();
    return end->seconds_since(*begin);
  }

  /// As one of several: a device that works on its own is still busy when the run is enqueued, so
  /// that the way to it does not count.
  double run_alone(const Part& part) const {
    const auto run = [&] { part.executor.run(part.rate, callbacks_.stop); };
    part.rewind();
    if (!backend_.shares_host_memory()) run();
    const double seconds = seconds_of(run);
    part.executor.wait_for_all_but(0);
    return seconds;
  }

  PartProfile measure(const Part& part) {
    std::vector<double> alone;
    run_alone(part);
    Seen seen;
    if (backend_.shares_host_memory()) {
      seen = on_the_clock(part, alone);
    } else {
      for (int i = 0; i < options_.repeats; ++i) alone.push_back(run_alone(part));
      try {
        seen = traced(part);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::unsupported) throw;
        result_.notices.push_back(
            fmt::format("{}: timed by events outside the graph: {}", part.name, error.what()));
        seen = by_events(part);
      }
    }
    PartProfile profile;
    profile.name = part.name;
    profile.method = seen.method;
    profile.alone_seconds = mean_of_faster_half(alone);
    profile.profiled_seconds = mean_of_faster_half(seen.seconds_of_runs);
    describe(part.executor.plan(), part.rate, profile.operations);
    fill_in(seen, profile);
    return profile;
  }

  /// Kernels of the host: runs with and without clocks take turns, so that what else the machine
  /// does meets both.
  Seen on_the_clock(const Part& part, std::vector<double>& alone) const {
    Seen seen{.method = "wall clock"};
    const auto zero = instruments_->now();
    std::vector<std::unique_ptr<Timestamp>> stamps;
    for (int i = 0; i < options_.repeats; ++i) {
      alone.push_back(run_alone(part));
      part.rewind();
      stamps.clear();
      stamps.reserve(2 * part.executor.plan().section(part.rate).size());
      seen.seconds_of_runs.push_back(seconds_of([&] {
        part.executor.for_each_kernel(part.rate, [&](const PlanOp& step, const auto& run) {
          if (callbacks_.stop && callbacks_.stop()) fail(ErrorKind::cancelled, "cancelled");
          if (is_view(step.op)) return run();  // between two clocks, there would be only clocks
          stamps.push_back(instruments_->now());
          run();
          stamps.push_back(instruments_->now());
        });
      }));
      auto& intervals = seen.runs.emplace_back();
      for (size_t s = 0; s < stamps.size(); s += 2)
        intervals.push_back({stamps[s]->seconds_since(*zero), stamps[s + 1]->seconds_since(*zero)});
    }
    for (const PlanOp& step : part.executor.plan().section(part.rate)) {
      seen.kernels_of.push_back(is_view(step.op) ? 0 : 1);
      if (!is_view(step.op)) seen.names.emplace_back(name(step.op));
    }
    return seen;
  }

  /// Kernels as the driver notes them. Which operation a kernel belongs to shows when operations
  /// are launched one by one; in the graph, which runs them in the same order, the same names must
  /// come back.
  Seen traced(const Part& part) const {
    const auto tracer = instruments_->trace();
    Seen seen;
    part.rewind();
    tracer->take();
    part.executor.for_each_kernel(part.rate, [&](const PlanOp&, const auto& run) {
      run();
      const auto kernels = tracer->take();
      seen.kernels_of.push_back(kernels.size());
      for (const KernelRecord& kernel : kernels) seen.names.push_back(kernel.name);
    });
    if (seen.names.empty()) fail(ErrorKind::unsupported, "CUPTI noted no kernel");
    const auto launch = [&] {
      part.executor.for_each_kernel(part.rate, [](const PlanOp&, const auto& run) { run(); });
    };
    const auto graph = backend_.capture(launch);
    seen.method = graph ? "CUPTI inside a CUDA graph" : "CUPTI, kernel by kernel";
    for (int i = -1; i < options_.repeats; ++i) {
      part.rewind();
      tracer->take();
      const double seconds = seconds_of([&] { graph ? graph->launch() : launch(); });
      const auto kernels = tracer->take();
      if (i < 0) continue;  // the first pays for what the driver prepares
      expect_same_kernels(seen.names, kernels);
      auto& intervals = seen.runs.emplace_back();
      for (const KernelRecord& kernel : kernels) intervals.push_back({kernel.begin, kernel.end});
      seen.seconds_of_runs.push_back(seconds);
    }
    return seen;
  }

  static void expect_same_kernels(const std::vector<std::string>& expected,
                                  const std::vector<KernelRecord>& found) {
    if (found.size() != expected.size())
      fail(ErrorKind::unsupported, "CUPTI noted {} kernels, expected {}", found.size(),
           expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      if (found[i].name != expected[i])
        fail(ErrorKind::unsupported, "kernel {} was {}, expected {}", i, found[i].name,
             expected[i]);
  }

  /// Each operation by itself, many times in a row.
  Seen by_events(const Part& part) const {
    constexpr int in_a_row = 20;
    Seen seen{.method = "events outside the graph"};
    std::vector<Interval> intervals;
    double at = 0;
    part.rewind();
    part.executor.for_each_kernel(part.rate, [&](const PlanOp& step, const auto& run) {
      if (callbacks_.stop && callbacks_.stop()) fail(ErrorKind::cancelled, "cancelled");
      seen.kernels_of.push_back(is_view(step.op) ? 0 : 1);
      if (is_view(step.op)) return;
      seen.names.emplace_back(name(step.op));
      const auto launch = [&] {
        for (int i = 0; i < in_a_row; ++i) run();
      };
      const auto graph = backend_.capture(launch);
      const auto once = [&] {
        return seconds_of([&] { graph ? graph->launch() : launch(); }) / in_a_row;
      };
      once();
      const double seconds = std::min({once(), once(), once()});
      intervals.push_back({at, at + seconds});
      at += seconds;
    });
    seen.runs.push_back(std::move(intervals));
    seen.seconds_of_runs.push_back(at);
    return seen;
  }

  void describe(const Plan& plan, Rate rate, std::vector<OperationProfile>& operations) const {
    std::map<ValueId, std::string> inputs;
    for (const auto& [input, id] : plan.inputs) inputs[id] = input;
    std::map<ValueId, int> made_by;
    for (const PlanOp& step : plan.section(rate)) {
      OperationProfile& operation = operations.emplace_back();
      operation.module = step.module;
      operation.kind = name(step.op);
      operation.attributes = to_string(step.op);
      operation.output = to_string(plan.values[step.output].type);
      std::vector<TensorType> types;
      std::vector<bool> constant;
      for (const ValueId id : step.inputs) {
        const PlanValue& value = plan.values[id];
        types.push_back(value.type);
        constant.push_back(value.place.space == Space::weight);
        OperandProfile& operand = operation.inputs.emplace_back();
        operand.type = to_string(value.type);
        if (const auto made = made_by.find(id); made != made_by.end()) operand.from = made->second;
        operand.name = constant.back()       ? weight_name(plan, id)
                       : inputs.contains(id) ? inputs[id]
                                             : fmt::format("%{}", id);
      }
      const Cost cost = cost_of(step.op, types, constant, plan.values[step.output].type);
      operation.flops = cost.flops;
      operation.bytes = cost.bytes;
      const double compute = cost.flops / result_.limits.flops_per_second;
      const double memory = cost.bytes / result_.limits.bytes_per_second;
      operation.limit_seconds = std::max(compute, memory);
      operation.bound_by_memory = memory > compute;
      made_by[step.output] = static_cast<int>(operations.size()) - 1;
    }
  }

  static void fill_in(const Seen& seen, PartProfile& profile) {
    const std::vector<Interval> kernels = typical(seen.runs);
    const Occupancy all = occupancy(kernels);
    profile.sum = all.sum;
    profile.busy = all.busy;
    profile.gaps = all.gaps;
    profile.overlap = all.overlap;
    DRYPOINT_EXPECT(seen.kernels_of.size() == profile.operations.size(), "{} operations and {}",
                    seen.kernels_of.size(), profile.operations.size());
    double ended = 0;
    size_t k = 0;
    for (size_t o = 0; o < profile.operations.size(); ++o) {
      OperationProfile& operation = profile.operations[o];
      operation.begin = ended;
      double last = 0;
      for (size_t i = 0; i < seen.kernels_of[o]; ++i, ++k) {
        const auto [begin, end] = kernels[k];
        if (i == 0) operation.begin = begin;
        last = std::max(last, end);
        operation.span = last - operation.begin;
        operation.gap += std::max(0.0, begin - ended);
        operation.seconds += std::max(0.0, end - std::max(ended, begin));
        ended = std::max(ended, end);
        operation.kernels.push_back({seen.names[k], begin, end - begin});
      }
    }
  }

  const ProfileOptions& options_;
  const ProfileCallbacks& callbacks_;
  Pipeline pipeline_;
  Stages& model_;
  const Backend& backend_;
  std::unique_ptr<Instruments> instruments_;
  ProfileResult result_;
};

void check(const ProfileOptions& options) {
  check_size(options.size, "size");
  if (options.repeats < 1 || options.repeats > 20)
    fail(ErrorKind::bad_argument, "repeats: {}, expected 1 to 20", options.repeats);
  for (const std::string& part : options.parts)
    if (std::find(all_parts.begin(), all_parts.end(), part) == all_parts.end())
      fail(ErrorKind::bad_argument, "parts: \"{}\", expected {}", part, fmt::join(all_parts, ", "));
}

}  // namespace

ProfileResult profile(const ProfileOptions& options, const ProfileCallbacks& callbacks) {
  return at_border("profiling", callbacks, [&](const auto& own) {
    check(options);
    return Profiler(options, own).run();
  });
}

}  // namespace drypoint
