# SPDX-License-Identifier: BSD-2-Clause
# The page at "/" of attld's HTTP door, embedded in the program. It is the dashboard where ui/ can be
# bundled (node and npm, which fetches what package-lock.json names) or was (ui/dist of a release's
# tarball); otherwise src/admin/plain.*, which needs neither. From the list of files follow the rows of
# asset_rows.inc and an assembly file with .incbin, which costs no compile time and works under LTO.
set(ATTL_HAVE_UI OFF)
set(attl_ui_dir ${PROJECT_SOURCE_DIR}/ui)
set(attl_ui_generated ${PROJECT_BINARY_DIR}/generated)

# Whether ui/ can be bundled here, in *ret: node is new enough, and node_modules has what package.json
# wants, or npm can fetch it. What only the tests need is left alone if it is there, else out.
function(attl_ui_can_bundle ret)
  set(${ret} OFF PARENT_SCOPE)
  find_program(ATTL_NODE node)
  find_program(ATTL_NPM npm)
  mark_as_advanced(ATTL_NODE ATTL_NPM)
  if(NOT ATTL_NODE OR NOT ATTL_NPM)
    return()
  endif()
  execute_process(COMMAND ${ATTL_NODE} --version OUTPUT_VARIABLE version
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  string(REGEX REPLACE "^v" "" version "${version}")
  if(version VERSION_LESS 18)
    message(STATUS "dashboard: node ${version} is older than 18")
    return()
  endif()
  execute_process(COMMAND ${ATTL_NPM} ls --omit=dev WORKING_DIRECTORY ${attl_ui_dir} TIMEOUT 60
                  RESULT_VARIABLE lacking OUTPUT_QUIET ERROR_QUIET)
  if(lacking)
    message(STATUS "dashboard: npm ci")
    # Tried again soon or not at all: where there is no registry, a minute of waiting does not make one.
    execute_process(COMMAND ${ATTL_NPM} ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
                    --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=3000
                    WORKING_DIRECTORY ${attl_ui_dir} TIMEOUT 180 RESULT_VARIABLE failed
                    OUTPUT_VARIABLE said ERROR_VARIABLE said)
    if(failed)
      message(STATUS "dashboard: npm ci failed: ${said}")
      return()
    endif()
  endif()
  set(${ret} ON PARENT_SCOPE)
endfunction()

# The files of dist/: what is in static/, and what is bundled.
file(GLOB attl_ui_static CONFIGURE_DEPENDS RELATIVE ${attl_ui_dir}/static ${attl_ui_dir}/static/*)
set(attl_ui_names ${attl_ui_static} app.js app.css)

set(attl_ui_bundle OFF)
if(ATTL_SERVER AND NOT ATTL_WITH_UI STREQUAL "OFF" AND EXISTS ${attl_ui_dir}/package-lock.json)
  attl_ui_can_bundle(attl_ui_bundle)
endif()
if(attl_ui_bundle)
  set(ATTL_HAVE_UI ON)
  set(attl_ui_outputs "")
  foreach(name ${attl_ui_names})
    list(APPEND attl_ui_outputs ${attl_ui_dir}/dist/${name} ${attl_ui_dir}/dist/${name}.gz)
  endforeach()
  file(GLOB_RECURSE attl_ui_sources CONFIGURE_DEPENDS ${attl_ui_dir}/src/* ${attl_ui_dir}/static/*)
  add_custom_command(OUTPUT ${attl_ui_outputs}
    COMMAND ${ATTL_NODE} build.mjs WORKING_DIRECTORY ${attl_ui_dir}
    DEPENDS ${attl_ui_sources} ${attl_ui_dir}/build.mjs ${attl_ui_dir}/package-lock.json
    VERBATIM COMMENT "Bundling the dashboard")
elseif(ATTL_SERVER AND NOT ATTL_WITH_UI STREQUAL "OFF" AND EXISTS ${attl_ui_dir}/dist/index.html.gz)
  set(ATTL_HAVE_UI ON)
  message(STATUS "dashboard: ui/dist as it is")
elseif(ATTL_WITH_UI STREQUAL "ON")
  message(FATAL_ERROR "ATTL_WITH_UI=ON needs ui/dist, or node and npm and what npm fetches: apt-get install nodejs npm")
endif()

set(attl_ui_rows "/* Made by cmake/AttlUi.cmake. */\n")
set(attl_ui_asm "/* Made by cmake/AttlUi.cmake: the files of the page, and where each ends. */\n")
string(APPEND attl_ui_asm "    .section .note.GNU-stack,\"\",%progbits\n    .section .rodata\n")
set(attl_ui_embedded "")

# The bytes of `file` as `symbol` and `symbol`_end.
function(attl_ui_embed symbol file)
  string(APPEND attl_ui_asm
    "    .balign 16\n    .globl ${symbol}\n    .hidden ${symbol}\n${symbol}:\n    .incbin \"${file}\"\n"
    "    .globl ${symbol}_end\n    .hidden ${symbol}_end\n${symbol}_end:\n    .byte 0\n")
  set(attl_ui_asm "${attl_ui_asm}" PARENT_SCOPE)
  set(attl_ui_embedded ${attl_ui_embedded} ${file} PARENT_SCOPE)
endfunction()

# A row: "/" for the page itself, "/assets/NAME" for the others.
function(attl_ui_row dir name index kind)
  string(MAKE_C_IDENTIFIER "attl_ui_${name}" symbol)
  set(path "/assets/${name}")
  if(name STREQUAL index)
    set(path "/")
  endif()
  string(APPEND attl_ui_rows "${kind}(\"${path}\", \"${name}\", ${symbol})\n")
  attl_ui_embed(${symbol} ${dir}/${name})
  if(kind STREQUAL "ASSET_GZIP")
    attl_ui_embed(${symbol}_gz ${dir}/${name}.gz)
  endif()
  foreach(variable rows asm embedded)
    set(attl_ui_${variable} "${attl_ui_${variable}}" PARENT_SCOPE)
  endforeach()
endfunction()

if(ATTL_HAVE_UI)
  foreach(name ${attl_ui_names})
    attl_ui_row(${attl_ui_dir}/dist ${name} index.html ASSET_GZIP)
  endforeach()
else()
  foreach(name plain.html plain.js plain.css plain.svg)
    attl_ui_row(${PROJECT_SOURCE_DIR}/src/admin ${name} plain.html ASSET_PLAIN)
  endforeach()
endif()
file(CONFIGURE OUTPUT ${attl_ui_generated}/admin/asset_rows.inc CONTENT "${attl_ui_rows}" @ONLY)
file(CONFIGURE OUTPUT ${attl_ui_generated}/asset_bytes.S CONTENT "${attl_ui_asm}" @ONLY)

if(TARGET attl_admin)
  enable_language(ASM)
  # clang says of an assembly file that it has no use for the options of a compiler.
  set_source_files_properties(${attl_ui_generated}/asset_bytes.S PROPERTIES
    OBJECT_DEPENDS "${attl_ui_embedded}" COMPILE_OPTIONS -Wno-unused-command-line-argument)
  target_sources(attl_admin PRIVATE ${attl_ui_generated}/asset_bytes.S)
  target_include_directories(attl_admin PRIVATE ${attl_ui_generated})
endif()
