#include "dataplane/tls/handshake_report.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "dataplane/tls/server_tls.h"
#include "dataplane/tls/strict_handshake.h"
#include "dataplane/tls/tls_callbacks.h"
#include "shared/base/text.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMostText = 512;

std::string Bounded(absl::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMostText - 3)) out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  if (text.size() > kMostText - 3) out += "...";
  return out;
}

std::string NameText(const X509_NAME* name) {
  const crypto::UniqueBio out(BIO_new(BIO_s_mem()));
  if (out == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return size <= 0 ? std::string() : Bounded({bytes, static_cast<size_t>(size)});
}

std::string SerialText(const X509* certificate) {
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(certificate);
  if (serial == nullptr) return {};
  return Bounded(base::Hex({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                            static_cast<size_t>(ASN1_STRING_length(serial))}));
}

// What a client says of our certificate, or of anything else.
absl::string_view ClientAlertLabel(int description) {
  switch (description) {
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN: return "client_refused_our_certificate";
    default: return "client_alert";
  }
}

}  // namespace

std::unique_ptr<const UnprovenLeaf> UnprovenLeafOf(const X509* certificate) {
  const crypto::ErrorScope errors;
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), hash, &size) != 1)
    return nullptr;
  auto leaf = std::make_unique<UnprovenLeaf>();
  leaf->sha256 = base::Hex({reinterpret_cast<const char*>(hash), size});
  leaf->subject = NameText(X509_get_subject_name(certificate));
  leaf->issuer = NameText(X509_get_issuer_name(certificate));
  leaf->serial = SerialText(certificate);
  return leaf;
}

std::string AlertText(int alert, bool received) {
  constexpr int kDescription = 0xff;
  if (alert == 0) return {};
  return absl::StrCat(received ? "received " : "sent ", SSL_alert_desc_string_long(alert), " (",
                      alert & kDescription, ")");
}

HandshakeReport ServerConnection::Report(const IoResult& result) const {
  HandshakeReport report;
  report.label = FailureLabel(result);
  report.alert = AlertText(alert_, alert_received_);
  report.sni = sni_;
  report.hello_seen = hello_seen_;
  if (refused_leaf_ != nullptr) report.presented = *refused_leaf_;
  if (strict_ != nullptr && strict_->refused_leaf() != nullptr)
    report.presented = *strict_->refused_leaf();
  const SSL* const ssl = stream_->ssl();
  // Of a session that is resumed it would be what another connection has shown.
  if (report.presented.has_value() || SSL_session_reused(ssl) == 1) return report;
  const auto sent = UnprovenLeafOf(SSL_get0_peer_certificate(ssl));
  if (sent != nullptr) report.presented = *sent;
  return report;
}

absl::string_view ServerConnection::FailureLabel(const IoResult& result) const {
  using Kind = IoResult::Kind;
  if (overloaded_) return "overloaded";
  if (no_credential_) return "no_server_certificate";
  if (too_many_certificates_) return "too_many_certificates";
  if (strict_ != nullptr && !strict_->label().empty()) return strict_->label();
  if (hello_malformed_) return "malformed_hello";
  if (result.ok()) return "chain_unusable";
  if (result.kind == Kind::kTimeout) return "timeout";
  if (result.kind == Kind::kCancelled) return "cancelled";
  if (result.kind == Kind::kEof || result.kind == Kind::kTruncated) return "closed_by_client";
  if (result.tls_error == 0) return "connection_error";
  const int reason = ERR_GET_REASON(result.tls_error);
  if (reason > SSL_AD_REASON_OFFSET) return ClientAlertLabel(reason - SSL_AD_REASON_OFFSET);
  switch (reason) {
    case SSL_R_HTTP_REQUEST: return "plain_http";
    case SSL_R_WRONG_VERSION_NUMBER: return "not_tls";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW: return "protocol_version";
    case SSL_R_NO_SHARED_CIPHER: return "no_shared_cipher";
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE: return "no_shared_group";
    case SSL_R_NO_APPLICATION_PROTOCOL: return "no_application_protocol";
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_WRONG_SIGNATURE_TYPE: return "signature_algorithm";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return "no_client_certificate";
    case SSL_R_EXCESSIVE_MESSAGE_SIZE: return "certificate_too_large";
    case SSL_R_BAD_SIGNATURE: return "bad_client_signature";
    default: return "tls_error";
  }
}

}  // namespace sallyport::dataplane
