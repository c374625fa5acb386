// One connection to an upstream: the stream, what was read and not used, and what its handshake showed.
// Belongs to one loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "dataplane/loop/buffer.h"
#include "dataplane/loop/stream.h"
#include "dataplane/upstream_tls/client_context.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct UpstreamFailure {
  base::Reason reason = base::Reason::kUpstreamConnect;
  std::string detail;        // operators only
  std::string spki_sha256;   // of the server's leaf where a handshake got that far, hex
};

struct UpstreamConnection {
  explicit UpstreamConnection(Loop& loop) : buffer(loop.buffers()) {}

  std::shared_ptr<ClientTlsContext> tls_context;  // null for plain http
  UpstreamTlsFacts tls;
  std::string address;                            // "ip:port" that was connected to
  absl::Duration connect_took;
  absl::Duration handshake_took;
  std::unique_ptr<Stream> stream;                 // its SSL uses the two above
  ReadBuffer buffer;
  absl::Duration opened;                          // loop time
  absl::Duration idle_since;
  uint64_t uses = 0;                              // requests that were started on it
  bool retired = false;                           // never give it out again
};

}  // namespace sallyport::dataplane
