# What others need: the program, the shared library, its headers, a CMake package, the demo model.
include(CMakePackageConfigHelpers)

file(RELATIVE_PATH to_libraries ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(drypoint_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${to_libraries}")
# Dependencies that lie outside the system's folders are found where they were at build time.
set_target_properties(drypoint drypoint_cli PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)

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
