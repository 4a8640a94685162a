// Why a request is not done, and with which status that is said.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "drypoint/error.h"

namespace drypoint::server {

class Refusal : public std::runtime_error {
 public:
  Refusal(int own_status, const std::string& message, std::string own_field = {})
      : std::runtime_error(message), status(own_status), field(std::move(own_field)) {}

  int status;
  std::string field;    ///< of the request, where one is to blame
  int retry_after = 0;  ///< seconds; 0: trying again will not help
};

template <class... Arguments>
[[noreturn]] void refuse(int status, fmt::format_string<Arguments...> text,
                         Arguments&&... arguments) {
  throw Refusal(status, fmt::format(text, std::forward<Arguments>(arguments)...));
}

/// "steps: 0, expected 1 to 999", with the field told apart.
template <class... Arguments>
[[noreturn]] void refuse_field(int status, const std::string& field,
                               fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  throw Refusal(status, field + ": " + fmt::format(text, std::forward<Arguments>(arguments)...),
                field);
}

/// Of what the library threw: `invalid` for what is wrong with a request.
int status_of(ErrorKind kind, int invalid);

}  // namespace drypoint::server
