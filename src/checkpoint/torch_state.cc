#include "checkpoint/torch_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

using pickle::Kind;
using pickle::Value;

struct StorageType {
  std::string_view name;
  std::optional<DType> dtype;
  size_t element_bytes;
};

const StorageType* storage_type(const Value& type) {
  static constexpr StorageType types[] = {{"FloatStorage", DType::f32, 4},
                                          {"HalfStorage", DType::f16, 2},
                                          {"BFloat16Storage", DType::bf16, 2},
                                          {"DoubleStorage", DType::f64, 8},
                                          {"LongStorage", DType::i64, 8},
                                          {"IntStorage", DType::i32, 4},
                                          {"ShortStorage", DType::i16, 2},
                                          {"CharStorage", DType::i8, 1},
                                          {"ByteStorage", DType::u8, 1},
                                          {"BoolStorage", DType::boolean, 1},
                                          {"ComplexFloatStorage", {}, 8},
                                          {"ComplexDoubleStorage", {}, 16},
                                          {"QInt8Storage", {}, 1},
                                          {"QUInt8Storage", {}, 1},
                                          {"QInt32Storage", {}, 4},
                                          {"storage.UntypedStorage", {}, 1},
                                          {"UntypedStorage", {}, 1}};
  if (!type.is(Kind::global)) return nullptr;
  std::string_view name = type.text;
  if (!name.starts_with("torch.")) return nullptr;
  name.remove_prefix(6);
  if (name.starts_with("cuda.")) name.remove_prefix(5);
  const auto found = std::ranges::find(types, name, &StorageType::name);
  return found == std::end(types) ? nullptr : found;
}

bool is_count(const Value& value) { return value.is(Kind::integer) && value.integer >= 0; }

std::optional<Shape> counts(const Value& value) {
  if (!value.is(Kind::tuple) && !value.is(Kind::list)) return {};
  if (value.items.size() > 64) return {};  // which many tensors may share
  Shape result;
  for (const Value* item : value.items) {
    if (!is_count(*item)) return {};
    result.push_back(item->integer);
  }
  return result;
}

class State {
 public:
  State(const FindStorage& find, size_t file_bytes, const std::string& file)
      : find_(find), copies_left_(file_bytes), file_(file) {}

  struct Found {
    std::optional<Tensor> tensor;
    std::string foreign;  // the type of a tensor whose elements are not ours
  };

  // Both empty if the value is not a tensor of a kind that we know.
  Found tensor(const std::string& name, const Value* value) {
    if (!value->is(Kind::object)) return {};
    const Value *callable = value->items[0], *arguments = value->items[1];
    for (int wrapped = 0; wrapped < 4 && is_wrapper(*callable); ++wrapped) {
      const auto& inside = arguments->items;
      if (callable->text.find("_rebuild_parameter") != std::string_view::npos) {
        // torch.nn.Parameter(tensor, requires_grad, hooks[, attributes])
        if (inside.empty() || !inside[0]->is(Kind::object)) return {};
        callable = inside[0]->items[0];
        arguments = inside[0]->items[1];
      } else {
        // (function, class, its arguments, Python's attributes)
        if (inside.size() < 3) return {};
        callable = inside[0];
        arguments = inside[2];
      }
    }
    return rebuild(name, *callable, *arguments);
  }

 private:
  [[noreturn]] void damaged(const std::string& name, std::string_view what) const {
    fail(ErrorKind::bad_file, "{}: tensor {}: {}", file_, printable(name), what);
  }

  static bool is_wrapper(const Value& callable) {
    return callable.is_global("torch._utils._rebuild_parameter") ||
           callable.is_global("torch._utils._rebuild_parameter_with_state") ||
           callable.is_global("torch._tensor._rebuild_from_type_v2") ||
           callable.is_global("torch._tensor._rebuild_from_type");
  }

  // (storage, offset, size, stride, ...), both in elements; the seventh of _v3 is the element type.
  Found rebuild(const std::string& name, const Value& callable, const Value& given) {
    const auto& arguments = given.items;
    const bool typed = callable.is_global("torch._utils._rebuild_tensor_v3");
    if ((!typed && !callable.is_global("torch._utils._rebuild_tensor_v2") &&
         !callable.is_global("torch._utils._rebuild_tensor")) ||
        !given.is(Kind::tuple) || arguments.size() < (typed ? 7 : 4) ||
        !arguments[0]->is(Kind::persistent))
      return {};
    auto id = storage_id(*arguments[0]);
    const auto shape = counts(*arguments[2]), strides = counts(*arguments[3]);
    if (!id || (!id->dtype && !typed)) return {};
    if (!is_count(*arguments[1]) || !shape || !strides || shape->size() != strides->size())
      damaged(name, "its offset, shape or strides make no sense");
    if (typed) {
      if (!arguments[6]->is_global("torch.float8_e4m3fn") || id->element_bytes != 1)
        return {{}, printable(arguments[6]->text) + to_string(*shape)};
      id->dtype = DType::f8;
    }
    return {build(name, *id, static_cast<uint64_t>(arguments[1]->integer), *shape, *strides), {}};
  }

  Tensor build(const std::string& name, const StorageId& id, uint64_t offset, const Shape& shape,
               const Shape& strides) {
    const TensorType type{*id.dtype, shape};
    uint64_t bytes = 0;
    if (!checked_bytes(shape, type.dtype, bytes))
      damaged(name, fmt::format("shape {} is too large", to_string(shape)));
    if (bytes == 0) return Tensor(type);

    // One past the last element that the tensor touches, and whether it touches them in order.
    uint64_t last = offset, expected = 1;
    bool contiguous = true;
    for (size_t i = shape.size(); i-- > 0;) {
      const auto size = static_cast<uint64_t>(shape[i]), stride = static_cast<uint64_t>(strides[i]);
      uint64_t span = 0;
      if (__builtin_mul_overflow(size - 1, stride, &span) ||
          __builtin_add_overflow(last, span, &last))
        damaged(name, fmt::format("strides {} are too large", to_string(strides)));
      if (size != 1 && stride != expected) contiguous = false;
      expected *= size;
    }
    if (last >= id.elements)
      damaged(name, fmt::format("{} with offset {} and strides {} does not fit into its storage of "
                                "{} elements",
                                to_string(type), offset, to_string(strides), id.elements));
    const StorageBytes storage = find_(id);
    const std::byte* data = storage.bytes.data() + offset * id.element_bytes;
    if (contiguous) return Tensor(type, data, storage.keeper);
    if (bytes > copies_left_)
      damaged(name, "it and others before it repeat more values than the file has");
    copies_left_ -= bytes;
    return gather(type, data, strides);
  }

  static Tensor gather(const TensorType& type, const std::byte* data, const Shape& strides) {
    Tensor result(type);
    const size_t element = size_of(type.dtype);
    Shape index(type.shape.size(), 0);
    std::byte* to = result.mutable_bytes().data();
    for (int64_t n = type.elements(), from = 0; n > 0; --n, to += element) {
      std::memcpy(to, data + static_cast<size_t>(from) * element, element);
      for (size_t i = index.size(); i-- > 0;) {
        if (type.shape[i] == 1) continue;  // its stride may be anything
        from += strides[i];
        if (++index[i] < type.shape[i]) break;
        from -= strides[i] * index[i];
        index[i] = 0;
      }
    }
    return result;
  }

  const FindStorage& find_;
  uint64_t copies_left_;
  const std::string& file_;
};

}  // namespace

std::optional<StorageId> storage_id(const Value& persistent) {
  const Value& id = *persistent.items[0];
  if (!id.is(Kind::tuple) || id.items.size() < 5) return {};
  const StorageType* type = storage_type(*id.items[1]);
  if (!id.items[0]->is(Kind::text) || id.items[0]->text != "storage" || !type ||
      !id.items[2]->is(Kind::text) || !is_count(*id.items[4]) ||
      id.items[4]->integer > int64_t{1} << 56)
    return {};
  StorageId result{type->dtype, type->element_bytes, id.items[2]->text,
                   static_cast<uint64_t>(id.items[4]->integer)};
  // A storage that is a part of another: (key of the part, offset, size)
  if (id.items.size() > 5 && !id.items[5]->is(Kind::none)) {
    const auto& view = *id.items[5];
    if (!view.is(Kind::tuple) || view.items.size() != 3 || !is_count(*view.items[1]) ||
        !is_count(*view.items[2]))
      return {};
    const auto offset = static_cast<uint64_t>(view.items[1]->integer);
    const auto size = static_cast<uint64_t>(view.items[2]->integer);
    if (offset > result.elements || size > result.elements - offset) return {};
    result.view_offset = offset;
    result.elements = size;
  }
  return result;
}

namespace {

// Textual inversion's tensors: https://github.com/rinongal/textual_inversion, and the web UI's.
const Value* embeddings_in(const Value& root) {
  const Value* found = root.find("string_to_param");
  if (found && found->is(Kind::object) && found->items.size() == 3)
    found = found->items[2]->find("_parameters");
  return found && found->is(Kind::dictionary) ? found : nullptr;
}

// Training code puts the weights beside its own state, or wraps them once or twice.
const Value& state_in(const Value& root) {
  if (const Value* embeddings = embeddings_in(root)) return *embeddings;
  const Value* state = &root;
  for (int level = 0; level < 3; ++level) {
    const Value* inside = nullptr;
    for (const char* key :
         {"state_dict", "model_state_dict", "module", "model", "params_ema", "params"})
      if (const Value* found = inside ? nullptr : state->find(key);
          found && found->is(Kind::dictionary))
        inside = found;
    if (!inside) break;
    state = inside;
  }
  return *state;
}

}  // namespace

NamedTensors read_state(const Value& root, const FindStorage& find, size_t file_bytes,
                        const std::string& file) {
  const Value& state = state_in(root);
  if (!state.is(Kind::dictionary))
    fail(ErrorKind::bad_file, "{}: holds {}, expected a dictionary of tensors", file,
         pickle::describe(state));
  State reader(find, file_bytes, file);
  NamedTensors result;
  for (size_t i = 0; i + 1 < state.items.size(); i += 2) {
    if (!state.items[i]->is(Kind::text)) continue;
    const std::string name(state.items[i]->text);
    const Value* value = state.items[i + 1];
    result.tensors.erase(name);  // of two items with one key, Python keeps the last
    result.unusable.erase(name);
    result.foreign.erase(name);
    if (auto found = reader.tensor(name, value); found.tensor)
      result.tensors.emplace(name, std::move(*found.tensor));
    else if (!found.foreign.empty())
      result.foreign.emplace(name, std::move(found.foreign));
    else
      result.unusable.emplace(name, pickle::describe(*value));
  }
  return result;
}

}  // namespace drypoint
