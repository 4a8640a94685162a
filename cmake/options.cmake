# Warnings for our own code, and sanitizers for everything we build.
add_library(drypoint_warnings INTERFACE)
target_compile_options(drypoint_warnings INTERFACE -Wall -Wextra -Wpedantic
  -Wno-missing-field-initializers $<$<BOOL:${DRYPOINT_WERROR}>:-Werror>)
if(NOT DRYPOINT_LINT)  # clang-tidy reads the others. Files compiled at once see each other's names;
                       # GCC 12 is wrong about strings that are moved or added up.
  target_compile_options(drypoint_warnings INTERFACE
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wshadow=local$<SEMICOLON>-Wno-restrict$<SEMICOLON>-Wno-stringop-overflow$<SEMICOLON>-Wno-array-bounds>)
  # It looks for garbage once there is half a GB of it, else it does so a seventh of its time.
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=ggc-min-heapsize=500000>)
endif()

# cold(target): nothing in it takes time at run time, so the optimiser need not either.
function(cold target)
  target_compile_options(${target} PRIVATE
    $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-O1>)
endfunction()

if(DRYPOINT_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
                      $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-array-bounds$<SEMICOLON>-Wno-stringop-overflow>
                      $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-pass-failed>)
  add_link_options(-fsanitize=address,undefined)
endif()
if(DRYPOINT_SANITIZE_THREADS)
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer
                      $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-pass-failed>)
  add_link_options(-fsanitize=thread)
endif()
