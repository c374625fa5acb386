#include "dataplane/upstream_tls/client_context.h"

#include <openssl/err.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dataplane/upstream_tls/server_name.h"
#include "dataplane/upstream_tls/tls_settings.h"
#include "shared/base/log.h"
#include "shared/base/text.h"
#include "shared/crypto/private_key.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kHeldSessions = 4;
constexpr absl::Duration kSessionAge = absl::Hours(1);
constexpr absl::Duration kLogEvery = absl::Seconds(1);
constexpr long kMaxServerChainBytes = 64 * 1024;
// An empty certificate list in a Certificate message takes 7 bytes in TLS 1.2 and 8 in TLS 1.3.
constexpr size_t kEmptyCertificateMessage = 8;

int FactsIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}
int ContextIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}
UpstreamTlsFacts* FactsOf(const SSL* ssl) {
  return static_cast<UpstreamTlsFacts*>(SSL_get_ex_data(ssl, FactsIndex()));
}

std::string NormalName(absl::string_view host) {
  return absl::AsciiStrToLower(absl::StripSuffix(host, "."));
}

absl::Status Unusable(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(what, ": ", crypto::TakeErrors()));
}

crypto::UniqueX509 ParseDer(const std::string& der) {
  const auto* cursor = reinterpret_cast<const unsigned char*>(der.data());
  return crypto::UniqueX509(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
}

}  // namespace

absl::StatusOr<std::shared_ptr<ClientTlsContext>> ClientTlsContext::Create(
    const UpstreamCredentials& credentials, absl::string_view host, const TrustAnchorsPtr& system,
    const base::Clock* clock, UpstreamAlpn alpn) {
  std::shared_ptr<ClientTlsContext> made(new ClientTlsContext());
  made->alpn_ = alpn;
  made->clock_ = clock;
  const absl::string_view named = base::ToAbsl(credentials.server_name);
  made->check_.name = NormalName(named.empty() ? host : named);
  if (!IsIpAddress(made->check_.name)) made->sni_ = made->check_.name;
  if (credentials.insecure_skip_verify) {
    base::Log(base::Level::kWarning, "upstream_tls.verification_off",
              {{"host", made->check_.name}});
  }
  if (credentials.min_version == "1.0" || credentials.min_version == "1.1") {
    base::Log(base::Level::kWarning, "upstream_tls.old_versions",
              {{"host", made->check_.name}, {"min_version", credentials.min_version}});
  }
  made->check_.trust = TrustAnchors::Extend(system, credentials.trust_der, nullptr);
  if (absl::Status status = made->SetUp(credentials); !status.ok()) return status;
  return made;
}

ClientTlsContext::~ClientTlsContext() = default;

absl::Status ClientTlsContext::SetUp(const UpstreamCredentials& credentials) {
  check_.insecure_skip_verify = credentials.insecure_skip_verify;
  check_.common_name_check = credentials.common_name_check;
  check_.pinned = credentials.pinned || !credentials.pin_spki_sha256.empty();
  check_.pin_report_only = credentials.pin_report_only;
  check_.pin_adds = credentials.pin_adds;
  check_.pins = credentials.pin_spki_sha256;
  certificate_id_ = credentials.certificate_id;

  ctx_.reset(SSL_CTX_new(TLS_client_method()));
  if (ctx_ == nullptr || SSL_CTX_set_ex_data(ctx_.get(), ContextIndex(), this) != 1) {
    return Unusable("TLS context");
  }
  SSL_CTX* const ctx = ctx_.get();
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(ctx, 1);
  SSL_CTX_set_max_cert_list(ctx, kMaxServerChainBytes);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(ctx, OnVerify, this);
  SSL_CTX_set_cert_cb(ctx, OnCertificateRequested, nullptr);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, OnNewSession);
  if (absl::Status status = SetVersions(base::ToAbsl(credentials.min_version),
                                        base::ToAbsl(credentials.max_version), ctx);
      !status.ok()) {
    return status;
  }
  if (absl::Status status = SetCiphers(credentials.ciphers, ctx); !status.ok()) return status;
  if (absl::Status status = SetAlpn(); !status.ok()) return status;
  return SetCertificate(credentials);
}

absl::Status ClientTlsContext::SetAlpn() {
  if (alpn_ == UpstreamAlpn::kNothing) return absl::OkStatus();
  static constexpr unsigned char kList[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  const unsigned size = alpn_ == UpstreamAlpn::kHttp2 ? 3 : sizeof kList;
  // Not like the rest of OpenSSL: 0 is success.
  return SSL_CTX_set_alpn_protos(ctx_.get(), kList, size) == 0 ? absl::OkStatus()
                                                               : Unusable("ALPN");
}

absl::Status ClientTlsContext::SetCertificate(const UpstreamCredentials& credentials) {
  if (credentials.client_chain_der.empty()) {
    if (credentials.certificate_id.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError("client certificate without a chain");
  }
  absl::StatusOr<crypto::UniquePkey> key =
      crypto::LoadPrivateKey(credentials.client_key_der.Reveal());
  if (!key.ok()) return key.status();
  const crypto::UniqueX509 leaf = ParseDer(credentials.client_chain_der.front());
  if (leaf == nullptr || SSL_CTX_use_certificate(ctx_.get(), leaf.get()) != 1) {
    return Unusable("client certificate");
  }
  for (size_t i = 1; i < credentials.client_chain_der.size(); ++i) {
    const crypto::UniqueX509 issuer = ParseDer(credentials.client_chain_der[i]);
    if (issuer == nullptr || SSL_CTX_add1_chain_cert(ctx_.get(), issuer.get()) != 1) {
      return Unusable("client certificate chain");
    }
  }
  if (SSL_CTX_use_PrivateKey(ctx_.get(), key->get()) != 1 ||
      SSL_CTX_check_private_key(ctx_.get()) != 1) {
    return Unusable("private key of the client certificate");
  }
  has_certificate_ = true;
  return absl::OkStatus();
}

crypto::UniqueSsl ClientTlsContext::NewSsl(UpstreamTlsFacts* facts) {
  const crypto::ErrorScope errors;
  crypto::UniqueSsl ssl(SSL_new(ctx_.get()));
  if (ssl == nullptr || SSL_set_ex_data(ssl.get(), FactsIndex(), facts) != 1) return nullptr;
  if (!sni_.empty() && SSL_set_tlsext_host_name(ssl.get(), sni_.c_str()) != 1) return nullptr;
  SSL_set_connect_state(ssl.get());
  if (has_certificate_) {
    SSL_set_msg_callback(ssl.get(), OnMessage);
    SSL_set_msg_callback_arg(ssl.get(), facts);
  }
  OfferSession(ssl.get(), facts);
  return ssl;
}

void ClientTlsContext::OfferSession(SSL* ssl, UpstreamTlsFacts* facts) {
  const absl::Time now = clock_->Now();
  while (!sessions_.empty()) {
    HeldSession& held = sessions_.back();
    const bool good = held.verdict.accepted() && now < held.verdict.not_after &&
                      now < held.made + kSessionAge &&
                      SSL_SESSION_is_resumable(held.session.get()) == 1;
    if (!good) {
      sessions_.pop_back();
      continue;
    }
    if (SSL_set_session(ssl, held.session.get()) != 1) return;
    facts->verdict = held.verdict;
    facts->certificate_requested = held.certificate_requested;
    facts->certificate_presented = held.certificate_presented;
    // A TLS 1.3 ticket is for one use (RFC 8446 C.4).
    if (SSL_SESSION_get_protocol_version(held.session.get()) >= TLS1_3_VERSION)
      sessions_.pop_back();
    return;
  }
}

int ClientTlsContext::OnVerify(X509_STORE_CTX* store, void* self) {
  auto* const context = static_cast<ClientTlsContext*>(self);
  const auto* const ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  UpstreamTlsFacts* const facts = FactsOf(ssl);
  facts->checked = true;
  facts->certificate_requested = false;  // a full handshake: what the session said does not count
  facts->certificate_presented = false;
  facts->verdict =
      CheckServer(X509_STORE_CTX_get0_cert(store), X509_STORE_CTX_get0_untrusted(store),
                  context->check_, context->clock_->Now());
  context->LogVerdict(facts->verdict);
  if (facts->verdict.accepted()) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  const int error = facts->verdict.x509_error;
  X509_STORE_CTX_set_error(store, error != 0 ? error : X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

int ClientTlsContext::OnCertificateRequested(SSL* ssl, void* /*argument*/) {
  FactsOf(ssl)->certificate_requested = true;
  return 1;
}

void ClientTlsContext::OnMessage(int write, int /*version*/, int type, const void* data,
                                 size_t size, SSL* /*ssl*/, void* facts) {
  if (write == 0 || type != SSL3_RT_HANDSHAKE || size == 0) return;
  if (*static_cast<const unsigned char*>(data) != SSL3_MT_CERTIFICATE) return;
  static_cast<UpstreamTlsFacts*>(facts)->certificate_presented = size > kEmptyCertificateMessage;
}

int ClientTlsContext::OnNewSession(SSL* ssl, SSL_SESSION* session) {
  crypto::UniqueSslSession owned(session);  // returning 1 takes it over
  auto* const context =
      static_cast<ClientTlsContext*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ContextIndex()));
  context->HoldSession(std::move(owned), *FactsOf(ssl));
  return 1;
}

void ClientTlsContext::HoldSession(crypto::UniqueSslSession session,
                                   const UpstreamTlsFacts& facts) {
  if (!facts.verdict.accepted()) return;
  if (sessions_.size() == kHeldSessions) sessions_.erase(sessions_.begin());
  sessions_.push_back({std::move(session), facts.verdict, facts.certificate_requested,
                       facts.certificate_presented, clock_->Now()});
}

base::Reason ClientTlsContext::Conclude(SSL* ssl, UpstreamTlsFacts* facts) {
  SSL_set_msg_callback(ssl, nullptr);
  facts->resumed = SSL_session_reused(ssl) == 1;
  facts->tls_version = SSL_get_version(ssl);
  const unsigned char* chosen = nullptr;
  unsigned chosen_size = 0;
  SSL_get0_alpn_selected(ssl, &chosen, &chosen_size);
  facts->http2 = absl::string_view(reinterpret_cast<const char*>(chosen), chosen_size) == "h2";
  if (!facts->verdict.accepted()) {
    facts->failure = facts->verdict.detail;
    return facts->verdict.reason;
  }
  if (!facts->checked && !facts->resumed) {
    facts->failure = "the server's certificate was not checked";
    return base::Reason::kUpstreamCertUntrusted;
  }
  if (clock_->Now() > facts->verdict.not_after) {
    facts->failure = "the server's certificate has expired since the session was made";
    return base::Reason::kUpstreamCertExpired;
  }
  if (has_certificate_ && facts->certificate_requested && !facts->certificate_presented) {
    facts->failure = "the server accepts no signature that the client certificate's key can make";
    return base::Reason::kUpstreamTlsHandshake;
  }
  if (alpn_ == UpstreamAlpn::kHttp2 && !facts->http2) {
    facts->failure = "the server does not choose HTTP/2 by ALPN";
    return base::Reason::kUpstreamProtocol;
  }
  return base::Reason::kAllowed;
}

base::Reason ClientTlsContext::Failed(unsigned long tls_error, UpstreamTlsFacts* facts) {
  if (facts->checked && !facts->verdict.accepted()) {
    facts->failure = facts->verdict.detail;
    return facts->verdict.reason;
  }
  const char* const text = tls_error == 0 ? nullptr : ERR_reason_error_string(tls_error);
  facts->failure = tls_error == 0    ? "connection closed during the TLS handshake"
                   : text != nullptr ? std::string(text)
                                     : absl::StrCat("TLS error ", tls_error);
  if (facts->certificate_requested && !facts->certificate_presented) {
    absl::StrAppend(&facts->failure,
                    " (the server asked for a client certificate, none was presented)");
  }
  return base::Reason::kUpstreamTlsHandshake;
}

unsigned long ClientTlsContext::LastAlert(SSL* ssl) {
  const crypto::ErrorScope errors;
  ERR_clear_error();
  char ignored = 0;
  size_t count = 0;
  if (SSL_read_ex(ssl, &ignored, 1, &count) == 1) return 0;
  return SSL_get_error(ssl, 0) == SSL_ERROR_SSL ? ERR_peek_last_error() : 0;
}

void ClientTlsContext::LogVerdict(const ServerVerdict& verdict) {
  if (verdict.accepted() && !verdict.pin_mismatch) return;
  const absl::Duration now = clock_->Monotonic();
  if (now < next_log_) return;
  next_log_ = now + kLogEvery;
  base::Log(base::Level::kWarning,
            verdict.pin_mismatch ? "upstream_tls.pin_mismatch" : "upstream_tls.refused",
            {{"host", check_.name},
             {"reason", base::ReasonName(verdict.reason)},
             {"detail", verdict.detail},
             {"report_only", verdict.accepted()},
             {"spki_sha256", verdict.spki_sha256}});
}

}  // namespace sallyport::dataplane
