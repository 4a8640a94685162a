// Between our pictures and OpenCV's.
#pragma once

#include <new>
#include <opencv2/core.hpp>
#include <stdexcept>
#include <string_view>

#include "base/error.h"
#include "drypoint/image.h"

namespace drypoint {

/// A view of `image`'s pixels, which must outlive it.
inline cv::Mat view(const Image& image) {
  return {image.height, image.width, CV_8UC(image.channels),
          const_cast<uint8_t*>(image.pixels.data())};
}

inline Image blank(int width, int height, int channels) {
  return {width, height, channels,
          std::vector<uint8_t>(size_t(width) * size_t(height) * size_t(channels))};
}

/// Runs `step`, and throws OpenCV's failures as ours.
template <class Step>
void with_opencv(std::string_view what, const Step& step) {
  try {
    step();
  } catch (const std::bad_alloc&) {
    fail(ErrorKind::out_of_memory, "{}: there is not enough memory", what);
  } catch (const cv::Exception& error) {
    fail(error.code == cv::Error::StsNoMem ? ErrorKind::out_of_memory : ErrorKind::unsupported,
         "{}: OpenCV: {}", what, error.err);
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& error) {  // TBB's, where it gets no thread
    fail(ErrorKind::out_of_memory, "{}: {}", what, error.what());
  }
}

}  // namespace drypoint
