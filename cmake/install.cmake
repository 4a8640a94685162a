# What others need: the program, the shared library, its headers, a CMake package, the demo model.
include(CMakePackageConfigHelpers)

# The program looks for the library at one place relative to itself, where it is built as where it is
# installed, and nowhere else. (CMake's own way is another place for each; it fills up the shorter with
# colons, and the loader takes what is between two for the current folder.)
file(RELATIVE_PATH to_libraries ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(drypoint drypoint_cli PROPERTIES BUILD_WITH_INSTALL_RPATH ON)
set_target_properties(drypoint_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${to_libraries}")
cmake_path(SET place NORMALIZE ${PROJECT_BINARY_DIR}/apps/cli/${to_libraries})
cmake_path(GET place PARENT_PATH above)
file(MAKE_DIRECTORY ${above})
file(RELATIVE_PATH built ${above} ${PROJECT_BINARY_DIR})
file(CREATE_LINK ${built} ${place} SYMBOLIC)

# In a build tree, what the library looks for in its own folder: the demo model, and the GPU library.
# Tests and what measures are programs with the library inside.
foreach(folder "" /tests /bench)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}${folder})
  file(RELATIVE_PATH models ${PROJECT_BINARY_DIR}${folder} ${PROJECT_SOURCE_DIR}/models)
  file(CREATE_LINK ${models} ${PROJECT_BINARY_DIR}${folder}/models SYMBOLIC)
  if(TARGET drypoint_cuda AND folder)
    file(CREATE_LINK ../libdrypoint_cuda.so ${PROJECT_BINARY_DIR}${folder}/libdrypoint_cuda.so SYMBOLIC)
  endif()
endforeach()

target_compile_features(drypoint INTERFACE cxx_std_20)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/drypoint)
install(TARGETS drypoint drypoint_cli EXPORT drypoint)
if(TARGET drypoint_cuda)  # loaded at run time, from beside the library
  install(TARGETS drypoint_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(EXPORT drypoint NAMESPACE drypoint:: FILE drypointConfig.cmake DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/drypointConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/drypointConfigVersion.cmake DESTINATION ${package})
install(DIRECTORY include/drypoint DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES src/text/vocabulary/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR}
        RENAME LICENSE.clip_vocabulary)
if(EXISTS ${PROJECT_SOURCE_DIR}/models/demo)
  install(DIRECTORY models/demo DESTINATION ${CMAKE_INSTALL_DATADIR}/drypoint/models)
endif()
