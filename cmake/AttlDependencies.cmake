# SPDX-License-Identifier: BSD-2-Clause
# What is used from the system. Nothing is downloaded and nothing third-party is in the tree; optional
# parts are ATTL_WITH_X=AUTO (used if found), ON (an error if missing) or OFF.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# Header only: inlined into the library, never linked.
find_path(ATTL_XXHASH_INCLUDE xxhash.h)
if(NOT ATTL_XXHASH_INCLUDE)
  message(FATAL_ERROR "xxhash.h is missing: apt-get install libxxhash-dev")
endif()

# Sets ATTL_HAVE_<name> from ATTL_WITH_<name> and whether it was found.
function(attl_optional name found package)
  set(have OFF)
  if(ATTL_WITH_${name} STREQUAL "ON" AND NOT found)
    message(FATAL_ERROR "ATTL_WITH_${name}=ON, but it was not found: apt-get install ${package}")
  elseif(NOT ATTL_WITH_${name} STREQUAL "OFF" AND found)
    set(have ON)
  endif()
  set(ATTL_HAVE_${name} ${have} PARENT_SCOPE)
endfunction()

pkg_check_modules(JEMALLOC QUIET IMPORTED_TARGET jemalloc)
attl_optional(JEMALLOC "${JEMALLOC_FOUND}" libjemalloc-dev)
if(ATTL_SANITIZE)
  set(ATTL_HAVE_JEMALLOC OFF) # the sanitizers bring their own malloc
endif()
pkg_check_modules(LIBEDIT QUIET IMPORTED_TARGET libedit)
attl_optional(LIBEDIT "${LIBEDIT_FOUND}" libedit-dev)
pkg_check_modules(ZSTD QUIET IMPORTED_TARGET libzstd)
attl_optional(ZSTD "${ZSTD_FOUND}" libzstd-dev)
find_path(ATTL_TOML_INCLUDE toml++/toml.h)
attl_optional(TOML "${ATTL_TOML_INCLUDE}" libtomlplusplus-dev)

# attld alone: digests and TLS, HTTP, JSON that others wrote, webhooks. libattl links none of them.
pkg_check_modules(OPENSSL QUIET IMPORTED_TARGET openssl>=3.0)
attl_optional(OPENSSL "${OPENSSL_FOUND}" libssl-dev)
pkg_check_modules(MICROHTTPD QUIET IMPORTED_TARGET libmicrohttpd)
attl_optional(MICROHTTPD "${MICROHTTPD_FOUND}" libmicrohttpd-dev)
pkg_check_modules(GNUTLS QUIET IMPORTED_TARGET gnutls) # what libmicrohttpd speaks TLS with
attl_optional(GNUTLS "${GNUTLS_FOUND}" libgnutls28-dev)
pkg_check_modules(JANSSON QUIET IMPORTED_TARGET jansson)
attl_optional(JANSSON "${JANSSON_FOUND}" libjansson-dev)
pkg_check_modules(CURL QUIET IMPORTED_TARGET libcurl)
attl_optional(CURL "${CURL_FOUND}" libcurl4-openssl-dev)
if(ATTL_SERVER AND NOT (ATTL_HAVE_OPENSSL AND ATTL_HAVE_MICROHTTPD AND ATTL_HAVE_GNUTLS AND ATTL_HAVE_JANSSON AND ATTL_HAVE_CURL))
  message(FATAL_ERROR "attld needs OpenSSL, libmicrohttpd, GnuTLS, jansson and libcurl: apt-get install libssl-dev "
                      "libmicrohttpd-dev libgnutls28-dev libjansson-dev libcurl4-openssl-dev (or -DATTL_SERVER=OFF for the library alone)")
endif()
