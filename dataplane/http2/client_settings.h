// What an upstream is told by SETTINGS, and what is asked of it beyond the protocol. From the
// configuration.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "dataplane/http/head_parser.h"

namespace sallyport::dataplane {

struct Http2ClientSettings {
  uint32_t max_concurrent_streams = 100;  // at most, whatever the upstream allows
  uint32_t stream_window = 128 << 10;     // bytes of an answer that its client has not taken yet
  HeadLimits head{64 * 1024, 8 * 1024, 256};      // of an answer; max_head_bytes is announced
  absl::Duration head_time = absl::Seconds(10);   // of a header block, from its first byte
  absl::Duration write_idle = absl::Seconds(60);  // of a connection whose upstream takes nothing
  // Streams are in flight and nothing comes for so long: a PING, which must be answered in time.
  absl::Duration ping_after = absl::Seconds(30);
  absl::Duration ping_timeout = absl::Seconds(10);
  // Silence goes on: the next PING. gRPC's servers end connections that send them more often.
  absl::Duration ping_again = absl::Seconds(310);
};

}  // namespace sallyport::dataplane
