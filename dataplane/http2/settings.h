// What a client is told by SETTINGS, and what is asked of it beyond the protocol. From the
// configuration.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "dataplane/http/head_parser.h"

namespace sallyport::dataplane {

struct Http2Settings {
  uint32_t max_concurrent_streams = 128;
  uint32_t stream_window =
      128 << 10;  // bytes of a request's body that are not with the upstream yet
  uint32_t connection_window = 1 << 20;  // the same, of all requests of a connection together
  uint32_t frame_bytes = 16 << 10;       // largest frame that is taken: 2^14 to 2^24 - 1
  HeadLimits head;                       // max_head_bytes is announced as the header list's size
  absl::Duration head_time = absl::Seconds(10);   // of a header block, from its first byte
  absl::Duration write_idle = absl::Seconds(60);  // of a stream whose client does not let it go on
};

}  // namespace sallyport::dataplane
