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

# What operators need besides: manual pages, completions, and with the server its unit, its user and an
# example of its settings. The pages are sources that need no tool; tools/gen_docs.py keeps them true.
install(FILES ${PROJECT_SOURCE_DIR}/man/libattl.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
install(FILES ${PROJECT_SOURCE_DIR}/man/attl-settings.toml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
set(attl_packaging ${PROJECT_SOURCE_DIR}/packaging)
if(TARGET attl_cli_program)
  install(FILES ${PROJECT_SOURCE_DIR}/man/attl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${attl_packaging}/completions/attl.bash RENAME attl
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${attl_packaging}/completions/_attl
          DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
  install(FILES ${attl_packaging}/completions/attl.fish
          DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
if(TARGET attld)
  install(FILES ${PROJECT_SOURCE_DIR}/man/attld.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
  install(FILES ${attl_packaging}/etc/settings.toml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
  # systemd looks below lib, whatever the libraries' folder is called.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${attl_packaging}/systemd/attld.service)
  file(READ ${attl_packaging}/systemd/attld.service attl_unit)
  string(REPLACE "/usr/bin/attld" "${CMAKE_INSTALL_FULL_BINDIR}/attld" attl_unit "${attl_unit}")
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/attld.service CONTENT "${attl_unit}" @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/attld.service DESTINATION lib/systemd/system)
  install(FILES ${attl_packaging}/systemd/attl.sysusers.conf RENAME attl.conf DESTINATION lib/sysusers.d)
  install(FILES ${attl_packaging}/systemd/attl.tmpfiles.conf RENAME attl.conf DESTINATION lib/tmpfiles.d)
endif()
