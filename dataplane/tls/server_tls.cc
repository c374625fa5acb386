#include "dataplane/tls/server_tls.h"

#include <openssl/err.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "dataplane/loop/suspension.h"
#include "dataplane/tls/certificate.h"
#include "dataplane/tls/strict_handshake.h"
#include "dataplane/tls/tls_callbacks.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {
namespace {

constexpr long kMaxCertificateMessage = 16 * 1024;
constexpr char kTls12Ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
// SHA-256 first: processors have instructions for it, not for SHA-384.
constexpr char kTls13Ciphers[] =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr char kGroups[] = "X25519:P-256:P-384:P-521";

int VersionNumber(absl::string_view text) {
  if (text == "1.2") return TLS1_2_VERSION;
  if (text == "1.3") return TLS1_3_VERSION;
  return 0;
}

// The key inside goes, cleansed; OpenSSL keeps what is around it.
void Empty(EVP_PKEY* key) {
  const crypto::UniquePkey reference(key);
  EVP_PKEY_set_type(key, EVP_PKEY_X25519);
}

// OpenSSL keeps the ephemeral keys of the key exchange for as long as the connection, half a KiB,
// and uses neither again.
void DropEphemeralKeys(SSL* ssl) {
  EVP_PKEY* key = nullptr;
  if (SSL_get_tmp_key(ssl, &key) == 1) Empty(key);
  key = nullptr;
  if (SSL_get_peer_tmp_key(ssl, &key) == 1) Empty(key);
}

bool ChoseHttp2(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return size == 2 && name[0] == 'h' && name[1] == '2';
}

}  // namespace

ServerTls::ServerTls(const ServerTlsSettings& settings, Loop& loop, const TlsLibrary& library,
                     ServerSource& source, TicketKeys& keys, ChainStore& chains,
                     StrictHandshakes* strict)
    : settings_(settings),
      loop_(loop),
      library_(library),
      source_(source),
      keys_(keys),
      chains_(chains),
      strict_(strict) {}

ServerTls::~ServerTls() {
  SSL_CTX_free(context_);
  EVP_CIPHER_free(ticket_cipher_);
}

absl::StatusOr<std::unique_ptr<ServerTls>> ServerTls::Create(const ServerTlsSettings& settings,
                                                             Loop& loop, const TlsLibrary& library,
                                                             ServerSource& source, TicketKeys& keys,
                                                             ChainStore& chains,
                                                             StrictHandshakes* strict) {
  std::unique_ptr<ServerTls> tls(
      new ServerTls(settings, loop, library, source, keys, chains, strict));
  const absl::Status configured = tls->Configure();
  if (!configured.ok()) return configured;
  return tls;
}

absl::Status ServerTls::Configure() {
  const crypto::ErrorScope errors;
  context_ = SSL_CTX_new_ex(library_.keyless(), nullptr, TLS_server_method());
  ticket_cipher_ = EVP_CIPHER_fetch(library_.context(), "AES-256-CBC", nullptr);
  const int least = VersionNumber(settings_.min_version);
  const int most = VersionNumber(settings_.max_version);
  if (least == 0 || most == 0 || least > most) {
    return absl::InvalidArgumentError("TLS versions are \"1.2\" and \"1.3\", min not above max");
  }
  if (context_ == nullptr || ticket_cipher_ == nullptr ||
      SSL_CTX_set_min_proto_version(context_, least) != 1 ||
      SSL_CTX_set_max_proto_version(context_, most) != 1 ||
      SSL_CTX_set_cipher_list(context_, kTls12Ciphers) != 1 ||
      SSL_CTX_set_ciphersuites(context_, kTls13Ciphers) != 1 ||
      SSL_CTX_set1_groups_list(context_, kGroups) != 1) {
    return absl::InternalError(absl::StrCat("TLS context: ", crypto::TakeErrors()));
  }
  SSL_CTX_set_options(
      context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context_, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context_, 1);
  SSL_CTX_set_max_cert_list(context_, kMaxCertificateMessage);
  SetCallbacks();
  return absl::OkStatus();
}

void ServerTls::SetCallbacks() {
  SSL_CTX_set_client_hello_cb(context_, HelloCallback::OnHello, nullptr);
  SSL_CTX_set_cert_verify_callback(context_, HelloCallback::OnVerify, nullptr);
  SSL_CTX_set_alpn_select_cb(context_, HelloCallback::OnAlpn, nullptr);
  SSL_CTX_set_info_callback(context_, HelloCallback::OnInfo);
  // No ticket of its own accord on TLS 1.3: OfferTicket sends one.
  SSL_CTX_set_num_tickets(context_, 0);
  if (settings_.ticket_max_age <= absl::ZeroDuration()) {
    SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
    return;
  }
  SSL_CTX_set_timeout(context_, absl::ToInt64Seconds(settings_.ticket_max_age));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context_, TicketCallbacks::OnKey);
  SSL_CTX_set_session_ticket_cb(context_, TicketCallbacks::OnMake, TicketCallbacks::OnOpened,
                                nullptr);
}

absl::StatusOr<std::unique_ptr<ServerConnection>> ServerTls::Accept(int fd,
                                                                    const ListenerFacts& listener) {
  std::unique_ptr<ServerConnection> connection(new ServerConnection(*this, listener));
  SSL* ssl = SSL_new(context_);
  if (ssl == nullptr) {
    close(fd);
    return absl::ResourceExhaustedError("no memory for a TLS connection");
  }
  SSL_set_app_data(ssl, connection.get());
  SSL_set_accept_state(ssl);
  connection->stream_ = std::make_unique<TlsStream>(loop_, fd, ssl, library_.keyless());
  return connection;
}

ServerConnection::ServerConnection(ServerTls& owner, const ListenerFacts& listener)
    : owner_(owner), listener_(listener) {}

ServerConnection::~ServerConnection() {
  strict_.reset();
  if (waiter_ != nullptr) waiter_->wake = nullptr;
}

boost::asio::awaitable<IoResult> ServerConnection::Wait(Deadline deadline) {
  constexpr auto kToken = boost::asio::as_tuple(boost::asio::use_awaitable);
  const std::shared_ptr<Waiter> waiter = waiter_;
  IoResult result;
  if (!waiter->done) {
    boost::asio::steady_timer timer(owner_.loop_.context());
    timer.expires_after(std::chrono::milliseconds(
        std::max<int64_t>(0, deadline.millis() - owner_.loop_.NowMillis())));
    waiter->wake = [&timer] { timer.cancel(); };
    (void)co_await timer.async_wait(kToken);
    waiter->wake = nullptr;
    owner_.loop_.RefreshNow();
  }
  if (!waiter->done) result.kind = IoResult::Kind::kTimeout;
  co_return result;
}

IoResult ServerConnection::Step() {
  return strict_ == nullptr ? stream_->TryHandshake() : strict_->Step();
}

// Who has waited too long, or was cut off meanwhile, costs no more.
IoResult ServerConnection::BeginTurn(absl::Duration asked, Deadline deadline) {
  constexpr absl::Duration kLongWait = absl::Milliseconds(100);  // else the client took the time
  IoResult result;
  if (stream_->readiness().cancelled()) {
    result.kind = IoResult::Kind::kCancelled;
  } else if (owner_.loop_.Passed(deadline)) {
    result.kind = IoResult::Kind::kTimeout;
    overloaded_ = owner_.loop_.Now() - asked >= kLongWait;
  }
  return result;
}

boost::asio::awaitable<IoResult> ServerConnection::Handshake(Deadline deadline,
                                                             std::string client) {
  client_ = client;
  const absl::Cleanup over = [this] { client_ = {}; };
  for (;;) {
    // One that waits on its fiber goes on at once: there are no more of those than may wait.
    if (strict_ == nullptr || !strict_->chain_came()) {
      const absl::Duration asked = owner_.loop_.Now();
      (void)co_await LongWorkTurn(owner_.loop_);
      const IoResult turn = BeginTurn(asked, deadline);
      if (!turn.ok()) co_return turn;
    }
    const IoResult result = Step();
    if (strict_ != nullptr && strict_->chain_came()) {
      co_await WaitForValidation(deadline, client);
      continue;
    }
    const bool paused = result.kind == IoResult::Kind::kPaused;
    if (!paused && !result.wants()) {
      if (result.ok()) DropEphemeralKeys(stream_->ssl());
      co_return result;
    }
    IoResult waited;
    if (paused) {
      waited = co_await Wait(deadline);
    } else {
      waited = co_await WaitFor(*stream_, result.kind, deadline);
    }
    if (!waited.ok()) co_return waited;
  }
}

bool ServerConnection::TakeChain(PeerCertificatePtr* chain) {
  if (chain_ != nullptr) {
    *chain = chain_;
    return true;
  }
  SSL* const ssl = stream_->ssl();
  X509* const leaf = SSL_get0_peer_certificate(ssl);
  const bool resumed = SSL_session_reused(ssl) == 1;
  *chain = nullptr;
  if (resumed && offered_ == nullptr) return false;
  if (leaf == nullptr) return !resumed || !offered_->ticket.has_certificate();
  STACK_OF(X509)* const issuers = SSL_get_peer_cert_chain(ssl);  // a server's has no leaf
  const bool known = leaf_ != nullptr && leaf_->certificate.get() == leaf;
  if (!resumed && known && sk_X509_num(issuers) <= 0) {
    *chain = chain_ = leaf_->alone;
    return true;
  }
  std::vector<std::string> der = {DerOf(leaf)};
  if (!resumed) {
    for (int i = 0; i < sk_X509_num(issuers); ++i) der.push_back(DerOf(sk_X509_value(issuers, i)));
  }
  for (const std::string& certificate : der) {
    if (certificate.empty()) return false;
  }
  PeerCertificatePtr taken = MakePeerCertificate(std::move(der));
  if (resumed) {
    // The ticket's data, our own hash of the session's leaf and the stored chain must agree.
    const TicketData& ticket = offered_->ticket;
    if (taken->leaf_sha256 != ticket.leaf_sha256) return false;
    if (taken->chain_sha256 != ticket.chain_sha256) {
      taken = offered_->chain;
      if (taken == nullptr || taken->leaf_sha256 != ticket.leaf_sha256) return false;
    }
  }
  chain_ = taken;
  *chain = std::move(taken);
  return true;
}

absl::StatusOr<TlsPeer> ServerConnection::Peer() {
  const crypto::ErrorScope errors;
  SSL* const ssl = stream_->ssl();
  TlsPeer peer;
  peer.tls = true;
  peer.sni = sni_;
  peer.asked_for_certificate = client_tls_.request_certificate;
  peer.client_tls_version = client_tls_.version;
  peer.served_version = client_tls_.served_version;
  peer.resumed = SSL_session_reused(ssl) == 1;
  peer.http2 = ChoseHttp2(ssl);
  peer.protocol = SSL_get_version(ssl);
  peer.cipher = SSL_get_cipher_name(ssl);
  if (!TakeChain(&peer.chain)) {
    return absl::InternalError("the presented certificates could not be taken");
  }
  if (peer.chain != nullptr && !peer.asked_for_certificate) {
    return absl::InternalError("a certificate on a connection that was never asked for one");
  }
  return peer;
}

void ServerConnection::LetIn() {
  if (leaf_ != nullptr) leaf_ = owner_.library_.leaves().Keep(leaf_);
  OfferTicket();
}

void ServerConnection::OfferTicket() {
  SSL* const ssl = stream_->ssl();
  if (owner_.settings_.ticket_max_age <= absl::ZeroDuration()) return;
  if (SSL_version(ssl) != TLS1_3_VERSION) return;
  // Whoever has a key can forge sessions. Once it is withdrawn, none of them may live on under
  // another.
  const bool withdrawn = SSL_session_reused(ssl) == 1 && owner_.keys_.Find(ticket_key_) == nullptr;
  if (!withdrawn) SSL_new_session_ticket(ssl);
}

}  // namespace sallyport::dataplane
