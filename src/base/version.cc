#include "drypoint/version.h"

namespace drypoint {

std::string_view version() { return DRYPOINT_VERSION; }

}  // namespace drypoint
