# Language, warnings, sanitisers. SALLYPORT_SANITIZE is empty, "address" (ASan + UBSan) or "thread".
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

option(SALLYPORT_TESTS "Build the unit tests, fuzz targets and benchmarks" ON)
option(SALLYPORT_UNITY "Compile the files of a folder together; OFF rebuilds less after an edit" ON)
option(SALLYPORT_FUZZ "Build the libFuzzer targets (clang, with SALLYPORT_SANITIZE=address)" OFF)
set(SALLYPORT_SANITIZE "" CACHE STRING "'', 'address' or 'thread'")
set_property(CACHE SALLYPORT_SANITIZE PROPERTY STRINGS "" address thread)

find_program(CCACHE ccache)
if(CCACHE)
  # A PCH is only cacheable when its time stamp is out of it.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

set(SALLYPORT_WARNINGS -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor
    -Woverloaded-virtual -Wno-missing-field-initializers)
add_compile_options(-fno-omit-frame-pointer -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Debian's Abseil was built by gcc: without this ABI level string_view arguments do not link.
  add_compile_options(-fclang-abi-compat=17)
  list(APPEND SALLYPORT_WARNINGS -Wthread-safety -Wimplicit-fallthrough -Wno-gnu-zero-variadic-macro-arguments)
  add_link_options(-fuse-ld=lld)
  add_compile_options(-fpch-instantiate-templates)
  if(CCACHE)
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
else()
  # gcc 12 compiles everything once for its warnings and is not shipped (STYLE: co_await and
  # braced temporaries). The first three fire inside libstdc++ and Abseil headers; the last at every file-local type,
  # since unity builds include the file.
  list(APPEND SALLYPORT_WARNINGS -Wno-maybe-uninitialized -Wno-restrict -Wno-dangling-pointer
       -Wno-subobject-linkage)
endif()

if(SALLYPORT_SANITIZE STREQUAL "address")
  set(SALLYPORT_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined
      -fno-sanitize=vptr)
elseif(SALLYPORT_SANITIZE STREQUAL "thread")
  set(SALLYPORT_SANITIZE_FLAGS -fsanitize=thread)
  add_compile_definitions(SALLYPORT_TSAN)
  # Debian's libraries must not run inline functions of ours, say std::string's, in place of their own: TSan would see
  # what they do and not their locks, and report correct code. So a program shows them none of its C++ functions.
  set(exports -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/tsan_exports.map)
  add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:${exports}>)
endif()
if(SALLYPORT_SANITIZE)
  add_compile_definitions(SALLYPORT_SANITIZED)
  set(CMAKE_CXX_FLAGS_RELEASE "-O1 -g1")
  add_link_options(${SALLYPORT_SANITIZE_FLAGS})
else()
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
  add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()
# Frames of coroutines come from `operator new`, where the data plane keeps them (dataplane/kept_new.cc), not from the
# slow aligned_alloc. The same everywhere, or one class would be two.
add_compile_definitions(BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC BOOST_ASIO_DISABLE_BOOST_ALIGN)
add_compile_options(-fPIE)
add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie> -Wl,-z,relro,-z,now)
