# Installs Drypoint, then uses only what was installed:
# cmake -DBUILD=... -DSOURCE=... -DTINY=... -DWORK=... -P install.cmake
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# Runs a program that must fail with this status and this text.
function(expect_failure status text)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE found ERROR_VARIABLE message OUTPUT_QUIET)
  if(NOT found EQUAL status OR NOT message MATCHES "${text}")
    message(FATAL_ERROR "status ${found}, expected ${status} with \"${text}\": ${message}")
  endif()
endfunction()

function(expect_files)
  foreach(file ${ARGN})
    if(NOT EXISTS ${WORK}/prefix/${file})
      message(FATAL_ERROR "${file} was not installed")
    endif()
  endforeach()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
expect_files(bin/drypoint share/doc/drypoint/LICENSE share/doc/drypoint/NOTICE)

# Each public header compiles alone, with both compilers where there are both.
file(GLOB headers RELATIVE ${WORK}/prefix/include ${WORK}/prefix/include/drypoint/*.h)
foreach(header ${headers})
  string(MAKE_C_IDENTIFIER ${header} unit)
  file(WRITE ${WORK}/headers/${unit}.cc "#include <${header}>\n")
  list(APPEND units ${WORK}/headers/${unit}.cc)
endforeach()
foreach(compiler g++ clang++)
  find_program(${compiler}_path ${compiler})
  if(${compiler}_path)
    run(${${compiler}_path} -std=c++20 -Wall -Wextra -Werror -fsyntax-only
        -I ${WORK}/prefix/include ${units})
  endif()
endforeach()

run(${CMAKE_COMMAND} -S ${SOURCE}/examples/draw -B ${WORK}/draw -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/draw)
set(model ${TINY}/sd15.safetensors)
set(control ${TINY}/control.safetensors)
set(picture ${SOURCE}/tests/data/images/cat.png)
run(${WORK}/draw/draw ${model} ${control} ${picture} "a cat" ${WORK}/drawn.png)
expect_failure(1 "^bad_file: .*cat.png: is a picture"
               ${WORK}/draw/draw ${picture} ${control} ${picture} "a cat" ${WORK}/none.png)

# The installed program draws the same, and finds the installed demo model.
run(${WORK}/prefix/bin/drypoint generate -m ${model} --control canny=${control} -i ${picture}
    -p "a cat" --resolution 64 --steps 4 --seed 1 -o ${WORK}/generated.png)
run(${CMAKE_COMMAND} -E compare_files ${WORK}/drawn.png ${WORK}/generated.png)
if(EXISTS ${SOURCE}/models/demo)
  file(GLOB shipped RELATIVE ${SOURCE} ${SOURCE}/models/demo/*)
  list(TRANSFORM shipped PREPEND share/drypoint/)
  expect_files(${shipped})
  run(${WORK}/prefix/bin/drypoint generate -i ${picture} -p "a cat" --resolution 64 --steps 1
      -o ${WORK}/demo.png)
endif()
file(REMOVE_RECURSE ${WORK})
