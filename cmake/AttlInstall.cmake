# SPDX-License-Identifier: BSD-2-Clause
# Installation, and the two ways a program finds us: pkg-config (attl.pc) and find_package(attl).
install(TARGETS attl EXPORT attlTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET attl-toml)
  install(TARGETS attl-toml EXPORT attlTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(attl_programs)
  install(TARGETS ${attl_programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES ${PROJECT_BINARY_DIR}/libattl.a DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/attl DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The prefix is found from the file's own place, so that an installed tree may be moved.
file(RELATIVE_PATH ATTL_PC_UP
     ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/attl.pc.in attl.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/attl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET attl-toml)
  configure_file(cmake/attl-toml.pc.in attl-toml.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/attl-toml.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

set(attl_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attl)
install(EXPORT attlTargets NAMESPACE attl:: DESTINATION ${attl_cmake_dir})
configure_package_config_file(cmake/attlConfig.cmake.in attlConfig.cmake
                              INSTALL_DESTINATION ${attl_cmake_dir})
write_basic_package_version_file(attlConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/attlConfig.cmake ${PROJECT_BINARY_DIR}/attlConfigVersion.cmake
        DESTINATION ${attl_cmake_dir})
