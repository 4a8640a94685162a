// Plans as files: a model made ready, and what its weights became.
#include <fmt/format.h>

#include "base/error.h"
#include "base/stopwatch.h"
#include "checkpoint/plan_file.h"
#include "checkpoint/safetensors.h"
#include "diffusion/denoiser_inputs.h"
#include "diffusion/model/stages.h"
#include "diffusion/request/request.h"
#include "diffusion/request/sampling.h"
#include "drypoint/plan.h"
#include "drypoint/version.h"
#include "models/complete.h"
#include "models/control_lora.h"

namespace drypoint {
namespace {

namespace fs = std::filesystem;

void refuse_to_overwrite(const ModelFiles& files, const fs::path& tuning_cache,
                         const fs::path& output) {
  std::error_code ignored;
  const auto whole = [&](const fs::path& path) { return fs::weakly_canonical(path, ignored); };
  std::vector reads{std::optional(files.model),
                    files.control,
                    files.vae,
                    files.text_encoder,
                    files.embeddings,
                    files.loras,
                    files.upscaler,
                    files.annotators,
                    files.calibration,
                    std::optional(tuning_cache)};
  for (const NamedControl& control : files.controls) reads.emplace_back(control.file);
  for (const auto& read : reads) {
    if (!read || read->empty()) continue;
    // The file itself, or a folder above it.
    for (fs::path place = whole(output); place.has_relative_path(); place = place.parent_path())
      if (place == whole(*read) && (place == whole(output) || fs::is_directory(place, ignored)))
        fail(ErrorKind::bad_argument, "output: {}: is in {}, which the plan is built from",
             output.string(), read->string());
  }
}

std::vector<ImageSize> sizes_for(const BuildOptions& options, const Request& defaults) {
  if (!options.sizes.empty()) return options.sizes;
  const ImageSize square = control_size({64, 64}, defaults.resolution);
  return {square};
}

/// What a picture's steps may have: the first ControlNet, none, each other, all.
std::vector<std::vector<ControlShape>> control_sets(size_t nets) {
  std::vector<std::vector<ControlShape>> sets{{}};
  std::vector<ControlShape> all;
  for (size_t net = 0; net < nets; ++net) {
    sets.push_back({{.net = net}});
    all.push_back({.net = net});
  }
  if (nets > 1) sets.push_back(all);
  std::ranges::reverse(sets);
  return sets;
}

void prepare(Stages& model, const std::vector<ImageSize>& sizes, const Request& request,
             const BuildCallbacks& callbacks) {
  const bool encodes = model.config().vae.has_encoder;
  const int all = static_cast<int>(1 + (encodes ? 3 : 2) * sizes.size());
  int done = 0;
  const auto report = [&](const std::string& what) {
    if (callbacks.progress) callbacks.progress({what, done++, all});
  };
  report("text encoder");
  model.begin();
  model.text_encoder({}, callbacks.stop);
  const SamplerTable table = sampler_table(request, model.noise_schedule(), model.prediction());
  for (const ImageSize size : sizes) {
    const auto shape = denoiser_shape(model, request, size, table);
    const std::string of_size = fmt::format("{}x{}", size.height, size.width);
    report("denoiser " + of_size);
    for (const auto& controls : control_sets(model.config().controls.size())) {
      // Those made before make room where memory is short: weights stay.
      model.begin();
      DenoiserShape of_set = shape;
      of_set.controls = controls;
      model.denoiser(of_set, callbacks.stop);
    }
    report("decoder " + of_size);
    model.vae_decoder(shape.height, shape.width, callbacks.stop);
    if (!encodes) continue;
    report("encoder " + of_size);
    model.vae_encoder(shape.height, shape.width, callbacks.stop);
  }
}

PlanInfo write(const Stages& model, const fs::path& output, const PlanInfo& info, bool keep_tensors,
               const BuildCallbacks& callbacks) {
  const Backend& backend = model.backend();
  PlanContents contents{.info = info, .checkpoint = model.checkpoint()};
  contents.keep_tensors = keep_tensors || (info.any_size && backend.packing_depends_on_size());
  for (TensorSpec& spec : tensors_of(model.config()))
    contents.tensors.push_back(std::move(spec.name));
  for (const auto& [name, _] : model.checkpoint().tensors.tensors)
    if (name.starts_with("control_model") && is_factor(model.checkpoint().tensors, name))
      contents.tensors.push_back(name);
  if (const auto& quantization = model.model()->quantization())
    for (const std::string& module : quantization->smoothed)
      for (const std::string_view factors : {input_factors, weight_factors})
        contents.tensors.push_back(module + std::string(factors));
  if (model.checkpoint().tensors.has("alphas_cumprod"))
    contents.tensors.emplace_back("alphas_cumprod");
  contents.choices = backend.choices();
  if (const auto& folder = model.checkpoint().tokenizer) {
    contents.tokenizer = Tokenizer::read_texts(*folder);
    contents.info.has_tokenizer = true;
  }
  const auto held = model.store().all();
  for (const auto& weight : held) contents.packed.push_back({weight.key, weight.bytes});
  std::vector<std::byte> copy;
  contents.bytes_of = [&](size_t i) -> std::span<const std::byte> {
    if (backend.shares_host_memory()) return {held[i].memory.get(), held[i].bytes};
    copy.resize(held[i].bytes);
    backend.download(copy, held[i].memory.get());
    return copy;
  };
  int last = -1;
  return write_plan(output, contents, [&](double share) {
    if (callbacks.stop && callbacks.stop()) fail(ErrorKind::cancelled, "cancelled");
    const int percent = static_cast<int>(100 * share);
    if (callbacks.progress && percent != std::exchange(last, percent))
      callbacks.progress({"writing", percent, 100});
  });
}

BuiltPlan build(const ModelFiles& files, const fs::path& output, const BuildOptions& options,
                const BuildCallbacks& callbacks) {
  if (files.plan)
    fail(ErrorKind::bad_argument, "plan: {}: expected a checkpoint to build from",
         files.plan->string());
  check_samples(options.samples);
  for (const ImageSize size : options.sizes) check_size(size, "sizes");
  refuse_to_overwrite(files, options.pipeline.tuning_cache, output);
  if (options.pipeline.max_memory != 0)
    fail(ErrorKind::bad_argument, "max_memory: {}, but a plan holds all weights; expected 0",
         options.pipeline.max_memory);
  BuiltPlan built;
  Stopwatch watch;
  const auto finish = [&](const char* what) { built.seconds.emplace_back(what, watch.lap()); };

  Stages model(files, options.pipeline);
  Request request = defaults_from(model.checkpoint().tensors.metadata, model.name());
  request.samples = options.samples;
  const auto sizes = sizes_for(options, request);
  finish("open");
  prepare(model, sizes, request, callbacks);
  finish("prepare");

  PlanInfo info;
  info.producer = version();
  info.model = model.description().model;
  info.control = model.description().control;
  info.controls = model.description().controls;
  info.model_hash = model.model()->hash().get();
  info.control_hashes = model.description().control_hashes;
  info.device = model.model()->device().identity();
  info.sizes = sizes;
  info.samples = options.samples;
  info.any_size = options.any_size || !model.backend().packing_depends_on_size();
  write(model, output, info, options.keep_tensors, callbacks);
  built.info = PlanFile(output).info();
  finish("write");
  return built;
}

}  // namespace

BuiltPlan build_plan(const ModelFiles& files, const fs::path& output, const BuildOptions& options,
                     const BuildCallbacks& callbacks) {
  return at_border("building a plan", callbacks,
                   [&](const auto& own) { return build(files, output, options, own); });
}

bool is_plan(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;
  try {
    const MappedFile file(path);
    return looks_like_plan(file.bytes());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_file) throw;
    return false;
  }
}

PlanInfo inspect_plan(const fs::path& path, bool verify) {
  return at_border(path.string(), [&] {
    const PlanFile file(path);
    if (verify) file.check_all();
    return file.info();
  });
}

}  // namespace drypoint
