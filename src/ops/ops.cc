#include "ops/ops.h"

namespace drypoint {
namespace {

template <class T>
constexpr bool has_traits() {
  static_assert(HasTraits<T>, "this operation has no OpTraits, or not all: see ops/traits.h");
  return true;
}
template <class... T>
constexpr bool all_have_traits(const std::variant<T...>*) {
  return (has_traits<T>() && ...);
}
static_assert(all_have_traits(static_cast<const Op*>(nullptr)));

}  // namespace

void refuse_input(std::string_view op, fmt::string_view format, fmt::format_args args) {
  fail(ErrorKind::bad_argument, "[{}] {}", op, fmt::vformat(format, args));
}

std::string_view name(const Op& op) {
  return std::visit([](const auto& o) { return o.name; }, op);
}

TensorType infer(const Op& op, Inputs inputs) {
  return std::visit([&](const auto& o) { return infer(o, inputs); }, op);
}

Category category(const Op& op) {
  return std::visit([]<class T>(const T&) { return OpTraits<T>::category; }, op);
}

std::vector<int> row_inputs(const Op& op, Inputs inputs) {
  return std::visit([&]<class T>(const T& o) { return OpTraits<T>::rows(o, inputs); }, op);
}

std::vector<int> inputs_of_own_precision(const Op& op, size_t count) {
  return std::visit([&]<class T>(const T& o) { return OpTraits<T>::of_own_precision(o, count); },
                    op);
}

bool is_view(const Op& op) {
  return std::visit([]<class T>(const T&) { return OpTraits<T>::is_view; }, op);
}

size_t view_offset(const Op& op, const TensorType& input) {
  const auto* slice = std::get_if<Slice>(&op);
  return slice ? input.bytes() / static_cast<size_t>(input.shape[0]) *
                     static_cast<size_t>(slice->begin)
               : 0;
}

int in_place_input(const Op& op) {
  return std::visit([]<class T>(const T& o) { return OpTraits<T>::in_place(o); }, op);
}

std::optional<Op> paired(const Op& op) {
  return std::visit(
      []<class T>(T o) { return OpTraits<T>::pair(o) ? std::optional<Op>(o) : std::nullopt; }, op);
}

PairedInput paired_input(const Op& op, int input) {
  return std::visit([&]<class T>(const T& o) { return OpTraits<T>::paired_input(o, input); }, op);
}

FusedForms forms_of(const Op& op) {
  return std::visit([]<class T>(const T& o) { return OpTraits<T>::forms(o); }, op);
}

bool has_forms(const FusedForms& forms, const Op& op) {
  std::vector<bool> there;
  forms.fields(forms, [&](std::string_view, bool form) { there.push_back(form); });
  const FusedForms used = forms_of(op);
  bool all = true;
  size_t i = 0;
  used.fields(used, [&](std::string_view, bool form) {
    all &= !form || there[i];
    ++i;
  });
  return all;
}

double flops_of(const Op& op, Inputs inputs, const TensorType& output) {
  return std::visit([&]<class T>(const T& o) { return OpTraits<T>::flops(o, inputs, output); }, op);
}

double elements_read(const Op& op, size_t i, Inputs inputs, const TensorType& output) {
  return std::visit(
      [&]<class T>(const T& o) { return OpTraits<T>::elements_read(o, i, inputs, output); }, op);
}

}  // namespace drypoint
