# SPDX-License-Identifier: BSD-2-Clause
# One object library per layer of tools/layers.txt, and one archive of it for tests. A layer's archive
# links those of all lower levels, so that a test of layer X sees X and what X may include, no more.
# Folders that are still empty are left out, so that the tree configures at any moment.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/layers.txt)
file(STRINGS ${PROJECT_SOURCE_DIR}/tools/layers.txt attl_layer_lines REGEX "^[a-z]+ [0-9]+")

# The engine: what libattl.so and libattl.a are made of.
set(ATTL_LIB_LAYERS base os cache config persist engine control api)
# What the layers of the server use from the system.
set(ATTL_USES_audit OPENSSL)
set(ATTL_USES_alert CURL)
set(ATTL_USES_net OPENSSL)
set(ATTL_USES_admin MICROHTTPD GNUTLS JANSSON OPENSSL)
# Those and the ones of the server; the tool (cli) is apart.
set(ATTL_LAYERS "")
set(ATTL_PRESENT "")

# Interface of the public header, for all targets inside this build.
add_library(attl_headers INTERFACE)
target_include_directories(attl_headers INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
target_link_libraries(attl_headers INTERFACE Threads::Threads m)

foreach(line ${attl_layer_lines})
  string(REGEX MATCH "^([a-z]+) ([0-9]+)" _ "${line}")
  set(layer ${CMAKE_MATCH_1})
  set(attl_level_${layer} ${CMAKE_MATCH_2})
  list(APPEND ATTL_LAYERS ${layer})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")   # a program's entry: see AttlProducts
  if(layer MATCHES "^(config|api)$")
    list(FILTER sources EXCLUDE REGEX "toml[^/]*$") # belongs to libattl-toml
  endif()
  if(layer STREQUAL "cli" AND NOT ATTL_HAVE_LIBEDIT)
    set(sources "")
  endif()
  foreach(library ${ATTL_USES_${layer}}) # the library alone can be built without them
    if(NOT ATTL_HAVE_${library})
      set(sources "")
    endif()
  endforeach()
  if(sources)
    list(APPEND ATTL_PRESENT ${layer})
    add_library(attl_${layer} OBJECT ${sources})
    target_link_libraries(attl_${layer} PUBLIC attl_headers)
    add_library(attl_${layer}_archive STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:attl_${layer}>)
    set_target_properties(attl_${layer}_archive PROPERTIES LINKER_LANGUAGE C)
    target_link_libraries(attl_${layer}_archive PUBLIC attl_headers)
    if(layer STREQUAL "cli")
      target_link_libraries(attl_cli_archive PUBLIC PkgConfig::LIBEDIT)
    endif()
    foreach(library ${ATTL_USES_${layer}})
      target_link_libraries(attl_${layer} PRIVATE PkgConfig::${library})
      target_link_libraries(attl_${layer}_archive PUBLIC PkgConfig::${library})
    endforeach()
    if(layer STREQUAL "command") # what attl_build_info says
      target_compile_definitions(attl_command PRIVATE ATTL_REVISION="${ATTL_REVISION}")
    endif()
    if(layer STREQUAL "os" AND ATTL_HAVE_ZSTD) # src/os/zstd.c refuses without it
      target_compile_definitions(attl_os PRIVATE ATTL_HAVE_ZSTD)
      target_link_libraries(attl_os PRIVATE PkgConfig::ZSTD)
      target_link_libraries(attl_os_archive PUBLIC PkgConfig::ZSTD)
    endif()
  endif()
endforeach()
foreach(layer ${ATTL_PRESENT})
  foreach(other ${ATTL_PRESENT})
    if(attl_level_${other} LESS attl_level_${layer})
      target_link_libraries(attl_${layer}_archive PUBLIC attl_${other}_archive)
    endif()
  endforeach()
endforeach()

# The archives of the named layers that exist, in *ret.
function(attl_archives ret)
  set(archives "")
  foreach(layer ${ARGN})
    if(layer IN_LIST ATTL_PRESENT)
      list(APPEND archives attl_${layer}_archive)
    endif()
  endforeach()
  set(${ret} ${archives} PARENT_SCOPE)
endfunction()

# The objects of the named layers that exist, in *ret.
function(attl_objects ret)
  set(objects "")
  foreach(layer ${ARGN})
    if(layer IN_LIST ATTL_PRESENT)
      list(APPEND objects $<TARGET_OBJECTS:attl_${layer}>)
    endif()
  endforeach()
  set(${ret} ${objects} PARENT_SCOPE)
endfunction()
