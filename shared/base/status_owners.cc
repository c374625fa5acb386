// In TSan builds, how an absl::Status lets go of what it shares with others: by the counter that
// Abseil's own code uses, but compiled here. Debian's Abseil is not instrumented: TSan would see
// the last owner free what others have read, and not the counter that says that they are done.
#ifdef SALLYPORT_TSAN

#include <atomic>

#include "absl/status/status.h"

namespace absl {
ABSL_NAMESPACE_BEGIN

void Status::UnrefNonInlined(uintptr_t rep) {
  status_internal::StatusRep* const shared = RepToPointer(rep);
  if (shared->ref.fetch_sub(1, std::memory_order_acq_rel) == 1) delete shared;
}

ABSL_NAMESPACE_END
}  // namespace absl

#endif
