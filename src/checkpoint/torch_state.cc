#include "checkpoint/torch_state.h"

#include <cstring>

#include "base/error.h"
#include "base/utf8.h"

namespace drypoint {
namespace {

using pickle::Kind;
using pickle::Value;

std::optional<DType> storage_dtype(const Value& type) {
  constexpr std::pair<std::string_view, DType> types[] = {
      {"FloatStorage", DType::f32},   {"HalfStorage", DType::f16}, {"BFloat16Storage", DType::bf16},
      {"DoubleStorage", DType::f64},  {"LongStorage", DType::i64}, {"IntStorage", DType::i32},
      {"ShortStorage", DType::i16},   {"CharStorage", DType::i8},  {"ByteStorage", DType::u8},
      {"BoolStorage", DType::boolean}};
  if (!type.is(Kind::global)) return {};
  std::string_view name = type.text;
  if (!name.starts_with("torch.")) return {};
  name.remove_prefix(6);
  if (name.starts_with("cuda.")) name.remove_prefix(5);
  for (const auto& [known, dtype] : types)
    if (name == known) return dtype;
  return {};
}

bool is_count(const Value& value) { return value.is(Kind::integer) && value.integer >= 0; }

std::optional<Shape> counts(const Value& value) {
  if (!value.is(Kind::tuple) && !value.is(Kind::list)) return {};
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

  // Nothing if the value is not a tensor of a kind that we can use.
  std::optional<Tensor> tensor(const std::string& name, const Value* value) {
    // torch.nn.Parameter(tensor, requires_grad, hooks)
    for (int wrapped = 0; wrapped < 4 && value->is(Kind::object); ++wrapped) {
      const auto& arguments = value->items[1]->items;
      if (!value->items[0]->is_global("torch._utils._rebuild_parameter") &&
          !value->items[0]->is_global("torch._utils._rebuild_parameter_with_state"))
        break;
      if (arguments.empty()) return {};
      value = arguments[0];
    }
    if (!value->is(Kind::object) || !value->items[1]->is(Kind::tuple)) return {};
    // (storage, offset, size, stride, ...), both in elements
    const Value& callable = *value->items[0];
    const auto& arguments = value->items[1]->items;
    if ((!callable.is_global("torch._utils._rebuild_tensor_v2") &&
         !callable.is_global("torch._utils._rebuild_tensor")) ||
        arguments.size() < 4 || !arguments[0]->is(Kind::persistent))
      return {};
    const auto id = storage_id(*arguments[0]);
    const auto shape = counts(*arguments[2]), strides = counts(*arguments[3]);
    if (!id) return {};
    if (!is_count(*arguments[1]) || !shape || !strides || shape->size() != strides->size())
      damaged(name, "its offset, shape or strides make no sense");
    return build(name, *id, static_cast<uint64_t>(arguments[1]->integer), *shape, *strides);
  }

 private:
  [[noreturn]] void damaged(const std::string& name, std::string_view what) const {
    fail(ErrorKind::bad_file, "{}: tensor {}: {}", file_, printable(name), what);
  }

  Tensor build(const std::string& name, const StorageId& id, uint64_t offset, const Shape& shape,
               const Shape& strides) {
    const TensorType type{id.dtype, shape};
    uint64_t bytes = 0;
    if (!checked_bytes(shape, id.dtype, bytes))
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
    const std::byte* data = storage.bytes.data() + offset * size_of(id.dtype);
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
  const auto dtype = storage_dtype(*id.items[1]);
  if (!id.items[0]->is(Kind::text) || id.items[0]->text != "storage" || !dtype ||
      !id.items[2]->is(Kind::text) || !is_count(*id.items[4]) ||
      id.items[4]->integer > int64_t{1} << 56)
    return {};
  StorageId result{*dtype, id.items[2]->text, static_cast<uint64_t>(id.items[4]->integer)};
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

NamedTensors read_state(const Value& root, const FindStorage& find, size_t file_bytes,
                        const std::string& file) {
  const Value* state = root.find("state_dict");
  if (!state || !state->is(Kind::dictionary)) state = &root;
  if (!state->is(Kind::dictionary))
    fail(ErrorKind::bad_file, "{}: holds {}, expected a dictionary of tensors", file,
         pickle::describe(*state));
  State reader(find, file_bytes, file);
  NamedTensors result;
  for (size_t i = 0; i + 1 < state->items.size(); i += 2) {
    if (!state->items[i]->is(Kind::text)) continue;
    const std::string name(state->items[i]->text);
    if (auto tensor = reader.tensor(name, state->items[i + 1])) {
      result.unusable.erase(name);
      result.tensors.insert_or_assign(name, std::move(*tensor));
    } else {
      result.tensors.erase(name);
      result.unusable[name] = pickle::describe(*state->items[i + 1]);
    }
  }
  return result;
}

}  // namespace drypoint
