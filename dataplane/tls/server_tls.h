// The server side of TLS on one loop: an SSL_CTX for the listener's TLS settings, the certificate set per
// connection by SNI, a client certificate requested only where an API can use it, stateless tickets.
// Proves possession of the client's key and nothing more: paths are judged by authsvc (DESIGN 2.2, 8).
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/loop/loop.h"
#include "dataplane/loop/stream.h"
#include "dataplane/tls/chain_store.h"
#include "dataplane/tls/peer.h"
#include "dataplane/tls/server_source.h"
#include "dataplane/tls/ticket_keys.h"
#include "shared/base/clock.h"

namespace sallyport::dataplane {

struct ServerTlsSettings {
  std::string min_version = "1.2";  // "1.2" | "1.3"
  std::string max_version = "1.3";
  std::string ciphers;              // TLS 1.2 list of OpenSSL; empty: ECDHE with AEAD only
  bool tickets = true;
  absl::Duration ticket_max_age = absl::Hours(8);  // since the full handshake
};

// Where a connection came in.
struct ListenerFacts {
  std::string id;
  uint16_t port = 0;
};

class ServerTls {
 public:
  // All that is referred to outlives this. One per loop and set of TLS settings.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ServerTls>> Create(
      const ServerTlsSettings& settings, Loop& loop, ServerSource& source, TicketKeys& keys,
      ChainStore& chains);
  ~ServerTls();
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;

  // One accepted connection: its stream and what the handshake needs to remember.
  class Connection {
   public:
    ~Connection();
    [[nodiscard]] TlsStream& stream() { return *stream_; }
    // Once the handshake is done. Fails when the chain could not be taken (fail closed: close).
    [[nodiscard]] absl::StatusOr<TlsPeer> Peer();
    // Sends one ticket with the next write (TLS 1.3, tickets on): call with the first permitted answer.
    void OfferTicket();
    // Why the handshake failed, for the metric: "no_server_certificate", "certificate_too_large", "timeout",
    // or OpenSSL's reason.
    [[nodiscard]] std::string FailureLabel(const IoResult& result) const;

   private:
    friend class ServerTls;
    friend struct ServerTlsCallbacks;
    Connection() = default;
    ServerTls* owner_ = nullptr;
    const ListenerFacts* listener_ = nullptr;
    std::string sni_;
    bool hello_seen_ = false;
    bool no_credential_ = false;
    bool too_many_certificates_ = false;
    bool ticket_offered_ = false;
    ClientTlsAnswer client_tls_;
    std::string ticket_data_;       // of the resumed session
    std::shared_ptr<bool> waiting_;  // a look-up is under way; false once `ready` was called
    std::function<void()> wake_;
    std::unique_ptr<TlsStream> stream_;
  };

  // Takes `fd`. `listener` outlives the connection.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<Connection>> Accept(int fd,
                                                                   const ListenerFacts& listener);
  // The whole handshake, pauses included; result kinds as Handshake in loop/stream.h.
  [[nodiscard]] boost::asio::awaitable<IoResult> Handshake(Connection& connection, Deadline deadline);

 private:
  friend struct ServerTlsCallbacks;
  ServerTls(const ServerTlsSettings& settings, Loop& loop, ServerSource& source, TicketKeys& keys,
            ChainStore& chains);
  [[nodiscard]] absl::Status Configure();

  const ServerTlsSettings settings_;
  Loop& loop_;
  ServerSource& source_;
  TicketKeys& keys_;
  ChainStore& chains_;
  SSL_CTX* context_ = nullptr;
};

}  // namespace sallyport::dataplane
