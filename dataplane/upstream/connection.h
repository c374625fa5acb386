// One connection to an upstream: the stream, what was read and not used, and what its handshake
// showed. Belongs to one loop's thread.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "dataplane/http/head.h"
#include "dataplane/loop/buffer.h"
#include "dataplane/loop/stream.h"
#include "dataplane/upstream_tls/client_context.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct UpstreamFailure {
  base::Reason reason = base::Reason::kUpstreamConnect;
  std::string detail;       // operators only
  std::string spki_sha256;  // of the server's leaf where a handshake got that far, hex
};

// What the log says of a connection. Immutable, shared with the outcomes of its requests.
struct UpstreamFacts {
  std::string address;      // "ip:port" that was connected to; empty when it never was
  bool by_proxy = false;    // that is the forward proxy's
  std::string tls_version;  // empty for plain http
  bool resumed = false;
  bool certificate_requested = false;
  std::string presented_certificate_id;  // empty: none was presented
  std::string spki_sha256;               // of the server's leaf, hex; empty for plain http
  bool pin_mismatch = false;             // also in report-only mode
  bool http2 = false;
};
using UpstreamFactsPtr = std::shared_ptr<const UpstreamFacts>;

struct UpstreamConnection {
  explicit UpstreamConnection(Loop& loop) : buffer(loop.buffers()) {}
  ~UpstreamConnection() {
    // OpenSSL would take the session out of use because no close_notify was exchanged; since
    // TLS 1.1 only a fatal alert does that (RFC 4346 §7.2.1), and it has by then.
    SSL* const ssl = stream != nullptr ? stream->ssl() : nullptr;
    if (ssl != nullptr) SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  // Between two requests: nothing is left of what was received, decrypted or not. Bytes behind an
  // answer would be taken for the next one.
  [[nodiscard]] bool NothingLeft() const {
    if (!buffer.empty()) return false;
    if (!stream->HasBuffered()) return true;
    char byte = 0;  // a session ticket is taken in by the read, data is not
    return stream->TryRead(absl::MakeSpan(&byte, 1)).wants() && !stream->HasBuffered();
  }
  // An idle one that can be used.
  [[nodiscard]] bool Quiet() const {
    return NothingLeft() && stream->IdleAndOpen(looks_when_given_back);
  }
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;

  std::shared_ptr<ClientTlsContext> tls_context;  // null for plain http
  UpstreamTlsFacts tls;
  UpstreamFactsPtr facts;            // once it is open
  boost::asio::ip::address address;  // that it is connected to
  absl::Duration connect_took;
  absl::Duration handshake_took;
  std::unique_ptr<Stream> stream;  // its SSL uses the two above
  ReadBuffer buffer;
  ResponseHead head;      // of the answer that is being read
  std::string out;        // what is being written
  absl::Duration opened;  // loop time
  absl::Duration idle_since;
  uint64_t looks_when_given_back = 0;  // of the loop
  uint64_t uses = 0;                   // requests that were started on it
  bool retired = false;                // never give it out again
  bool http2 = false;                  // what is to be spoken on it
  bool by_proxy = false;               // it leads through a forward proxy
};

}  // namespace sallyport::dataplane
