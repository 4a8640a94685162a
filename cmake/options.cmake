# Warnings for our own code, and sanitizers for everything we build.
add_library(drypoint_warnings INTERFACE)
target_compile_options(drypoint_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow
  -Wno-missing-field-initializers
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<NOT:$<BOOL:${DRYPOINT_LINT}>>>:-Wno-restrict>  # GCC 12's is wrong about moved strings
  $<$<BOOL:${DRYPOINT_WERROR}>:-Werror>)

if(DRYPOINT_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
                      $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-array-bounds$<SEMICOLON>-Wno-stringop-overflow>
                      $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-pass-failed>)
  add_link_options(-fsanitize=address,undefined)
endif()
