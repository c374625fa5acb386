// The server side of TLS on one loop: an SSL_CTX for the listener's TLS settings, the certificate
// set per connection by SNI, a client certificate requested only where an API can use it, stateless
// tickets. Proves possession of the client's key; paths are judged by authsvc (DESIGN 2.2, 8): per
// request, and at strict SNIs within the handshake as well, which waits for it without keeping the
// loop.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/loop/loop.h"
#include "dataplane/loop/stream.h"
#include "dataplane/sync/decision.h"
#include "dataplane/tls/chain_store.h"
#include "dataplane/tls/handshake_report.h"
#include "dataplane/tls/peer.h"
#include "dataplane/tls/server_source.h"
#include "dataplane/tls/ticket_data.h"
#include "dataplane/tls/ticket_keys.h"
#include "dataplane/tls/tls_library.h"

namespace sallyport::dataplane {

struct ServerTlsSettings {
  std::string min_version = "1.2";  // "1.2" | "1.3"
  std::string max_version = "1.3";
  // Since the full handshake, however often the session was resumed; zero: no tickets at all.
  absl::Duration ticket_max_age = absl::Hours(8);
};

// One accepted connection: its stream and what the handshake needs to remember.
class ServerConnection;
class StrictHandshake;
class StrictHandshakes;

class ServerTls {
 public:
  // All that is referred to outlives this and its connections. One per loop and set of TLS
  // settings. `strict` null: a client certificate at a strict SNI is refused.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ServerTls>> Create(
      const ServerTlsSettings& settings, Loop& loop, const TlsLibrary& library,
      ServerSource& source, TicketKeys& keys, ChainStore& chains,
      StrictHandshakes* strict = nullptr);
  ~ServerTls();
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;

  // Takes `fd`, also on failure. `listener` outlives the connection.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<ServerConnection>> Accept(
      int fd, const ListenerFacts& listener);

 private:
  friend class ServerConnection;
  friend struct HelloCallback;
  friend struct TicketCallbacks;
  ServerTls(const ServerTlsSettings& settings, Loop& loop, const TlsLibrary& library,
            ServerSource& source, TicketKeys& keys, ChainStore& chains, StrictHandshakes* strict);
  [[nodiscard]] absl::Status Configure();
  void SetCallbacks();

  const ServerTlsSettings settings_;
  Loop& loop_;
  const TlsLibrary& library_;
  ServerSource& source_;
  TicketKeys& keys_;
  ChainStore& chains_;
  StrictHandshakes* const strict_;
  SSL_CTX* context_ = nullptr;
  EVP_CIPHER* ticket_cipher_ = nullptr;
};

class ServerConnection {
 public:
  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  [[nodiscard]] TlsStream& stream() { return *stream_; }
  // The whole handshake, pauses included. kDone: Peer() may be called. `client`: its address,
  // without port, for limits per address; empty: not known.
  [[nodiscard]] boost::asio::awaitable<IoResult> Handshake(Deadline deadline,
                                                           std::string client = {});
  // Fails when the chain could not be taken: then the connection must be closed.
  [[nodiscard]] absl::StatusOr<TlsPeer> Peer();
  // With the first permitted answer, once: the client's certificate is a known one from now on, and
  // one ticket goes out with the next write (TLS 1.3; on TLS 1.2 it went out in the handshake).
  void LetIn();
  [[nodiscard]] absl::string_view sni() const { return sni_; }
  // Why the handshake failed, of a bounded set; kDone: because of what Peer() says.
  [[nodiscard]] absl::string_view FailureLabel(const IoResult& result) const;
  // All that is known of the failure.
  [[nodiscard]] HandshakeReport Report(const IoResult& result) const;

 private:
  friend class ServerTls;
  friend struct HelloCallback;
  friend struct TicketCallbacks;
  struct Waiter {
    bool done = false;
    std::function<void()> wake;
    ValidationPtr validation;
    void Finish() {
      done = true;
      if (wake) wake();
    }
  };
  ServerConnection(ServerTls& owner, const ListenerFacts& listener);
  [[nodiscard]] IoResult Step();
  // Of long work that was asked for then.
  [[nodiscard]] IoResult BeginTurn(absl::Duration asked, Deadline deadline);
  void OfferTicket();
  // For waiter_: kDone or kTimeout.
  [[nodiscard]] boost::asio::awaitable<IoResult> Wait(Deadline deadline);
  // Until it is known what is to become of the chain that came at a strict SNI.
  [[nodiscard]] boost::asio::awaitable<void> WaitForValidation(Deadline deadline,
                                                               std::string client);
  [[nodiscard]] int VerifyStrictly(X509_STORE_CTX* store);
  // Whether a session of this chain may be resumed at this SNI.
  [[nodiscard]] bool MayResume(X509* leaf, const PeerCertificatePtr& chain) const;
  // The presented chain, from the handshake or from the ticket and the store; null: none or not
  // usable.
  [[nodiscard]] bool TakeChain(PeerCertificatePtr* chain);

  ServerTls& owner_;
  const ListenerFacts& listener_;
  absl::string_view client_;  // its address, in a handshake
  std::string sni_;
  bool hello_seen_ = false;
  bool hello_malformed_ = false;
  bool no_credential_ = false;
  bool overloaded_ = false;
  bool too_many_certificates_ = false;
  bool alert_received_ = false;
  int alert_ = 0;  // the last one, as OpenSSL's info callback has it; 0: none
  std::unique_ptr<const UnprovenLeaf> refused_leaf_;  // of a chain that was not taken
  ClientTlsAnswer client_tls_;
  std::shared_ptr<Waiter> waiter_;
  std::string ticket_key_;  // name of what opened the ticket; empty: none was opened
  // Of a ticket that was taken, which counts only when SSL_session_reused says so; null: none was.
  struct Offered {
    TicketData ticket;
    PeerCertificatePtr chain;  // that it names; null: the leaf alone
  };
  std::unique_ptr<const Offered> offered_;
  KnownLeafPtr leaf_;  // that a full handshake presented; null: none
  PeerCertificatePtr chain_;
  std::unique_ptr<TlsStream> stream_;
  std::unique_ptr<StrictHandshake> strict_;  // at strict SNIs; ends before all above
};

}  // namespace sallyport::dataplane
