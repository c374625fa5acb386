# sallyport_library(shared/base DEPS ... [PCH base|rpc|asio|none])
#   The library of one folder: every *.cc in it except main.cc. shared/base -> target shared_base.
# sallyport_test(shared/base DEPS ...)
#   One GoogleTest binary of every *_test.cc in tests/unit/<folder>, registered with ctest.
# sallyport_fuzz(pem FOLDER shared/crypto): tests/fuzz/pem_fuzz.cc, when SALLYPORT_FUZZ is on.

set(SALLYPORT_PCH_base <algorithm> <cstdint> <functional> <map> <memory> <optional> <string>
    <utility> <variant> <vector> <absl/status/status.h> <absl/status/statusor.h>
    <absl/strings/str_cat.h> <absl/strings/string_view.h> <absl/time/time.h>)

# Folders whose parsers are fuzzed with coverage feedback; they take no PCH then, whose flags would differ.
# (authsvc/dialects is fuzzed without: its parsers are nlohmann-json's and yaml-cpp's.)
set(SALLYPORT_FUZZED shared/crypto shared/domain shared/header shared/jwt authsvc/verify dataplane/http dataplane/http2
    dataplane/script/wire)

function(sallyport_flags target)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE ${SALLYPORT_WARNINGS} ${SALLYPORT_SANITIZE_FLAGS})
endfunction()

function(sallyport_pch target kind)
  if(kind STREQUAL "none")
    return()
  endif()
  target_precompile_headers(${target} REUSE_FROM pch_${kind})
endfunction()

# A PCH owner: an empty library compiled with exactly the flags of its users. Test code is compiled
# without optimisation (half of its build time), so it has owners of its own, with GoogleTest in them.
set(SALLYPORT_TEST_FLAGS -O0 -U_FORTIFY_SOURCE)

function(sallyport_pch_owner kind)
  cmake_parse_arguments(ARG "" "" "HEADERS;DEPS;FLAGS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/pch_${kind}.cc)
  if(NOT EXISTS ${source})
    file(WRITE ${source} "namespace { [[maybe_unused]] const int kPch = 0; }\n")
  endif()
  add_library(pch_${kind} STATIC ${source})
  sallyport_flags(pch_${kind})
  target_compile_options(pch_${kind} PRIVATE ${ARG_FLAGS})
  target_link_libraries(pch_${kind} PUBLIC ${ARG_DEPS})
  target_precompile_headers(pch_${kind} PRIVATE ${ARG_HEADERS})
endfunction()

function(sallyport_library folder)
  cmake_parse_arguments(ARG "" "PCH" "DEPS" ${ARGN})
  string(REPLACE "/" "_" target ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  add_library(${target} STATIC ${sources})
  sallyport_flags(${target})
  if(SALLYPORT_FUZZ AND folder IN_LIST SALLYPORT_FUZZED)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    set_target_properties(${target} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
  endif()
  target_link_libraries(${target} PUBLIC ${ARG_DEPS})
  if(NOT ARG_PCH)
    set(ARG_PCH base)
  endif()
  sallyport_pch(${target} ${ARG_PCH})
  sallyport_unity(${target} 6)
endfunction()

# Several files of a folder make one compilation: loading the precompiled header and the code of inline functions are
# most of the cost of a small file, and nearly all of a test's. File-local names must differ within a folder, also those of
# functions with other parameters: a call might mean another file's.
function(sallyport_unity target files)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SALLYPORT_UNITY} UNITY_BUILD_BATCH_SIZE ${files})
endfunction()

# Folders of pure functions: their unit tests run on one thread, so the TSan build leaves them out.
set(SALLYPORT_SINGLE_THREADED shared/config shared/crypto shared/domain shared/header shared/jwt authsvc/ctl
    authsvc/decide authsvc/dialects authsvc/dialects/apisix authsvc/identify authsvc/resolve dataplane/http
    dataplane/route dataplane/script/wire dataplane/upstream_tls)

function(sallyport_test folder)
  cmake_parse_arguments(ARG "" "PCH" "DEPS" ${ARGN})
  if(SALLYPORT_SANITIZE STREQUAL "thread" AND folder IN_LIST SALLYPORT_SINGLE_THREADED)
    return()
  endif()
  string(REPLACE "/" "_" target ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/*_test.cc)
  add_executable(unit_${target} ${sources})
  sallyport_flags(unit_${target})
  target_compile_options(unit_${target} PRIVATE ${SALLYPORT_TEST_FLAGS})
  target_link_libraries(unit_${target} PRIVATE ${target} ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  if(NOT ARG_PCH)
    set(ARG_PCH base)
  endif()
  if(NOT ARG_PCH STREQUAL "none")
    sallyport_pch(unit_${target} test_${ARG_PCH})
  endif()
  sallyport_unity(unit_${target} 10)
  add_test(NAME ${folder} COMMAND unit_${target} --gtest_brief=1)
  set_tests_properties(${folder} PROPERTIES TIMEOUT 300)
endfunction()

function(sallyport_fuzz name)
  cmake_parse_arguments(ARG "" "FOLDER" "DEPS" ${ARGN})
  if(NOT SALLYPORT_FUZZ)
    return()
  endif()
  string(REPLACE "/" "_" target ${ARG_FOLDER})
  add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}_fuzz.cc)
  sallyport_flags(fuzz_${name})
  target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(fuzz_${name} PRIVATE ${target} ${ARG_DEPS})
  add_dependencies(fuzzers fuzz_${name})
endfunction()

# sallyport_without_tsan(file.cc ...): files that touch gRPC's callback classes. Debian's gRPC is not
# instrumented, so TSan cannot see how it hands objects from thread to thread and would report correct
# code; whatever these files call is instrumented. Their atomics are too: a shared_ptr given up here must
# be seen, or its last owner's destructor would look like a race with what was read through it.
function(sallyport_without_tsan)
  if(SALLYPORT_SANITIZE STREQUAL "thread")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS
      "-mllvm=-tsan-instrument-memory-accesses=0;-mllvm=-tsan-instrument-memintrinsics=0"
      SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()
