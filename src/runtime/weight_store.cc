#include "runtime/weight_store.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "base/utf8.h"
#include "runtime/weight_recipe.h"

namespace drypoint {
WeightStore::WeightStore(const NamedTensors& checkpoint, const Backend& backend,
                         const PlanFile* file, MemoryBudget budget)
    : sources_(checkpoint),
      backend_(backend),
      file_(file),
      budget_(std::move(budget)),
      reference_(make_reference_backend()),
      cpu_(make_cpu_backend(1)) {
  if (!file || file->packed().empty()) return;
  const Incoming incoming =
      backend.load(file->packed_bytes(), file->keeper(), [file](auto part) { file->check(part); });
  arrived_ = incoming.arrived;
  for (const PackedWeight& weight : file->packed())
    packed_[weight.key] = {.memory = {incoming.memory, incoming.memory.get() + weight.offset},
                           .bytes = weight.bytes,
                           .number = static_cast<int64_t>(weight.offset),
                           .read_only = backend.shares_host_memory()};
  first_made_ = made_ = static_cast<int64_t>(file->packed_bytes().size());
}

WeightStore::Share WeightStore::share(const Plan& plan, ValueId id, const std::string& format,
                                      size_t bytes) {
  WeightRecipe recipe = recipe_of(plan, id);
  return {format + " " + to_string(recipe), id, bytes, std::move(recipe.sources)};
}

std::vector<WeightStore::Share> WeightStore::shares(const Plan& plan, ValueId id,
                                                    const std::optional<Packing>& packing) const {
  const PlanValue& value = plan.values[id];
  const std::string format = packing ? packing->format : "f32";
  const size_t bytes = packing ? packing->bytes : value.type.bytes();
  const auto whole = [&] { return std::vector{share(plan, id, format, bytes)}; };
  const PlanOp* step = value.load_step < 0 ? nullptr : &plan.load[value.load_step];
  const auto* concat = step ? std::get_if<Concat>(&step->op) : nullptr;
  if (!concat || (concat->axis != 0 && value.type.shape.size() != 1)) return whole();
  const size_t count = step->inputs.size();
  if (packing && static_cast<size_t>(packing->shares) != count) return whole();
  std::vector<Share> result;
  for (const ValueId input : step->inputs) {
    const TensorType& type = plan.values[input].type;
    if (packing && type != plan.values[step->inputs[0]].type) return whole();
    const size_t part = packing ? bytes / count : type.bytes();
    if (part % 64 != 0) return whole();  // the next would not be aligned
    result.push_back(share(plan, input, format, part));
  }
  return result;
}

/// The memory of these weights if they are there, up to date or to be made again in their place,
/// and one after the other.
DeviceMemory WeightStore::lookup(const std::vector<Share>& shares) const {
  DeviceMemory first;
  const std::byte* next = nullptr;
  for (const Share& share : shares) {
    const auto found = packed_.find(share.key);
    if (found == packed_.end()) return nullptr;
    const Entry& entry = found->second;
    // Blocks of different owners may be neighbours by chance.
    const bool same_owner = !entry.memory.owner_before(first) && !first.owner_before(entry.memory);
    if (next && (entry.memory.get() != next || !same_owner)) return nullptr;
    if (entry.read_only && !is_current(entry, share.sources)) return nullptr;
    // What a plan file holds is as long as the next 64 bytes allow.
    DRYPOINT_EXPECT(file_ || entry.bytes == share.bytes, "{}: {} bytes, expected {}", share.key,
                    entry.bytes, share.bytes);
    if ((entry.bytes + 63) / 64 != (share.bytes + 63) / 64)
      fail(ErrorKind::bad_file, "{}: the plan's weight \"{}\" has {} bytes, expected {}",
           file_->name(), printable(share.key), entry.bytes, share.bytes);
    if (!next) first = entry.memory;
    next = entry.memory.get() + share.bytes;
  }
  return first;
}

bool WeightStore::holds(const Plan& plan, ValueId id, const std::optional<Packing>& packing) const {
  return lookup(shares(plan, id, packing)) != nullptr;
}

DeviceMemory WeightStore::get(const Plan& plan, ValueId id, const std::optional<Packing>& packing) {
  const Wanted wanted{id, packing};
  return get(plan, std::span(&wanted, 1)).front();
}

void WeightStore::wait_for_arrival(const StopRequested& stop) {
  if (!arrived_.valid()) return;
  while (arrived_.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready)
    if (stop && stop()) fail(ErrorKind::cancelled, "cancelled");
  arrived_.get();
}

/// As many as have room for what packing a weight takes on the host: float32 copies, and what they
/// become.
int WeightStore::packing_threads(const std::vector<Job>& jobs) const {
  size_t largest = 1;
  for (const Job& job : jobs) largest = std::max(largest, job.share.bytes);
  const size_t room = available_host_memory() / (6 * largest);
  const int most = backend_.shares_host_memory() ? backend_.threads() : usable_cores();
  return static_cast<int>(std::clamp<size_t>(room, 1, static_cast<size_t>(std::min(most, 16))));
}

std::vector<DeviceMemory> WeightStore::get(const Plan& plan, std::span<const Wanted> wanted,
                                           const StopRequested& stop) {
  wait_for_arrival(stop);
  std::vector<DeviceMemory> result;
  std::vector<Job> jobs;
  std::map<std::vector<std::string>, DeviceMemory> fresh;  // what these jobs make, by its shares
  std::set<std::string> again;                             // and what they make in its place
  for (const Wanted& one : wanted) {
    const auto parts = shares(plan, one.id, one.packing);
    DeviceMemory memory = lookup(parts);
    const bool in_place = memory != nullptr;
    if (!in_place) {
      std::vector<std::string> keys;
      size_t bytes = 0;
      for (const Share& share : parts) keys.push_back(share.key), bytes += share.bytes;
      DeviceMemory& made = fresh[keys];
      if (made) {
        result.push_back(made);
        continue;
      }
      memory = made = budget_.allocate(backend_, bytes);
      bytes_ += bytes;
    }
    std::byte* place = memory.get();
    for (const Share& share : parts) {
      const auto known = packed_.find(share.key);
      const bool usable = known != packed_.end() && is_current(known->second, share.sources);
      if (known != packed_.end()) known->second.sources = share.sources;
      if (in_place ? !usable && again.insert(share.key).second : true)
        jobs.push_back({share,
                        {memory, place},
                        one.packing ? &*one.packing : nullptr,
                        usable ? known->second.memory : nullptr,
                        in_place,
                        copy_of(share)});
      place += share.bytes;
    }
    result.push_back(std::move(memory));
  }

  const bool keeps = keeps_copies(jobs);
  std::vector<char> begun(jobs.size()), done(jobs.size());
  const auto note_done = [&] {
    for (size_t i = 0; i < jobs.size(); ++i) {
      const Job& job = jobs[i];
      if (!done[i]) {
        if (begun[i] && job.in_place) packed_[job.share.key].is_whole = false;
        continue;
      }
      Entry& entry = packed_[job.share.key];
      if (!job.in_place)
        entry = {.memory = job.target, .bytes = job.share.bytes, .number = made_++};
      entry.sources = job.share.sources;
      entry.versions = sources_.versions(job.share.sources);
      entry.is_whole = true;
      if (keeps && job.on_host) copies_[job.share.key] = {job.on_host, entry.versions};
    }
  };
  // The longest first, so that none begins when all others are through.
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < jobs.size(); ++i)
    order.push_back({jobs[i].same || jobs[i].on_host ? 0 : work_for(plan, jobs[i].share.id), i});
  std::ranges::stable_sort(order, std::ranges::greater(), &std::pair<double, size_t>::first);
  const KeepBlocks keep;
  try {
    parallel_for(
        jobs.size(), packing_threads(jobs),
        [&](size_t i) {
          const size_t job = order[i].second;
          begun[job] = 1;
          make(plan, jobs[job], keeps);
          if (!keeps) jobs[job].on_host = nullptr;
          done[job] = 1;
        },
        stop);
  } catch (...) {
    note_done();
    throw;
  }
  note_done();
  return result;
}

/// What evaluating and packing a weight takes, roughly: elements, and products of 32 at once.
double WeightStore::work_for(const Plan& plan, ValueId id) {
  const PlanValue& value = plan.values[id];
  auto work = static_cast<double>(value.type.elements());
  if (value.load_step < 0) return work;
  const PlanOp& step = plan.load[value.load_step];
  if (std::holds_alternative<Linear>(step.op))
    work *= static_cast<double>(plan.values[step.inputs[1]].type.shape.back()) / 32;
  for (const ValueId input : step.inputs) work += work_for(plan, input);
  return work;
}

/// Null where there is none, or an outdated one.
DeviceMemory WeightStore::copy_of(const Share& share) const {
  const auto found = copies_.find(share.key);
  const bool is_current =
      found != copies_.end() && found->second.versions == sources_.versions(share.sources);
  return is_current ? found->second.memory : nullptr;
}

/// Whether what these are packed to is to stay on the host as well.
bool WeightStore::keeps_copies(const std::vector<Job>& jobs) const {
  if (backend_.shares_host_memory() || !budget_.is_limited()) return false;
  size_t bytes = 0;
  for (const Job& job : jobs) bytes += job.on_host ? 0 : job.share.bytes;
  return bytes < available_host_memory() / 2;
}

/// Brings a weight into its memory. `keeps` what it is packed to, too.
void WeightStore::make(const Plan& plan, Job& job, bool keeps) const {
  const size_t size = job.share.bytes;
  if (job.same) {
    std::vector<std::byte> bytes(size);
    backend_.download(bytes, job.same.get());
    return backend_.upload(job.target.get(), bytes);
  }
  if (!job.on_host) {
    const WeightRows weight = evaluate(plan, job.share.id);
    const bool in_target = backend_.shares_host_memory();
    if (!in_target)
      job.on_host = keeps ? backend_.allocate_pinned(size) : reference_->allocate(size);
    std::byte* const packed = in_target ? job.target.get() : job.on_host.get();
    if (job.packing)
      job.packing->pack(weight, packed);
    else
      weight.read_into(0, {reinterpret_cast<float*>(packed), size / sizeof(float)});
    release(plan, job.share.id);
    if (in_target) return;
  }
  const std::span<const std::byte> packed(job.on_host.get(), size);
  if (keeps)
    backend_.upload_pinned(job.target.get(), packed);
  else
    backend_.upload(job.target.get(), packed);
}

bool WeightStore::release_unused() {
  // Several entries may share a block.
  std::map<DeviceMemory, long, std::owner_less<>> entries;
  for (const auto& [_, entry] : packed_) ++entries[entry.memory];
  const size_t released = std::erase_if(packed_, [&](const auto& named) {
    const Entry& entry = named.second;
    const auto block = entries.find(entry.memory);
    // Beside those entries, this list has it once.
    if (entry.number < first_made_ || block->first.use_count() > block->second + 1) return false;
    bytes_ -= entry.bytes;
    --block->second;
    return true;
  });
  if (released > 0) backend_.trim();
  return released > 0;
}

std::vector<WeightStore::Held> WeightStore::all() const {
  std::vector<std::pair<int64_t, Held>> numbered;
  for (const auto& [key, entry] : packed_)
    if (is_current(entry, entry.sources))
      numbered.push_back({entry.number, {key, entry.bytes, entry.memory}});
  std::ranges::sort(numbered, {}, [](const auto& one) { return one.first; });
  std::vector<Held> result;
  for (auto& [_, held] : numbered) result.push_back(std::move(held));
  return result;
}

WeightRows WeightStore::evaluate(const Plan& plan, ValueId id) const {
  const PlanValue& value = plan.values[id];
  if (value.load_step < 0) {
    const Tensor& weight = sources_.checkpoint().at(value.weight);
    if (file_ && !weight.defined())
      fail(ErrorKind::unsupported,
           "{}: holds weight {} in no form that this size and these settings can use: build it for "
           "them too",
           file_->name(), value.weight);
    if (file_ && file_->holds(weight)) file_->check(weight.bytes());
    return sources_.rows(value.weight, value.type.shape);
  }
  const PlanOp& step = plan.load[value.load_step];
  if (std::holds_alternative<Reshape>(step.op))
    return evaluate(plan, step.inputs[0]).reshaped(value.type.shape);
  if (const auto* concat = std::get_if<Concat>(&step.op); concat && concat->axis == 0) {
    std::vector<WeightRows> parts;
    for (const ValueId input : step.inputs) parts.push_back(evaluate(plan, input));
    return joined(value.type.shape, std::move(parts));
  }
  std::vector<Tensor> inputs;
  std::vector<const void*> pointers;
  const TensorType type{DType::f32, value.type.shape};
  KernelRequest request{step.op, {}, type, {}, step.module};
  for (ValueId input : step.inputs) {
    inputs.push_back(evaluate(plan, input).whole());
    pointers.push_back(inputs.back().bytes().data());
    request.inputs.push_back(inputs.back().type());
  }
  // (A weight that is not constant is taken as it lies, not packed first.)
  const bool is_product = std::holds_alternative<Linear>(step.op);
  request.constant.assign(inputs.size(), !is_product);
  Tensor result(type);
  if (step.op == Op(Linear{.epilogue = {.bias = false}}) && multiply(inputs[0], inputs[1], result))
    return result;
  const bool takes_long = is_product || std::holds_alternative<Permute>(step.op);
  const Backend& host = takes_long ? *cpu_ : *reference_;
  const auto kernel = host.kernel(request);
  const DeviceMemory workspace = host.allocate(kernel->workspace());
  kernel->run({pointers, result.mutable_bytes().data(), workspace.get()});
  return result;
}

/// On the device, where that is better and there is room for it. Within a budget one at a time, as
/// what a product takes there counts.
bool WeightStore::multiply(const Tensor& a, const Tensor& b, Tensor& result) const {
  std::unique_lock lock(multiply_mutex_, std::defer_lock);
  if (budget_.is_limited()) {
    lock.lock();
    const size_t once = a.bytes().size() + b.bytes().size() + result.bytes().size();
    if (3 * once > budget_.available(backend_)) return false;  // with packing and partial sums
  }
  return backend_.multiply(a.floats(), b.floats(), b.shape().back(), result.mutable_floats());
}

void WeightStore::release(const Plan& plan, ValueId id) const {
  const PlanValue& value = plan.values[id];
  if (value.load_step < 0) {
    const NamedTensors& checkpoint = sources_.checkpoint();
    return checkpoint.release_pages(checkpoint.at(value.weight));
  }
  for (ValueId input : plan.load[value.load_step].inputs) release(plan, input);
}

}  // namespace drypoint
