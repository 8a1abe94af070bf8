# SPDX-License-Identifier: BSD-2-Clause
# libattl.so, libattl.a, libattl-toml.so, attld and attl, each present as soon as its sources are.
set(attl_so_version 0) # the ABI's major; changes only with an incompatible libattl

# --- libattl.so: C only, exports what src/libattl.map lists --------------------------------------
attl_objects(attl_lib_objects ${ATTL_LIB_LAYERS})
set(attl_map ${PROJECT_SOURCE_DIR}/src/libattl.map)
add_library(attl SHARED ${attl_lib_objects})
add_library(attl::attl ALIAS attl)
set_target_properties(attl PROPERTIES LINKER_LANGUAGE C VERSION ${PROJECT_VERSION}
  SOVERSION ${attl_so_version} LINK_DEPENDS ${attl_map}
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} EXPORT_NAME attl)
target_include_directories(attl PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                       $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(attl PRIVATE attl_headers)
set(ATTL_PC_LIBS_PRIVATE "") # what a static link needs besides
if(ATTL_HAVE_ZSTD)
  target_link_libraries(attl PRIVATE PkgConfig::ZSTD)
  list(JOIN ZSTD_LDFLAGS " " ATTL_PC_LIBS_PRIVATE)
endif()
target_link_options(attl PRIVATE -Wl,--version-script=${attl_map})
if(NOT ATTL_SANITIZE AND NOT ATTL_FUZZ)
  target_link_options(attl PRIVATE -Wl,-z,defs) # the sanitizers' run time is in the program
endif()

# --- libattl.a: one object in which everything but attl_* is local -------------------------------
# `ld -r` joins, objcopy hides: a program may own a buf_append() of its own and link us statically. What
# attl_unstable.h declares is to be had here and nowhere else.
set(attl_one ${PROJECT_BINARY_DIR}/attl_one.o)
add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/libattl.a
  COMMAND ${CMAKE_LINKER} -r -o ${attl_one} ${attl_lib_objects}
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=attl_* ${attl_one}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${PROJECT_BINARY_DIR}/libattl.a
  COMMAND ${CMAKE_AR} qcsD ${PROJECT_BINARY_DIR}/libattl.a ${attl_one}
  DEPENDS ${attl_lib_objects} COMMAND_EXPAND_LISTS VERBATIM COMMENT "Joining libattl.a")
add_custom_target(attl_static ALL DEPENDS ${PROJECT_BINARY_DIR}/libattl.a)

# --- libattl-toml.so: attl_config_load, with toml++ behind a C function --------------------------
file(GLOB attl_toml_sources CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/src/config/*toml*.c ${PROJECT_SOURCE_DIR}/src/config/*toml*.cpp
  ${PROJECT_SOURCE_DIR}/src/api/*toml*.c)
if(NOT attl_toml_sources)
  set(ATTL_HAVE_TOML OFF)
endif()
if(ATTL_HAVE_TOML)
  add_library(attl_toml_objects OBJECT ${attl_toml_sources})
  target_compile_options(attl_toml_objects PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
  target_include_directories(attl_toml_objects SYSTEM PRIVATE ${ATTL_TOML_INCLUDE})
  target_link_libraries(attl_toml_objects PUBLIC attl_headers)

  set(attl_toml_map ${PROJECT_SOURCE_DIR}/src/libattl-toml.map)
  add_library(attl-toml SHARED $<TARGET_OBJECTS:attl_toml_objects>)
  add_library(attl::toml ALIAS attl-toml)
  set_target_properties(attl-toml PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
    SOVERSION ${attl_so_version} LINK_DEPENDS ${attl_toml_map}
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} EXPORT_NAME toml)
  # Public functions come from libattl.so; the few internal helpers it shares are linked in, hidden.
  attl_archives(attl_toml_helpers ${ATTL_LIB_LAYERS})
  target_link_libraries(attl-toml PUBLIC attl PRIVATE ${attl_toml_helpers})
  target_link_options(attl-toml PRIVATE -Wl,--version-script=${attl_toml_map})
endif()

# --- attld and attl -------------------------------------------------------------------------------
# Both are linked statically from our own archives: one file to copy, calls into the engine are direct,
# and what a program does not use is not in it.
set(attl_programs "")
if(ATTL_SERVER AND EXISTS ${PROJECT_SOURCE_DIR}/src/server/main.c)
  add_executable(attld src/server/main.c)
  attl_archives(archives server ${ATTL_LIB_LAYERS} metric audit access alert command net admin)
  if(ATTL_HAVE_TOML)
    target_sources(attld PRIVATE $<TARGET_OBJECTS:attl_toml_objects>)
    set_target_properties(attld PROPERTIES LINKER_LANGUAGE CXX)
  endif()
  if(ATTL_HAVE_JEMALLOC)
    # Kept by name: nothing refers to it, yet it must replace malloc.
    target_link_options(attld PRIVATE -Wl,--push-state,--no-as-needed ${JEMALLOC_LINK_LIBRARIES}
                                      -Wl,--pop-state)
  endif()
  target_link_libraries(attld PRIVATE ${archives} attl_headers)
  list(APPEND attl_programs attld)
endif()
if(ATTL_SERVER AND ATTL_HAVE_LIBEDIT AND EXISTS ${PROJECT_SOURCE_DIR}/src/cli/main.c)
  add_executable(attl_cli_program src/cli/main.c)
  set_target_properties(attl_cli_program PROPERTIES OUTPUT_NAME attl)
  attl_archives(archives cli)
  target_link_libraries(attl_cli_program PRIVATE ${archives} PkgConfig::LIBEDIT attl_headers)
  list(APPEND attl_programs attl_cli_program)
endif()
if(attl_programs)
  foreach(program ${attl_programs}) # an archive names what it may need, not what this program does
    target_link_options(${program} PRIVATE -Wl,--as-needed)
  endforeach()
  set_target_properties(${attl_programs} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endif()

# --- examples: compiled with everything else, so that they cannot rot -----------------------------
if(PROJECT_IS_TOP_LEVEL)
  file(GLOB attl_examples CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.c)
  # Those of an event loop are left out where the loop's library is missing.
  pkg_check_modules(LIBUV QUIET IMPORTED_TARGET libuv)
  pkg_check_modules(LIBEVENT QUIET IMPORTED_TARGET libevent_core)
  foreach(source ${attl_examples})
    get_filename_component(name ${source} NAME_WE)
    set(loop "")
    if(name MATCHES "_(libuv|libevent)$")
      string(TOUPPER ${CMAKE_MATCH_1} loop)
      if(NOT ${loop}_FOUND)
        continue()
      endif()
    endif()
    add_executable(example_${name} ${source})
    target_link_libraries(example_${name} PRIVATE attl)
    if(loop)
      target_link_libraries(example_${name} PRIVATE PkgConfig::${loop})
    endif()
    set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name}
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
  endforeach()
endif()

function(attl_summary)
  string(REPLACE ";" " " present "${ATTL_PRESENT}")
  message(STATUS "attl ${PROJECT_VERSION}: ${CMAKE_BUILD_TYPE}, sanitizers '${ATTL_SANITIZE}', "
                 "jemalloc ${ATTL_HAVE_JEMALLOC}, toml ${ATTL_HAVE_TOML}, libedit ${ATTL_HAVE_LIBEDIT}, "
                 "zstd ${ATTL_HAVE_ZSTD}, python ${ATTL_HAVE_PYTHON}, dashboard ${ATTL_HAVE_UI}")
  message(STATUS "layers: ${present}")
endfunction()
