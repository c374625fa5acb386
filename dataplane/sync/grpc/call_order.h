// What a call is told happens after it was started, and one thing after the other: gRPC promises
// that, and TSan sees none of it. So Starting and Told say it, of the object that a call belongs
// to.
#pragma once

#include "shared/base/happens_before.h"

namespace sallyport::dataplane {

inline void Starting(const void* owner) { base::HappensBefore(owner); }
inline void Told(const void* owner) { base::HappensAfter(owner); }

}  // namespace sallyport::dataplane
