#include "authsvc/verify/signature_check.h"

namespace sallyport::authsvc {
namespace {

constexpr int kOrdinaryRsaBits = 4096;

bool Verifies(const crypto::Certificate& child, const crypto::Certificate& issuer) {
  const crypto::ErrorScope errors;
  EVP_PKEY* key = X509_get0_pubkey(issuer.x509.get());
  return key != nullptr && X509_verify(child.x509.get(), key) == 1;
}

}  // namespace

int SignatureWeight(const crypto::Certificate& issuer) {
  if (issuer.key_kind == crypto::KeyKind::kEc) {
    if (issuer.key_bits > 500) return 6;
    if (issuer.key_bits > 300) return 10;
    return 1;
  }
  if (issuer.key_kind == crypto::KeyKind::kEd448) return 4;
  return issuer.key_bits > kOrdinaryRsaBits ? 4 : 1;
}

std::optional<bool> SignatureChecker::Known(const crypto::Certificate& child,
                                            const crypto::Certificate& issuer) {
  if (const auto found = answers_.find(PairOf(child, issuer)); found != answers_.end()) {
    return found->second;
  }
  if (memo_ == nullptr || !memo_->FindSignature(child.fingerprint, issuer.spki_sha256)) {
    return std::nullopt;
  }
  answers_[PairOf(child, issuer)] = true;
  return true;
}

SignatureChecker::Verdict SignatureChecker::Check(const crypto::Certificate& child,
                                                  const crypto::Certificate& issuer) {
  if (const std::optional<bool> known = Known(child, issuer)) {
    return *known ? Verdict::kGood : Verdict::kBad;
  }
  weight_ += SignatureWeight(issuer);
  if (weight_ > budget_) return Verdict::kBudget;
  ++verified_;
  const bool good = Verifies(child, issuer);
  answers_[PairOf(child, issuer)] = good;
  if (good && memo_ != nullptr) memo_->AddSignature(child.fingerprint, issuer.spki_sha256);
  return good ? Verdict::kGood : Verdict::kBad;
}

}  // namespace sallyport::authsvc
