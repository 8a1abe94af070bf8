# SPDX-License-Identifier: BSD-2-Clause
# The Python package: build/python/asyncttlcache, to be used with PYTHONPATH=build/python. The extension
# has libattl.a inside, so it is one file, whatever libattl.so is about. It uses CPython's stable ABI of 3.11, so it works with every later version. Debian's interpreter comes
# first, whatever python is first in PATH: the tests use it.
find_program(ATTL_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(ATTL_PYTHON python3)
set(ATTL_PYTHON_INCLUDE "" CACHE PATH "folder of Python.h; empty: that of ATTL_PYTHON")
if(ATTL_PYTHON AND NOT ATTL_PYTHON_INCLUDE)
  execute_process(COMMAND ${ATTL_PYTHON} -c
    "import sys, sysconfig; print(sysconfig.get_path('include') if sys.version_info >= (3, 11) else '')"
    OUTPUT_VARIABLE ATTL_PYTHON_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
set(python_found OFF)
if(ATTL_PYTHON_INCLUDE AND EXISTS ${ATTL_PYTHON_INCLUDE}/Python.h)
  set(python_found ON)
endif()
attl_optional(PYTHON ${python_found} python3-dev)
if(ATTL_SANITIZE OR ATTL_FUZZ)
  set(ATTL_HAVE_PYTHON OFF) # the interpreter is not built with them
endif()
if(NOT ATTL_HAVE_PYTHON)
  return()
endif()

set(attl_python_from ${PROJECT_SOURCE_DIR}/bindings/python)
set(attl_python_to ${PROJECT_BINARY_DIR}/python/asyncttlcache)
file(GLOB attl_python_sources CONFIGURE_DEPENDS ${attl_python_from}/src/*.c)
file(GLOB attl_python_files CONFIGURE_DEPENDS ${attl_python_from}/asyncttlcache/*.py
  ${attl_python_from}/asyncttlcache/*.pyi ${attl_python_from}/asyncttlcache/py.typed)
set(attl_python_map ${attl_python_from}/src/_attl.map)

add_library(attl_python MODULE ${attl_python_sources})
set_target_properties(attl_python PROPERTIES PREFIX "" OUTPUT_NAME _attl SUFFIX .abi3.so
  LIBRARY_OUTPUT_DIRECTORY ${attl_python_to} LINK_DEPENDS ${attl_python_map} LINKER_LANGUAGE C)
target_compile_definitions(attl_python PRIVATE Py_LIMITED_API=0x030b0000)
target_include_directories(attl_python SYSTEM PRIVATE ${ATTL_PYTHON_INCLUDE})
add_dependencies(attl_python attl_static)
target_link_libraries(attl_python PRIVATE ${PROJECT_BINARY_DIR}/libattl.a attl_headers)
if(ATTL_HAVE_ZSTD)
  target_link_libraries(attl_python PRIVATE PkgConfig::ZSTD)
endif()
set_property(TARGET attl_python APPEND PROPERTY LINK_DEPENDS ${PROJECT_BINARY_DIR}/libattl.a)
target_link_options(attl_python PRIVATE -Wl,--version-script=${attl_python_map})

# The Python files beside it.
add_custom_command(OUTPUT ${attl_python_to}/.copied
  COMMAND ${CMAKE_COMMAND} -E make_directory ${attl_python_to}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${attl_python_files} ${attl_python_to}
  COMMAND ${CMAKE_COMMAND} -E touch ${attl_python_to}/.copied
  DEPENDS ${attl_python_files} VERBATIM COMMENT "Copying asyncttlcache")
add_custom_target(attl_python_package ALL DEPENDS attl_python ${attl_python_to}/.copied)
