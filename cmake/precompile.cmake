# Headers of others that most files read, compiled once: reading them took half of the build's time.
# No file may lean on that: each includes what it uses, and clang-tidy reads all without.
set(precompiled_headers <algorithm> <array> <atomic> <chrono> <cmath> <cstdint> <cstring>
    <filesystem> <functional> <future> <limits> <map> <memory> <mutex> <numeric> <optional> <set>
    <span> <stdexcept> <string> <string_view> <system_error> <thread> <unordered_map> <utility>
    <variant> <vector> <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp>)

# A precompiled header serves code compiled alike only, so programs are compiled as libraries are.
add_compile_options($<$<COMPILE_LANGUAGE:CXX,ASM>:-fPIC>)

# unity(target): its files are compiled many at once, as most of the compiler's time goes to what they
# include; in equal parts, none larger than DRYPOINT_UNITY. So names that are a file's own are unique
# in its folder.
function(unity target)
  if(NOT DRYPOINT_UNITY)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources count)
  math(EXPR parts "(${count} + ${DRYPOINT_UNITY} - 1) / ${DRYPOINT_UNITY}")
  math(EXPR size "(${count} + ${parts} - 1) / ${parts}")
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${size})
endfunction()

# precompile(target [headers...]) with more headers, precompile(target FROM other) with those of
# `other`, which is compiled with the same options.
function(precompile target)
  if(DRYPOINT_LINT)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" FROM "")
  if(arg_FROM)
    target_precompile_headers(${target} REUSE_FROM ${arg_FROM})
  else()
    target_precompile_headers(${target} PRIVATE ${precompiled_headers} ${arg_UNPARSED_ARGUMENTS})
  endif()
  # What ccache needs: a note of the header in preprocessed code, and no dates in it.
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>
    "$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endfunction()
