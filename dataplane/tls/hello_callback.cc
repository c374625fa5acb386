#include <openssl/tls1.h>

#include "absl/strings/str_cat.h"
#include "dataplane/tls/address_group.h"
#include "dataplane/tls/client_hello.h"
#include "dataplane/tls/server_tls.h"
#include "dataplane/tls/strict_handshake.h"
#include "dataplane/tls/tls_callbacks.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {
namespace {

constexpr int kMaxClientCertificates = 8;

ServerConnection& ConnectionOf(SSL* ssl) {
  return *static_cast<ServerConnection*>(SSL_get_app_data(ssl));
}

bool ReadServerName(SSL* ssl, std::string* sni) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1) return true;
  return ParseServerName({reinterpret_cast<const char*>(bytes), size}, sni);
}

bool AnnounceCas(SSL* ssl, const ClientTlsAnswer& answer) {
  if (answer.ca_names == nullptr || answer.ca_names->empty()) return true;
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
  for (const std::string& der : *answer.ca_names) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    X509_NAME* name = d2i_X509_NAME(nullptr, &bytes, static_cast<long>(der.size()));
    if (name == nullptr || sk_X509_NAME_push(names, name) == 0) {
      X509_NAME_free(name);
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      return false;
    }
  }
  SSL_set_client_CA_list(ssl, names);
  return true;
}

// A ticket of another name or of other client-TLS settings (so also one made where no certificate
// was asked for) has another context and is not taken.
bool SetSessionContext(SSL* ssl, absl::string_view sni, const ListenerFacts& listener,
                       uint64_t version) {
  const crypto::Sha256Digest hash = crypto::Sha256Array(
      absl::StrCat(sni, "\n", listener.place, "\n", listener.id, "\n", version));
  return SSL_set_session_id_context(ssl, hash.data(), static_cast<unsigned>(hash.size())) == 1;
}

// In place of the listener's; nothing that OpenSSL does with the ClientHello came before this.
bool Offer(SSL* ssl, const OfferedTls& offered) {
  const auto version = [](const std::string& text) {
    return text == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION;
  };
  return (offered.min_version.empty() ||
          SSL_set_min_proto_version(ssl, version(offered.min_version)) == 1) &&
         (offered.max_version.empty() ||
          SSL_set_max_proto_version(ssl, version(offered.max_version)) == 1) &&
         (offered.tls12_ciphers.empty() ||
          SSL_set_cipher_list(ssl, offered.tls12_ciphers.c_str()) == 1) &&
         (offered.tls13_ciphers.empty() ||
          SSL_set_ciphersuites(ssl, offered.tls13_ciphers.c_str()) == 1);
}

bool ApplySettings(SSL* ssl, const ClientTlsAnswer& answer) {
  if (answer.offered != nullptr && !Offer(ssl, *answer.offered)) return false;
  if (!answer.request_certificate) {
    SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
    return true;
  }
  // Of HTTP not "fail if none", except at a strict SNI: whether a certificate is needed is decided
  // per request.
  const bool strict = answer.strict != nullptr && !answer.strict->optional;
  const bool must = strict || answer.require_certificate;
  SSL_set_verify(ssl, SSL_VERIFY_PEER | (must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return AnnounceCas(ssl, answer);
}

}  // namespace

int HelloCallback::OnHello(SSL* ssl, int* alert, void* /*unused*/) {
  ServerConnection& connection = ConnectionOf(ssl);
  ServerTls& owner = connection.owner_;
  if (!connection.hello_seen_) {
    connection.hello_seen_ = true;
    if (!ReadServerName(ssl, &connection.sni_)) {
      connection.hello_malformed_ = true;
      *alert = SSL_AD_DECODE_ERROR;
      return SSL_CLIENT_HELLO_ERROR;
    }
    if (connection.sni_.empty())
      connection.sni_ = std::string(owner.source_.FallbackName(connection.listener_));
  }
  auto waiter = std::make_shared<ServerConnection::Waiter>();
  const ServerSource::Credential found = owner.source_.FindCredential(
      connection.sni_, connection.listener_.id, AddressGroup(connection.client_),
      [waiter] { waiter->Finish(); });
  if (found.state == ServerSource::Credential::State::kOverloaded) {
    connection.overloaded_ = true;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }
  if (found.state == ServerSource::Credential::State::kPending) {
    connection.waiter_ = std::move(waiter);
    return SSL_CLIENT_HELLO_RETRY;
  }
  if (found.state == ServerSource::Credential::State::kNone) {
    connection.no_credential_ = true;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  // Asked for last, so that a pause cannot make it old.
  connection.client_tls_ = owner.source_.ClientTls(connection.sni_, connection.listener_);
  if (!ApplySettings(ssl, connection.client_tls_) ||
      !SetSessionContext(ssl, connection.sni_, connection.listener_,
                         connection.client_tls_.version)) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }
  // After the settings, which may widen what the listener takes: the credential only narrows it.
  if (!found.credential->Use(ssl)) {
    connection.no_credential_ = true;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  // The client's certificates come after an answer of ours, so in a later step.
  if (connection.client_tls_.strict != nullptr && connection.strict_ == nullptr &&
      owner.strict_ != nullptr) {
    connection.strict_ = std::make_unique<StrictHandshake>(*owner.strict_, *connection.stream_);
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

int HelloCallback::OnVerify(X509_STORE_CTX* store, void* /*unused*/) {
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  ServerConnection& connection = ConnectionOf(ssl);
  STACK_OF(X509)* const presented = X509_STORE_CTX_get0_untrusted(store);
  if (sk_X509_num(presented) > kMaxClientCertificates) {
    connection.too_many_certificates_ = true;
    connection.refused_leaf_ = UnprovenLeafOf(X509_STORE_CTX_get0_cert(store));
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_CHAIN_TOO_LONG);
    return 0;
  }
  if (connection.client_tls_.strict == nullptr) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
  } else if (connection.VerifyStrictly(store) != 1) {
    return 0;
  }
  // OpenSSL takes the leaf, and the key that possession is proven with, out of this stack.
  connection.leaf_ = connection.owner_.library_.leaves().Share(presented);
  X509_STORE_CTX_set_cert(store, sk_X509_value(presented, 0));
  return 1;
}

void HelloCallback::OnInfo(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_ALERT) == 0) return;
  auto& connection = *static_cast<ServerConnection*>(SSL_get_app_data(ssl));
  connection.alert_ = value;
  connection.alert_received_ = (where & SSL_CB_READ) != 0;
}

int HelloCallback::OnAlpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                          const unsigned char* in, unsigned in_size, void* /*unused*/) {
  if (!ConnectionOf(ssl).listener_.http) return SSL_TLSEXT_ERR_NOACK;
  static constexpr unsigned char kOurs[] = "\x02h2\x08http/1.1";
  constexpr unsigned kHttp2Bytes = 3;
  const unsigned skipped = ConnectionOf(ssl).listener_.http2 ? 0 : kHttp2Bytes;
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kOurs + skipped, sizeof(kOurs) - 1 - skipped, in,
                            in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace sallyport::dataplane
