#include "diffusion/model/open_device.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "drypoint/fields.h"
#include "tensor/precision.h"

namespace drypoint {
namespace {

/// The number in "cuda:1"; "cuda" and "auto" are the first.
int number_of(std::string_view device) {
  int number = 0;
  if (const size_t colon = device.find(':'); colon != device.npos)
    std::from_chars(device.data() + colon + 1, device.data() + device.size(), number);
  return number;
}

std::unique_ptr<Backend> make_gpu_backend(const DeviceOptions& options) {
  return make_cuda_backend({.device = number_of(options.device),
                            .precision = dtype_of(options.precision),
                            .tf32 = options.precision == Precision::tf32,
                            .graphs = options.graphs,
                            .aux_streams = options.aux_streams,
                            .level = options.level,
                            .tuning_cache = options.tuning_cache.string()});
}

std::unique_ptr<Backend> make_host_backend(const DeviceOptions& options) {
  const bool reference = options.device == "reference";
  const DType precision = dtype_of(options.precision, DType::f32);
  const bool rounds = precision == DType::bf16 && !reference;
  if (options.precision == Precision::tf32 || (precision != DType::f32 && !rounds))
    fail(ErrorKind::unsupported, "precision: \"{}\" on device {}, expected fp32, {}fp8 or int8",
         options.precision.name(), options.device, reference ? "" : "bf16, ");
  if (reference) return make_reference_backend();
  return make_cpu_backend(options.threads, precision);
}

std::unique_ptr<Backend> make_backend(const DeviceOptions& options) {
  for (const auto& field : pipeline_fields()) field.check(options);
  if (options.device.starts_with("cuda")) return make_gpu_backend(options);
  if (options.device == "cpu" || options.device == "reference") return make_host_backend(options);
  try {
    return make_gpu_backend(options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    return make_host_backend(options);
  }
}

}  // namespace

OpenDevice::OpenDevice(const DeviceOptions& options)
    : precision_(options.precision),
      backend_(make_backend(options)),
      budget_(options.max_memory == 0 ? MemoryBudget::unlimited
                                      : static_cast<size_t>(options.max_memory) << 20) {
  const std::vector<DType> there = backend_->target().eight_bits;
  if (eight_bits() && std::ranges::find(there, *eight_bits()) == there.end())
    fail(ErrorKind::unsupported, "precision: \"{}\": device {} has no kernels for it ({})",
         precision_.name(), backend_->name(), backend_->identity().hardware);
}

PlanDevice OpenDevice::identity() const {
  PlanDevice identity = backend_->identity();
  if (eight_bits()) identity.precision = precision_;
  return identity;
}

SharedLock::Hold OpenDevice::turn(const SharedLock::Stop& stop) {
  return backend_->shares_host_memory() ? SharedLock::Hold() : turn_.alone(stop);
}

void OpenDevice::use_choices(const PlanFile* plan) {
  const std::string choices = plan ? plan->choices() : "";
  if (choices == choices_) return;
  backend_->take_choices(choices, plan ? plan->name() : "");
  choices_ = choices;
}

Device::Device(const DeviceOptions& options)
    : open_(at_border(options.device, [&] { return std::make_shared<OpenDevice>(options); })) {}
std::string Device::name() const { return open_->backend().name(); }
int Device::threads() const { return open_->backend().threads(); }
size_t Device::available_memory() const {
  return at_border("device", [&] { return open_->budget().available(open_->backend()); });
}

}  // namespace drypoint
