# Warnings for our own code, and sanitizers for everything we build.
add_library(drypoint_warnings INTERFACE)
target_compile_options(drypoint_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow
  -Wno-missing-field-initializers $<$<BOOL:${DRYPOINT_WERROR}>:-Werror>)

if(DRYPOINT_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
