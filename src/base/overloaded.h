// A visitor of a variant, written as one function for each case.
#pragma once

namespace drypoint {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace drypoint
