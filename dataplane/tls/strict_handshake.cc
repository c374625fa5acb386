#include "dataplane/tls/strict_handshake.h"

#include <utility>
#include <vector>

#include "dataplane/tls/certificate.h"
#include "dataplane/tls/peer.h"
#include "dataplane/tls/tls_callbacks.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

absl::string_view LabelOf(Reason reason) {
  switch (reason) {
    case Reason::kCertExpired: return "certificate_expired";
    case Reason::kCertNotYetValid: return "certificate_not_yet_valid";
    case Reason::kCertRevoked: return "certificate_revoked";
    case Reason::kCertUntrusted: return "certificate_untrusted";
    case Reason::kCertBadSignature: return "certificate_bad_signature";
    case Reason::kCertWrongUsage:
    case Reason::kCertKeyUsage: return "certificate_wrong_usage";
    case Reason::kCertWeakKey:
    case Reason::kCertWeakSignature: return "certificate_weak";
    case Reason::kCertPathTooLong: return "certificate_path_too_long";
    case Reason::kCertMalformed: return "certificate_malformed";
    default: return "certificate_refused";
  }
}

// The X509_V_ERR that makes OpenSSL send the alert of this refusal; never one that means "OK" or a
// fault of ours.
int ErrorOf(const Validation& validation) {
  switch (validation.reason) {
    case Reason::kCertExpired: return X509_V_ERR_CERT_HAS_EXPIRED;  // certificate_expired
    case Reason::kCertRevoked: return X509_V_ERR_CERT_REVOKED;      // certificate_revoked
    case Reason::kCertWrongUsage:
    case Reason::kCertKeyUsage: return X509_V_ERR_INVALID_PURPOSE;  // unsupported_certificate
    case Reason::kCertUntrusted:
    case Reason::kCertPathTooLong:
    case Reason::kCertInvalidCa: return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;  // unknown_ca
    default: return X509_V_ERR_CERT_REJECTED;  // bad_certificate
  }
}

}  // namespace

StrictHandshake::~StrictHandshake() {
  wake_ = nullptr;  // whoever waited is gone
  if (fiber_ != nullptr) Abandon("cancelled");
  EndWait();
}

IoResult StrictHandshake::Step() {
  if (abandoned_) return result_;
  if (fiber_ == nullptr) {
    fiber_ = Fiber::Make(all_.stacks(), [this] { result_ = stream_.TryHandshake(); });
    // No stack: it can go on as long as there is nothing to wait for.
    if (fiber_ == nullptr) return stream_.TryHandshake();
  }
  Run();
  return result_;
}

void StrictHandshake::Run() {
  if (fiber_->Resume()) {
    fiber_ = nullptr;
  } else {
    result_ = {};
    result_.kind = IoResult::Kind::kPaused;
  }
}

bool StrictHandshake::Verify(X509_STORE_CTX* store) {
  int verdict = X509_V_ERR_UNSPECIFIED;
  if (Fiber* const fiber = Fiber::Current(); fiber != nullptr && fiber == fiber_.get()) {
    store_ = store;
    fiber->Pause();
    store_ = nullptr;
    verdict = std::exchange(verdict_, X509_V_ERR_UNSPECIFIED);
  } else {
    // Certificates that came together with the hello, or there was no stack.
    label_ = "overloaded";
  }
  X509_STORE_CTX_set_error(store, verdict);
  return verdict == X509_V_OK;
}

PeerCertificatePtr StrictHandshake::Chain() const {
  const crypto::ErrorScope errors;
  STACK_OF(X509)* const sent = X509_STORE_CTX_get0_untrusted(store_);  // leaf first
  std::vector<std::string> der;
  for (int i = 0; i < sk_X509_num(sent); ++i) {
    der.push_back(DerOf(sk_X509_value(sent, i)));
    if (der.back().empty()) return nullptr;
  }
  return der.empty() ? nullptr : MakePeerCertificate(std::move(der));
}

void StrictHandshake::Answer(const ValidationPtr& validation) {
  if (validation == nullptr) return Refuse("validation_unavailable");
  if (validation->valid()) {
    verdict_ = X509_V_OK;
    return;
  }
  Refuse(LabelOf(validation->reason));
  verdict_ = ErrorOf(*validation);
}

void StrictHandshake::Refuse(absl::string_view label) {
  verdict_ = X509_V_ERR_UNSPECIFIED;
  label_ = label;
  if (store_ != nullptr) refused_leaf_ = UnprovenLeafOf(X509_STORE_CTX_get0_cert(store_));
}

bool StrictHandshake::BeginWait(std::string group, std::function<void()> wake) {
  if (!all_.Enter(this, group)) return false;
  waiting_ = true;
  group_ = std::move(group);
  wake_ = std::move(wake);
  return true;
}

void StrictHandshake::EndWait() {
  wake_ = nullptr;
  if (std::exchange(waiting_, false)) all_.Leave(this, group_);
}

void StrictHandshake::Abandon(absl::string_view label) {
  const std::function<void()> wake = std::move(wake_);
  EndWait();
  if (fiber_ != nullptr) {
    Refuse(label);
    Run();
    abandoned_ = true;
  }
  if (wake) wake();
}

}  // namespace sallyport::dataplane
