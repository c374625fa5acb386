// TLS towards one kind of upstream: one SSL_CTX made of one answer of the auth service, one name
// and one trust set, with its own session cache, so that a session never outlives the settings that
// made it. Used by one loop's thread only. Sessions are offered only while the verdict behind them
// holds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/sync/credentials.h"
#include "dataplane/upstream_tls/server_check.h"
#include "shared/base/clock.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {

// What is offered by ALPN (RFC 7301).
enum class UpstreamAlpn : uint8_t {
  kNothing,       // no ALPN: HTTP/1.1
  kHttp2,         // a server that does not choose it is of no use
  kHttp2OrHttp1,  // what the server chooses; HTTP/1.1 where it chooses nothing
};

// What a handshake showed. Filled while it runs; final when SSL_connect has succeeded.
struct UpstreamTlsFacts {
  bool checked = false;  // the server's certificate was looked at in this handshake
  bool resumed = false;
  bool certificate_requested = false;
  bool certificate_presented = false;
  ServerVerdict verdict;  // of the session's first handshake when resumed
  std::string tls_version;
  bool http2 = false;   // chosen by ALPN
  std::string failure;  // text of a failed handshake, operators only
};

class ClientTlsContext : public std::enable_shared_from_this<ClientTlsContext> {
 public:
  // `host`: the target's host (DNS name or IP literal without brackets). An error means that these
  // settings cannot be used (key does not match, unknown version, no known cipher): make no
  // connection.
  [[nodiscard]] static absl::StatusOr<std::shared_ptr<ClientTlsContext>> Create(
      const UpstreamCredentials& credentials, absl::string_view host, const TrustAnchorsPtr& system,
      const base::Clock* clock, UpstreamAlpn alpn = UpstreamAlpn::kNothing);
  ~ClientTlsContext();
  ClientTlsContext(const ClientTlsContext&) = delete;
  ClientTlsContext& operator=(const ClientTlsContext&) = delete;

  // A client SSL with SNI set and, where one is held, a session to resume. `facts` must outlive it.
  [[nodiscard]] crypto::UniqueSsl NewSsl(UpstreamTlsFacts* facts);

  // Call when SSL_connect has succeeded and before the first byte is sent: kAllowed, or why not.
  [[nodiscard]] base::Reason Conclude(SSL* ssl, UpstreamTlsFacts* facts);
  // Call when the handshake has failed with this OpenSSL error (0: the connection ended): the
  // reason; fills facts->failure.
  [[nodiscard]] static base::Reason Failed(unsigned long tls_error, UpstreamTlsFacts* facts);

  // After a write failed: the alert that the server had sent before it closed (an OpenSSL error),
  // or 0. The connection is of no other use any more.
  [[nodiscard]] static unsigned long LastAlert(SSL* ssl);

  [[nodiscard]] const std::string& name() const { return check_.name; }
  [[nodiscard]] const std::string& certificate_id() const { return certificate_id_; }
  [[nodiscard]] size_t held_sessions() const { return sessions_.size(); }

 private:
  struct HeldSession {
    crypto::UniqueSslSession session;
    ServerVerdict verdict;
    bool certificate_requested;
    bool certificate_presented;
    absl::Time made;
  };

  ClientTlsContext() = default;
  absl::Status SetUp(const UpstreamCredentials& credentials);
  absl::Status SetAlpn();
  absl::Status SetCertificate(const UpstreamCredentials& credentials);
  void OfferSession(SSL* ssl, UpstreamTlsFacts* facts);
  void HoldSession(crypto::UniqueSslSession session, const UpstreamTlsFacts& facts);
  void LogVerdict(const ServerVerdict& verdict);
  static int OnVerify(X509_STORE_CTX* store, void* self);
  static int OnCertificateRequested(SSL* ssl, void* self);
  static int OnNewSession(SSL* ssl, SSL_SESSION* session);
  static void OnMessage(int write, int version, int type, const void* data, size_t size, SSL* ssl,
                        void* facts);

  crypto::UniqueSslCtx ctx_;
  ServerCheckSettings check_;
  std::string sni_;  // empty for IP addresses
  std::string certificate_id_;
  bool has_certificate_ = false;
  UpstreamAlpn alpn_ = UpstreamAlpn::kNothing;
  const base::Clock* clock_ = nullptr;
  std::vector<HeldSession> sessions_;  // newest last, a few
  absl::Duration next_log_ = -absl::InfiniteDuration();
};

}  // namespace sallyport::dataplane
