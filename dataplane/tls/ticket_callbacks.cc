#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstring>
#include <utility>

#include "dataplane/tls/certificate.h"
#include "dataplane/tls/server_tls.h"
#include "dataplane/tls/tls_callbacks.h"
#include "shared/base/clock.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kIvBytes = 16;

ServerConnection& ConnectionOf(SSL* ssl) {
  return *static_cast<ServerConnection*>(SSL_get_app_data(ssl));
}

bool SetMacKey(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(
          OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.hmac.data()), key.hmac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

// The leaf of the ticket must still be valid: authsvc would refuse it, but need not be asked.
bool LeafExpired(SSL_SESSION* session, absl::Time now) {
  const X509* leaf = SSL_SESSION_get0_peer(session);
  if (leaf == nullptr) return false;
  time_t at = absl::ToTimeT(now);
  return X509_cmp_time(X509_get0_notAfter(leaf), &at) <= 0;  // 0: not readable
}

// The chain that was presented, from the session's leaf and the issuers in the ticket; null unless
// the hashes of the ticket say the same.
PeerCertificatePtr CarriedChain(X509* leaf, const TicketData& data) {
  std::vector<std::string> der = {DerOf(leaf)};
  der.insert(der.end(), data.issuers_der.begin(), data.issuers_der.end());
  PeerCertificatePtr chain = MakePeerCertificate(std::move(der));
  const bool same =
      chain->leaf_sha256 == data.leaf_sha256 && chain->chain_sha256 == data.chain_sha256;
  return same ? chain : nullptr;
}

}  // namespace

int TicketCallbacks::OnKey(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                           EVP_MAC_CTX* mac, int encrypt) {
  ServerConnection& connection = ConnectionOf(ssl);
  ServerTls& owner = connection.owner_;
  if (encrypt == 1) {
    const TicketKeyPtr key = owner.keys_.Current();
    if (key == nullptr || RAND_bytes_ex(owner.library_.context(), iv, kIvBytes, 0) != 1) return -1;
    std::memcpy(name, key->name.data(), key->name.size());
    if (EVP_EncryptInit_ex2(cipher, owner.ticket_cipher_, key->aes.data(), iv, nullptr) != 1)
      return -1;
    return SetMacKey(mac, *key) ? 1 : -1;
  }
  const TicketKeyPtr key = owner.keys_.Find({reinterpret_cast<const char*>(name), 16});
  if (key == nullptr) return 0;
  if (!SetMacKey(mac, *key) ||
      EVP_DecryptInit_ex2(cipher, owner.ticket_cipher_, key->aes.data(), iv, nullptr) != 1) {
    return -1;
  }
  connection.ticket_key_.assign(key->name.begin(), key->name.end());
  return key == owner.keys_.Current() ? 1 : 2;
}

int TicketCallbacks::OnMake(SSL* ssl, void* /*unused*/) {
  ServerConnection& connection = ConnectionOf(ssl);
  TicketData data;
  data.full_handshake = connection.offered_ != nullptr ? connection.offered_->ticket.full_handshake
                                                       : connection.owner_.loop_.clock().Now();
  PeerCertificatePtr chain;
  if (!connection.TakeChain(&chain)) return 0;
  if (chain != nullptr) {
    data.leaf_sha256 = chain->leaf_sha256;
    data.chain_sha256 = chain->chain_sha256;
    data.issuers_der = IssuersForTicket(chain->chain_der);
    if (data.issuers_der.empty()) connection.owner_.chains_.Put(chain);
  }
  const std::string bytes = EncodeTicketData(data);
  return SSL_SESSION_set1_ticket_appdata(SSL_get0_session(ssl), bytes.data(), bytes.size());
}

SSL_TICKET_RETURN TicketCallbacks::OnOpened(SSL* ssl, SSL_SESSION* session,
                                            const unsigned char* /*name*/, size_t /*name_size*/,
                                            SSL_TICKET_STATUS status, void* /*unused*/) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  ServerConnection& connection = ConnectionOf(ssl);
  ServerTls& owner = connection.owner_;
  void* bytes = nullptr;
  size_t size = 0;
  TicketData data;
  if (SSL_SESSION_get0_ticket_appdata(session, &bytes, &size) != 1 ||
      !DecodeTicketData({static_cast<const char*>(bytes), size}, &data)) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  const absl::Time now = owner.loop_.clock().Now();
  const absl::Duration age = now - data.full_handshake;
  const bool in_time = age >= -absl::Seconds(2) && age < owner.settings_.ticket_max_age;
  const bool leaf_there = (SSL_SESSION_get0_peer(session) != nullptr) == data.has_certificate();
  if (!in_time || !leaf_there || LeafExpired(session, now)) return SSL_TICKET_RETURN_IGNORE_RENEW;
  PeerCertificatePtr chain;
  if (data.has_certificate() && !data.leaf_only()) {
    chain = data.issuers_der.empty()
                ? owner.chains_.Find(DigestView(data.leaf_sha256), DigestView(data.chain_sha256))
                : CarriedChain(SSL_SESSION_get0_peer(session), data);
    if (chain == nullptr) return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  if (!connection.MayResume(SSL_SESSION_get0_peer(session), chain))
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  data.issuers_der = {};
  connection.offered_ = std::make_unique<const ServerConnection::Offered>(
      ServerConnection::Offered{std::move(data), std::move(chain)});
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace sallyport::dataplane
