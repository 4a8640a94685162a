# Everything the library stands on, as one target. `tools/setup.sh` installs all of it from Debian.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(webp REQUIRED IMPORTED_TARGET libwebp libwebpmux)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(nettle REQUIRED IMPORTED_TARGET nettle)

add_library(drypoint_dependencies INTERFACE)
target_link_libraries(drypoint_dependencies INTERFACE
  fmt::fmt nlohmann_json::nlohmann_json PNG::PNG JPEG::JPEG ZLIB::ZLIB PkgConfig::hwy PkgConfig::webp
  PkgConfig::utf8proc PkgConfig::nettle Threads::Threads ${CMAKE_DL_LIBS})
