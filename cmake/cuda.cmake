# The CUDA backend: a shared library that the others load at run time, built wherever nvcc is.
# DRYPOINT_CUDA_ARCHITECTURES: "native" (the GPU present, else 90a) or a list such as "80;86;89;90a".
option(DRYPOINT_CUDA "Build the CUDA backend where nvcc is found" ON)
set(DRYPOINT_CUDA_ARCHITECTURES native CACHE STRING "GPUs to build for: native, or e.g. 80;89;90a")
find_program(NVCC nvcc HINTS /usr/local/cuda/bin)
if(NOT DRYPOINT_CUDA OR NOT NVCC OR DRYPOINT_SANITIZE OR DRYPOINT_FUZZERS)
  return()
endif()

set(CMAKE_CUDA_COMPILER ${NVCC})
set(CMAKE_CUDA_ARCHITECTURES OFF)  # written out below, with the letters that CMake 3.25 does not know
enable_language(CUDA)
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)  # nor does it know this of nvcc 13
if(CCACHE)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()

set(architectures ${DRYPOINT_CUDA_ARCHITECTURES})
if(architectures STREQUAL native)
  execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
                  OUTPUT_VARIABLE found ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REGEX MATCH "^[0-9]+\\.[0-9]" found "${found}")
  string(REPLACE "." "" architectures "${found}")
  if(architectures STREQUAL "" OR architectures STREQUAL 90)
    set(architectures 90a)
  endif()
endif()
set(code "")
foreach(architecture ${architectures})
  list(APPEND code "-gencode=arch=compute_${architecture},code=sm_${architecture}")
endforeach()
# Chips that are not yet known compile the first from 8.0 on, or else the last, when they load it.
set(portable ${architectures})
list(FILTER portable EXCLUDE REGEX "a$")
foreach(architecture ${portable})
  set(known ${architecture})
  if(architecture GREATER_EQUAL 80)
    break()
  endif()
endforeach()
if(portable)
  list(APPEND code "-gencode=arch=compute_${known},code=compute_${known}")
endif()

file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS src/backend/cuda/*.cu src/backend/cuda/*.cc
     src/backend/cuda/*.S)
if(DRYPOINT_UNITY)  # which CMake 3.25 does not know for CUDA: operations with small kernels, at once
  file(GLOB small CONFIGURE_DEPENDS src/backend/cuda/*.cu)
  list(FILTER small EXCLUDE REGEX "/(attention|gemm|group_norm)\\.cu$")
  list(REMOVE_ITEM cuda_sources ${small})
  list(LENGTH small count)
  math(EXPR last "${count} - 1")
  foreach(first RANGE 0 ${last} ${DRYPOINT_UNITY})
    list(SUBLIST small ${first} ${DRYPOINT_UNITY} batch)
    list(TRANSFORM batch REPLACE "(.+)" "#include \"\\1\"" OUTPUT_VARIABLE includes)
    list(JOIN includes "\n" includes)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/cuda_unity/${first}.cu CONTENT "${includes}\n")
    list(APPEND cuda_sources ${PROJECT_BINARY_DIR}/cuda_unity/${first}.cu)
  endforeach()
endif()
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/backend/cuda/tuned/choices.S PROPERTIES
  INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/src
  OBJECT_DEPENDS ${PROJECT_SOURCE_DIR}/src/backend/cuda/tuned/hopper.json)
add_library(drypoint_cuda SHARED ${cuda_sources})
target_compile_options(drypoint_cuda PRIVATE
  $<$<COMPILE_LANGUAGE:CUDA>:${code} -DFMT_CONSTEVAL= -DFMT_USE_CONSTEXPR=1 --expt-relaxed-constexpr --extended-lambda
    -Xcompiler=-Wall -diag-suppress=186>)
set_target_properties(drypoint_cuda PROPERTIES CUDA_RUNTIME_LIBRARY Static
                                               CXX_VISIBILITY_PRESET hidden
                                               CUDA_VISIBILITY_PRESET hidden
                                               BUILD_WITH_INSTALL_RPATH ON)
foreach(folder backend/cuda backend/cuda/kernels backend/cuda/libraries)
  layer_headers(drypoint_cuda ${folder})
endforeach()
# Its own copies of the layers below; nothing of them is to be seen from outside.
target_link_libraries(drypoint_cuda PRIVATE drypoint_backend drypoint_ops drypoint_tensor
                                            drypoint_base)
hash_of(drypoint_cuda interface_hash ${shared_headers})
hash_of(drypoint_cuda packing_hash ${shared_packing} src/backend/cuda/* src/backend/cuda/kernels/*
        src/backend/cuda/libraries/*)
target_link_options(drypoint_cuda PRIVATE -Wl,--exclude-libs,ALL -Wl,--gc-sections -Wl,--as-needed)
target_include_directories(drypoint_cuda SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
