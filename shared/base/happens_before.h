// Tells TSan of an order between threads that it cannot see, because a library that is not
// instrumented makes it (gRPC). Nothing in other builds. Say at each use which promise of the
// library it stands for; where we have a lock or an atomic of our own, TSan sees it and this has no
// place.
#pragma once

#ifdef SALLYPORT_TSAN
#include <sanitizer/tsan_interface.h>

// For one file of a program that uses gRPC: what goes through gRPC is freed and copied out of
// TSan's sight, so it must not look at frees and copies. (With this option it looks at none, not
// even at ours: programs without gRPC do not set it.)
#define SALLYPORT_TSAN_OPTIONS_WITH_GRPC \
  extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
#else
#define SALLYPORT_TSAN_OPTIONS_WITH_GRPC
#endif

namespace sallyport::base {

// What this thread has done so far happens before what follows HappensAfter(`mark`) on another
// thread.
inline void HappensBefore([[maybe_unused]] const void* mark) {
#ifdef SALLYPORT_TSAN
  __tsan_release(const_cast<void*>(mark));
#endif
}

inline void HappensAfter([[maybe_unused]] const void* mark) {
#ifdef SALLYPORT_TSAN
  __tsan_acquire(const_cast<void*>(mark));
#endif
}

}  // namespace sallyport::base
