// How a picture of other proportions becomes one of the size that is drawn.
#pragma once

#include <cstdint>

namespace drypoint {

enum class ResizeMode : uint8_t {
  stretch,  ///< to the very size ("Just resize")
  crop,     ///< cut from the middle ("Crop and resize")
  fill,     ///< all of it, with the colour of its border around ("Resize and fill")
};

}  // namespace drypoint
