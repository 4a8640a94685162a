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

# What is loaded comes from beside the program or from where the system keeps it: no file names an
# absolute folder to search, nor, with an empty entry, the current one.
find_program(readelf readelf REQUIRED)
function(entries result kind file)  # "kind ... [value]" in its dynamic section -> the values
  execute_process(COMMAND ${readelf} -d ${file} OUTPUT_VARIABLE dynamic ERROR_QUIET)
  string(REPLACE "[" "<" dynamic "${dynamic}")  # a bracket holds a list's items together
  string(REPLACE "]" ">" dynamic "${dynamic}")
  string(REGEX MATCHALL "\\((${kind})\\)[^<]*<[^>]*" found "${dynamic}")
  list(TRANSFORM found REPLACE ".*<" "")
  set(${result} ${found} PARENT_SCOPE)
endfunction()
file(GLOB_RECURSE files ${BUILD}/*.so* ${BUILD}/*_test ${BUILD}/apps/cli/drypoint ${WORK}/prefix/bin/*
     ${WORK}/prefix/lib/*.so*)
foreach(file ${files})
  entries(searched "RPATH|RUNPATH" ${file})
  foreach(path ${searched})
    if(NOT path MATCHES "^\\$ORIGIN(/[^:]*)?(:\\$ORIGIN(/[^:]*)?)*$")
      message(FATAL_ERROR "${file} searches \"${path}\", expected folders relative to $ORIGIN")
    endif()
  endforeach()
endforeach()
entries(searched "RPATH|RUNPATH" ${WORK}/prefix/bin/drypoint)
if(NOT searched)
  message(FATAL_ERROR "the installed program does not say where its library is")
endif()

# Each public header compiles alone, and all together with the other compiler where there is one.
file(GLOB headers RELATIVE ${WORK}/prefix/include ${WORK}/prefix/include/drypoint/*.h)
foreach(header ${headers})
  string(MAKE_C_IDENTIFIER ${header} unit)
  file(WRITE ${WORK}/headers/${unit}.cc "#include <${header}>\n")
  list(APPEND units ${WORK}/headers/${unit}.cc)
  string(APPEND all "#include <${header}>\n")
endforeach()
file(WRITE ${WORK}/headers/all.cc "${all}")
set(check -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I ${WORK}/prefix/include)
run(g++ ${check} ${units})
find_program(clang clang++)
if(clang)
  run(${clang} ${check} ${WORK}/headers/all.cc)
endif()

run(${CMAKE_COMMAND} -S ${SOURCE}/examples/draw -B ${WORK}/draw -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/draw)
set(model ${TINY}/sd15.safetensors)
set(control ${TINY}/control.safetensors)
set(picture ${SOURCE}/tests/data/images/cat.png)
run(${WORK}/draw/draw ${model} ${control} ${picture} "a cat" ${WORK}/drawn.png)
expect_failure(1 "^bad_file: .*cat.png: is a picture"
               ${WORK}/draw/draw ${picture} ${control} ${picture} "a cat" ${WORK}/none.png)

run(${CMAKE_COMMAND} -S ${SOURCE}/examples/queue -B ${WORK}/queue -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/queue)
file(MAKE_DIRECTORY ${WORK}/queued)
run(${WORK}/queue/queue ${model} ${control} ${picture} ${WORK}/queued "a dog" "a cat" "a bird")
run(${CMAKE_COMMAND} -E compare_files ${WORK}/drawn.png ${WORK}/queued/1.png)

# The installed program draws the same, and finds the installed demo model.
run(${WORK}/prefix/bin/drypoint generate -m ${model} --control canny=${control} -i ${picture}
    -p "a cat" --resolution 64 --steps 4 --seed 1 -o ${WORK}/generated.png)
run(${CMAKE_COMMAND} -E compare_files ${WORK}/drawn.png ${WORK}/generated.png)

# A library under the name of one that is needed or asked for, in the current folder or those above the
# program, is not loaded: it would leave a file.
file(WRITE ${WORK}/planted.c "#include <stdio.h>
__attribute__((constructor)) void run(void) { fopen(\"${WORK}/was_run\", \"w\"); }")
run(gcc -shared -fPIC -o ${WORK}/planted.so ${WORK}/planted.c)
set(names libdrypoint.so.0 libdrypoint_cuda.so libcuda.so.1 libcublasLt.so.12 libcudnn.so.9
          libcupti.so.12 libnvidia-ml.so.1)
foreach(file bin/drypoint lib/libdrypoint.so)
  entries(needed NEEDED ${WORK}/prefix/${file})
  list(APPEND names ${needed})
endforeach()
list(REMOVE_DUPLICATES names)
foreach(folder here prefix prefix/bin .)
  file(MAKE_DIRECTORY ${WORK}/${folder})
  foreach(name ${names})
    file(COPY_FILE ${WORK}/planted.so ${WORK}/${folder}/${name})
  endforeach()
endforeach()
foreach(program ${WORK}/prefix/bin/drypoint ${BUILD}/apps/cli/drypoint)
  execute_process(COMMAND ${program} generate --device cuda --edges ${picture} -p "a cat" -o none/a.png
                  WORKING_DIRECTORY ${WORK}/here OUTPUT_QUIET ERROR_QUIET)
endforeach()
if(EXISTS ${WORK}/was_run)
  message(FATAL_ERROR "a planted library was loaded")
endif()

if(EXISTS ${SOURCE}/models/demo)
  file(GLOB shipped RELATIVE ${SOURCE} ${SOURCE}/models/demo/*)
  list(TRANSFORM shipped PREPEND share/drypoint/)
  expect_files(${shipped})
  run(${WORK}/prefix/bin/drypoint generate -i ${picture} -p "a cat" --resolution 64 --steps 1
      -o ${WORK}/demo.png)
endif()
file(REMOVE_RECURSE ${WORK})
