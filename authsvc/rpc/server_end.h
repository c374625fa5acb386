// gRPC promises that Server::Shutdown and Wait return after the last callback of the last call has.
// TSan sees nothing of that, as gRPC is not instrumented, so it is told.
#pragma once

#include "shared/base/happens_before.h"

namespace sallyport::authsvc {

inline constexpr char kServerEnd = 0;

// A call, or the object that serves it, does nothing more.
inline void CallHasEnded() { base::HappensBefore(&kServerEnd); }
// Wait has returned.
inline void AllCallsHaveEnded() { base::HappensAfter(&kServerEnd); }

}  // namespace sallyport::authsvc
