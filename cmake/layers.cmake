# The folders of src/ as targets. The list at the end is the one place that says which of them may
# include from which: headers of all others are not found. Tests see everything.

# Public headers of plain types and what is made of them, which all layers may include. The other
# public headers are for the layers at the top, which implement them (`api`).
set(leaves control demo_model edges error image image_stream mapped_files model_files nearest output parameters
    picture_text plan_info precision preprocess resize_mode sampling synth version)

# link_headers(folder files...): a folder of links to these and no other files.
function(link_headers folder)
  file(REMOVE_RECURSE ${folder})
  file(MAKE_DIRECTORY ${folder})
  foreach(header ${ARGN})
    cmake_path(GET header FILENAME name)
    file(CREATE_LINK ${header} ${folder}/${name} SYMBOLIC)
  endforeach()
endfunction()

# layer_headers(target folder): makes a folder's files known to who links the target. (Highway's
# are more than headers: they include themselves, once for each instruction set.)
function(layer_headers target folder)
  file(GLOB headers LIST_DIRECTORIES false CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*)
  link_headers(${PROJECT_BINARY_DIR}/layers/${target}/${folder} ${headers})
  target_include_directories(${target} PUBLIC ${PROJECT_BINARY_DIR}/layers/${target})
endfunction()

set(layer_objects "")
set(layer_table "")

# layer(folder [COLD] below...): what a folder holds, and the layers below it that it may include
# from, with those that they include from. COLD: no time is spent there at run time.
function(layer folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg COLD "" "")
  set(below_this ${arg_UNPARSED_ARGUMENTS})
  string(REPLACE "/" "_" target drypoint_${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.cc
       ${PROJECT_SOURCE_DIR}/src/${folder}/*.S)
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  add_library(${target} OBJECT ${sources})
  layer_headers(${target} ${folder})
  target_link_libraries(${target} PUBLIC drypoint_leaves PRIVATE drypoint_warnings)
  foreach(below ${below_this})
    string(REPLACE "/" "_" below drypoint_${below})
    target_link_libraries(${target} PUBLIC ${below})
  endforeach()
  foreach(source ${sources})  # Highway's include themselves, so each is compiled by itself
    file(STRINGS ${source} highway REGEX "include <hwy/" LIMIT_COUNT 1)
    if(highway)
      set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endforeach()
  unity(${target})
  if(arg_COLD)
    cold(${target})
  endif()
  if(folder STREQUAL base)
    precompile(${target})
  else()
    precompile(${target} FROM drypoint_base)
  endif()
  set(layer_objects ${layer_objects} $<TARGET_OBJECTS:${target}> PARENT_SCOPE)
  list(JOIN below_this ", " below)
  set(layer_table "${layer_table}${folder}: ${below}\n" PARENT_SCOPE)
endfunction()

add_library(drypoint_leaves INTERFACE)
list(TRANSFORM leaves REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/include/drypoint/\\1.h"
     OUTPUT_VARIABLE headers)
link_headers(${PROJECT_BINARY_DIR}/layers/drypoint_leaves/drypoint ${headers})
target_include_directories(drypoint_leaves INTERFACE ${PROJECT_BINARY_DIR}/layers/drypoint_leaves)
target_link_libraries(drypoint_leaves INTERFACE drypoint_dependencies)

add_library(drypoint_api INTERFACE)
target_include_directories(drypoint_api INTERFACE include)

layer(base)
layer(tensor base)
layer(checkpoint tensor)
layer(text COLD base)
layer(image base)
layer(image/preprocess image)
layer(ops COLD tensor)
layer(graph COLD ops)
layer(models COLD graph checkpoint)
layer(annotate image/preprocess models)
layer(plan COLD graph)
layer(compile COLD plan)
layer(backend ops)
layer(backend/reference backend)
layer(backend/cpu backend)
layer(runtime backend plan checkpoint)
layer(adapters backend models)
layer(diffusion/schedules COLD base)
layer(diffusion/samplers COLD diffusion/schedules)
layer(diffusion/noise diffusion/samplers api)
layer(diffusion/request COLD text checkpoint image/preprocess diffusion/samplers api)
layer(diffusion/model annotate compile runtime adapters diffusion/request)
layer(diffusion diffusion/noise diffusion/model)
layer(export COLD diffusion)
layer(score diffusion)
layer(inspect COLD diffusion)
layer(measure COLD diffusion)
layer(quantize score)
layer(recall COLD diffusion)

# A folder that is no layer would be left out in silence.
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cc)
foreach(source ${sources})
  cmake_path(GET source PARENT_PATH folder)
  cmake_path(RELATIVE_PATH folder BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/src)
  if(NOT folder MATCHES "^backend/cuda" AND NOT layer_table MATCHES "(^|\n)${folder}:")
    message(FATAL_ERROR "src/${folder} is no layer: cmake/layers.cmake lists them")
  endif()
endforeach()
file(WRITE ${PROJECT_BINARY_DIR}/layers.txt "${layer_table}")

# Its sums are the same to the last bit on every processor. (A precompiled header brings options of
# its own.)
set_source_files_properties(src/image/weighted_sums.cc PROPERTIES
  COMPILE_OPTIONS -ffp-contract=off SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(src/base/version.cc PROPERTIES
  COMPILE_DEFINITIONS DRYPOINT_VERSION="${PROJECT_VERSION}")
file(RELATIVE_PATH data_from_library ${CMAKE_INSTALL_FULL_LIBDIR}
     ${CMAKE_INSTALL_FULL_DATADIR}/drypoint)
set_source_files_properties(src/checkpoint/demo_model.cc PROPERTIES
  COMPILE_DEFINITIONS DRYPOINT_DATA_FROM_LIBRARY="${data_from_library}")
# What they embed is named by its path in src/.
set_source_files_properties(src/text/vocabulary.S src/measure/page.S PROPERTIES
  INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/src)
set_source_files_properties(src/measure/page.S PROPERTIES
  OBJECT_DEPENDS ${PROJECT_SOURCE_DIR}/src/measure/page/profile.html)

# What the two sides of the GPU library share, the headers of the layers below it; and what decides
# the bytes of packed weights, beside a backend's own code.
list(TRANSFORM leaves REPLACE "(.+)" "include/drypoint/\\1.h" OUTPUT_VARIABLE shared_headers)
list(APPEND shared_headers src/base/*.h src/tensor/*.h src/ops/*.h src/backend/*.h)
set(shared_packing src/tensor/* src/ops/* src/backend/* src/runtime/weight_*)
hash_of(drypoint_backend interface_hash ${shared_headers})
hash_of(drypoint_backend_cpu packing_hash ${shared_packing} src/backend/cpu/*)
hash_of(drypoint_backend_reference packing_hash ${shared_packing} src/backend/reference/*)
