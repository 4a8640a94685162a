# A hash over files, for code to carry: what was built or saved from other code is told by it.
# Run as a script by what `hash_of` makes: cmake -DLIST=… -DROOT=… -DNAME=… -DOUTPUT=… -P hash.cmake
if(CMAKE_SCRIPT_MODE_FILE)
  file(STRINGS ${LIST} files)
  set(all "")
  foreach(file ${files})
    file(SHA256 ${ROOT}/${file} hash)
    string(APPEND all "${file} ${hash}\n")
  endforeach()
  string(SHA256 hash "${all}")
  string(SUBSTRING ${hash} 0 16 hash)
  # Writes only what is new, so that nothing is compiled again for an equal hash.
  file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "// Made by the build.
#pragma once

namespace drypoint {

inline constexpr const char* ${NAME} = \"${hash}\";

}  // namespace drypoint
")
  return()
endif()

set(hash_script ${CMAKE_CURRENT_LIST_FILE})

# hash_of(target name pattern...): gives the target a header "hash/name.h" with the constant `name`,
# of the files that match, tests apart.
function(hash_of target name)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/)
  file(GLOB files LIST_DIRECTORIES false RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS
       ${ARGN})
  list(FILTER files EXCLUDE REGEX "_test\\.cc$")
  list(SORT files)
  set(output ${PROJECT_BINARY_DIR}/hashes/${target}/hash/${name}.h)
  set(listed ${PROJECT_BINARY_DIR}/hashes/${target}/${name}.txt)
  list(JOIN files "\n" lines)
  file(CONFIGURE OUTPUT ${listed} CONTENT "${lines}\n")
  list(TRANSFORM files PREPEND ${PROJECT_SOURCE_DIR}/)
  set(command ${CMAKE_COMMAND} -DLIST=${listed} -DROOT=${PROJECT_SOURCE_DIR} -DNAME=${name}
              -DOUTPUT=${output} -P ${hash_script})
  execute_process(COMMAND ${command})  # for tools that read the code without a build
  add_custom_command(OUTPUT ${output} COMMAND ${command}
    DEPENDS ${files} ${listed} ${hash_script} VERBATIM)
  target_sources(${target} PRIVATE ${output})
  target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR}/hashes/${target})
endfunction()
