# Everything the library stands on, as one target. `tools/setup.sh` installs all of it from Debian.
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(webp REQUIRED IMPORTED_TARGET libwebp libwebpdemux libwebpmux)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)

# oneDNN's own CMake package asks for OpenCL, and Debian's single OpenCV modules come without one.
find_library(DNNL_LIBRARY dnnl REQUIRED)
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp REQUIRED)
find_library(OPENCV_CORE_LIBRARY opencv_core REQUIRED)
find_library(OPENCV_IMGPROC_LIBRARY opencv_imgproc REQUIRED)
find_path(OPENCV_INCLUDE_DIR opencv2/imgproc.hpp PATH_SUFFIXES opencv4 REQUIRED)

add_library(drypoint_dependencies INTERFACE)
target_include_directories(drypoint_dependencies SYSTEM INTERFACE ${DNNL_INCLUDE_DIR}
                           ${OPENCV_INCLUDE_DIR})
target_link_libraries(drypoint_dependencies INTERFACE
  fmt::fmt nlohmann_json::nlohmann_json OpenMP::OpenMP_CXX ${DNNL_LIBRARY} ${OPENCV_IMGPROC_LIBRARY}
  ${OPENCV_CORE_LIBRARY} PNG::PNG JPEG::JPEG ZLIB::ZLIB PkgConfig::hwy PkgConfig::webp
  PkgConfig::utf8proc ${CMAKE_DL_LIBS})
