# Builds the module for a build of the library, in an environment of its own, and runs its tests:
# cmake -DBUILD=... -DSOURCE=... -DTINY=... -DWORK=... -P run.cmake
# Where the packages it needs cannot be fetched it says so, and is skipped.
cmake_minimum_required(VERSION 3.25)

find_program(python3 python3 REQUIRED)
set(python ${WORK}/venv/bin/python)
if(NOT EXISTS ${WORK}/venv/ready)
  execute_process(COMMAND ${python3} -m venv ${WORK}/venv COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${python} -m pip install -q nanobind>=3.1,<4 nanobind-backend>=1,<2 numpy
                          pillow tqdm -r ${SOURCE}/python/tests/requirements.txt RESULT_VARIABLE failed)
  if(failed)
    message("skipped: the packages that the tests need cannot be fetched")
    return()
  endif()
  file(TOUCH ${WORK}/venv/ready)
endif()
execute_process(COMMAND ${python} -m nanobind --cmake_dir OUTPUT_VARIABLE nanobind
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} -G Ninja -S ${SOURCE}/python -B ${WORK}/build
                        -DDRYPOINT_BUILD=${BUILD} -DPython_EXECUTABLE=${python}
                        -Dnanobind_DIR=${nanobind} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} -E env PYTHONPATH=${WORK}/build DRYPOINT_TINY_MODELS=${TINY}
                        ${python} -m pytest -q -p no:cacheprovider --durations=5 ${SOURCE}/python/tests
                COMMAND_ERROR_IS_FATAL ANY)
