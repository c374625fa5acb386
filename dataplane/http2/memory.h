// Memory of nghttp2's sessions: what the loop's thread keeps (kept_memory.h), but for one. A
// session has a buffer of 16 KiB for frames on their way out, of which ours never touch more than
// the first page: bodies do not go through it. From malloc such a buffer is memory that others have
// used before, all of it in RAM; here it has pages of its own, and an idle connection costs 12 KiB
// less. Thread-safe.
#pragma once

#include <nghttp2/nghttp2.h>

namespace sallyport::dataplane {

// For nghttp2_session_*_new3; lives for ever.
[[nodiscard]] nghttp2_mem* Http2Memory();

}  // namespace sallyport::dataplane
