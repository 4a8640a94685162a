#include "diffusion/model/model.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/matrices.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "checkpoint/prediction.h"
#include "compile/compile.h"
#include "diffusion/model/calibration.h"
#include "diffusion/model/file_hash.h"
#include "diffusion/model/opening.h"
#include "diffusion/request/request.h"
#include "models/complete.h"
#include "models/control_lora.h"
#include "models/detect.h"

namespace drypoint {

LoadedModel::LoadedModel(const ModelFiles& files, const DeviceOptions& options,
                         std::shared_ptr<OpenDevice> device)
    : name_(main_file(files).string()),
      file_(open_plan(files)),
      checkpoint_(checkpoint_for(files, file_.get())),
      device_(device_for(file_.get(), options, std::move(device))),
      store_(std::make_unique<WeightStore>(checkpoint_.tensors, device_->backend(), file_.get(),
                                           device_->budget())),
      tokenizer_(tokenizer_for(checkpoint_, file_.get(), name_)),
      noise_schedule_(noise_schedule_of(checkpoint_, name_)),
      hash_(file_ ? std::filesystem::path() : files.model,
            file_ ? file_->info().model_hash : std::string()) {
  config_ = detect(checkpoint_.tensors);
  choose_prediction(files.prediction);
  choose_quantization(files);
  check_proportions(checkpoint_, config_);
  if (tokenizer_.vocabulary_size() > config_.text.vocabulary)
    fail(ErrorKind::bad_file, "{}: the tokenizer has {} pieces, the text encoder {}", name_,
         tokenizer_.vocabulary_size(), config_.text.vocabulary);
  if (files.embeddings) embeddings_ = Embeddings(*files.embeddings, tokenizer_, config_.text.width);
  adapters_ = std::make_unique<AdapterLibrary>(files.loras, config_, name_);
  annotators_ = std::make_unique<AnnotatorLibrary>(files.annotators, device_);
  if (files.upscaler) upscaler_ = std::make_unique<UpscalerNetwork>(*files.upscaler, device_);
  defaults_ = defaults_from(checkpoint_.tensors.metadata, name_);
  description_ = describe(files, file_.get(), checkpoint_, backend());
  set_own_layers();
  if (!file_) return;
  // The only one of a plan may go by another name.
  const std::vector<NamedControl> controls = named_controls(files);
  const bool is_only = checkpoint_.controlnets.size() == 1 && controls.size() == 1;
  for (const auto& [name, path] : controls) set_control(path, is_only ? "" : name);
  if (is_only) description_.controls[0].name = checkpoint_.controlnets[0].name = controls[0].name;
}

/// The number of the ControlNet of this name, or of the first.
size_t LoadedModel::controlnet_named(const std::string& wanted) const {
  const auto& nets = checkpoint_.controlnets;
  std::string all;
  for (size_t i = 0; i < nets.size(); ++i) {
    if (wanted.empty() || nets[i].name == wanted) return i;
    all += (i > 0 ? ", " : "") + nets[i].name;
  }
  fail(ErrorKind::bad_argument, "control: {}: the model has {}, expected one to be replaced",
       wanted.empty() ? "any" : wanted,
       nets.empty() ? std::string("no ControlNet") : "the ControlNets " + all);
}

void LoadedModel::choose_prediction(Prediction asked) {
  if (asked != Prediction::automatic) {
    config_.prediction = asked;
  } else if (config_.prediction == Prediction::automatic) {
    config_.prediction = guessed_prediction(checkpoint_.tensors, config_.unet);
    if (config_.unet.linear_projections)
      notices_.push_back(fmt::format(
          "model: {}: nothing says what its UNet predicts; by its weights it is taken for {} "
          "(prediction: epsilon or v)",
          checkpoint_.sources.at(Part::unet), drypoint::name(config_.prediction)));
  }
  if (config_.zero_terminal_snr) noise_schedule_ = noise_schedule_.with_zero_terminal_snr();
  // A plan keeps the metadata.
  write_prediction(checkpoint_.tensors.metadata, {config_.prediction, config_.zero_terminal_snr});
}

void LoadedModel::choose_quantization(const ModelFiles& files) {
  const auto eight_bits = device_->eight_bits();
  if (!eight_bits) {
    if (files.calibration || !files.keep.empty())
      fail(ErrorKind::bad_argument, "{}: {}, but the precision is neither fp8 nor int8",
           files.calibration ? "calibration" : "keep",
           files.calibration ? files.calibration->string() : files.keep[0]);
    return;
  }
  Metadata& metadata = checkpoint_.tensors.metadata;
  quantization_ = files.calibration ? read_calibration(*files.calibration, *eight_bits)
                                    : quantization_in(checkpoint_.tensors, *eight_bits, name_);
  keep_modules(*quantization_, files.keep, checkpoint_.tensors);
  add_factors(checkpoint_.tensors, *quantization_, files.calibration);
  if (quantization_->ranges.empty())
    notices_.push_back(*eight_bits == DType::f8
                           ? "precision: fp8 without calibration: values are cut at 448"
                           : "precision: int8 without calibration: rows are measured as they come, "
                             "and convolutions stay as they are");
  write_quantization(metadata, *quantization_);  // which a plan keeps
}

ModelDescription LoadedModel::description() const {
  const std::lock_guard lock(telling_);
  return description_;
}

void LoadedModel::set_control(const std::filesystem::path& path, const std::string& wanted,
                              const std::function<void()>& then) {
  const auto alone = in_use_.alone();
  const auto turn = device_->turn({});
  const size_t number = controlnet_named(wanted);
  Checkpoint next = checkpoint_;
  replace_control(next, number, path);
  const ControlConfig control = detect(next.tensors).controls.at(number);
  // All that can be wrong with the file shows before anything changes.
  const std::vector<TensorSpec> fresh = tensors_of(control, number);
  parallel_for(fresh.size(), usable_cores(), [&](size_t i) {
    try {
      check_finite(fresh[i].name, next.tensors.at(fresh[i].name));
    } catch (const Error& error) {
      fail(error.kind(), "{}: {}", path.string(), error.what());
    }
  });
  const auto making = device_->making.alone();
  checkpoint_ = std::move(next);
  read_since_check_ = true;
  {
    const std::lock_guard lock(telling_);
    description_.controls[number].file = file_name(path);
    if (number == 0) description_.control = file_name(path);
    description_.control_hashes[number] = short_file_hash(path);
  }
  std::vector<std::string> names;
  for (const TensorSpec& spec : fresh) names.push_back(spec.name);
  store_->sources().replaced(names);
  set_own_layers();
  config_.controls[number] = control;
  ++version_;
  if (then) then();
}

/// Of Control-LoRAs: products that are added to the UNet's weights.
void LoadedModel::set_own_layers() {
  WeightSources::Layers layers;
  for (ControlLoraProduct& product : control_lora_products(checkpoint_.tensors))
    layers[product.weight].push_back(
        {.begin = [up = std::move(product.up), down = std::move(product.down)](const WeightRows&) {
          return add_product(as_matrix(up), as_matrix(down));
        }});
  store_->sources().set_own_layers(std::move(layers));
}

size_t LoadedModel::weight_bytes() const {
  return store_->bytes() + (file_ ? file_->packed_bytes().size() : 0);
}

LoadedModel::Use LoadedModel::use(const StopRequested& stop) {
  auto sharing = in_use_.shared(stop);
  return {std::move(sharing), device_->turn(stop)};
}

LoadedModel::Use LoadedModel::use(const StopRequested& stop, const AdapterSet& adapters) {
  auto hold = in_use_.shared(stop);
  if (put_on_ != adapters) {
    hold.release();
    hold = in_use_.alone(stop);
    if (put_on_ != adapters) put_on(adapters);
    hold.share();
  }
  return {std::move(hold), device_->turn(stop)};
}

/// Weights are made anew when executors next ask for them.
void LoadedModel::put_on(const AdapterSet& adapters) {
  for (const ActiveAdapter& one : adapters) {
    check_holds(*one.fitted);
    one.fitted->adapter->check_finite();
  }
  const auto making = device_->making.alone();
  store_->sources().set_layers(layers_of(adapters));
  put_on_ = adapters;
  read_since_check_ = true;
  ++version_;
}

/// A plan may have left out the tensors that weights with an adapter would be made of.
void LoadedModel::check_holds(const FittedAdapter& adapter) const {
  if (!file_) return;
  for (const FittedChange& change : adapter.changes) {
    const std::string prefix(prefix_of(change.part));
    const auto& tensors = checkpoint_.tensors.tensors;
    for (auto it = tensors.lower_bound(prefix);
         it != tensors.end() && it->first.starts_with(prefix); ++it)
      if (!it->second.defined())
        fail(ErrorKind::unsupported,
             "{}: does not hold the {}'s own tensors, such as {}, which {} changes: build it with "
             "them (keep_tensors)",
             file_->name(), name_of(change.part), it->first, adapter.adapter->name);
  }
}

void LoadedModel::check_files() {
  // A plan's weights are used where they are mapped, if the device shares the host's memory; all
  // else is read while executors are made.
  if (!read_since_check_ && !(file_ && backend().shares_host_memory())) return;
  const bool was_read = read_since_check_.exchange(false);
  try {
    checkpoint_.tensors.check_files_unchanged();
    if (file_) file_->checkpoint().tensors.check_files_unchanged();
    for (const ActiveAdapter& one : put_on_) one.fitted->adapter->tensors.check_files_unchanged();
  } catch (...) {
    read_since_check_ = was_read;
    throw;
  }
}

std::unique_ptr<Executor> LoadedModel::executor(Graph graph, const StopRequested& stop,
                                                Watched watched) {
  Plan plan = compile(std::move(graph), backend().target(), {},
                      {quantization_ ? &*quantization_ : nullptr, watched});
  const auto making = device_->making.alone(stop);
  device_->use_choices(file_.get());
  return std::make_unique<Executor>(std::move(plan), backend(), stop);
}

void LoadedModel::bind(Executor& executor, const StopRequested& stop) {
  if (executor.is_bound()) return;
  const auto making = device_->making.alone(stop);
  read_since_check_ = true;
  try {
    executor.bind(*store_, stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::out_of_memory || !store_->budget().is_limited()) throw;
    if (!store_->release_unused()) throw;
    executor.bind(*store_, stop);
  }
  release_free_memory();  // graphs, and weights before they were packed
}

Model::Model(const ModelFiles& files, const Device& device)
    : loaded_(at_border(main_file(files).string(), [&] {
        return std::make_shared<LoadedModel>(files, DeviceOptions(), device.open_);
      })) {}
Model::Model(const ModelFiles& files, const DeviceOptions& options)
    : loaded_(at_border(main_file(files).string(),
                        [&] { return std::make_shared<LoadedModel>(files, options); })) {}
ModelDescription Model::description() const { return loaded_->description(); }
std::string Model::hash() const {
  return at_border("hashing the model", [&] { return loaded_->hash().get(); });
}
Device Model::device() const { return Device(loaded_->shared_device()); }
Request Model::defaults() const { return loaded_->defaults(); }
size_t Model::weight_bytes() const { return loaded_->weight_bytes(); }
bool Model::can_preprocess(const Preprocessor& preprocessor) const {
  return loaded_->annotators().has_weights(preprocessor);
}
Image Model::preprocess(const Preprocessor& preprocessor, const Image& image,
                        const PreprocessOptions& options, const std::function<bool()>& stop) const {
  return at_border("preprocessing", [&] {
    return loaded_->annotators().hint(preprocessor, {}, image, options, stop);
  });
}
void Model::set_control(const std::filesystem::path& path, const std::string& name) {
  at_border(path.string(), [&] { loaded_->set_control(path, name); });
}

}  // namespace drypoint
