#include "absl/strings/str_cat.h"
#include "authsvc/change/checks.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/verify/trust_set.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/private_key.h"

namespace sallyport::authsvc {
namespace {

std::string Place(size_t position) {
  return position == 0 ? "certificate"
                       : absl::StrCat("certificate ", position + 1, " of the chain");
}

void WarnOfDefects(const crypto::Certificate& certificate, size_t position, Warnings* warnings) {
  for (const auto* defect :
       {&certificate.certificate_defect, &certificate.key_defect, &certificate.signature_defect}) {
    if (!defect->has_value()) continue;
    // Nothing depends on what a self-signed certificate says about itself by its signature.
    if (defect == &certificate.signature_defect && certificate.self_issued) continue;
    warnings->push_back(absl::StrCat(Place(position), " is never usable: ", (*defect)->detail));
  }
}

}  // namespace

absl::Status CheckCertificate(const CheckContext& context, const v1::Certificate& certificate,
                              Warnings* warnings) {
  if (auto status = CheckOrg(certificate.org_id()); !status.ok()) return status;
  if (!certificate.name().empty()) {
    if (auto status = CheckStableName(certificate.name()); !status.ok()) return status;
  }
  if (certificate.chain_der().empty()) {
    if (const auto defect = crypto::CheckPublicKey(certificate.public_key_der())) {
      warnings->push_back(absl::StrCat("public key is never usable: ", defect->detail));
    }
    return absl::OkStatus();
  }
  const bool is_new = context.before.FindCertificateById(certificate.id()) == nullptr;
  TrustSpec authorities;
  for (int i = 0; i < certificate.chain_der_size(); ++i) {
    const auto position = static_cast<size_t>(i);
    const auto parsed = crypto::ParseCertificate(certificate.chain_der(i));
    if (!parsed.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Place(position), ": ", parsed.status().message()));
    }
    if ((*parsed)->not_after < context.now) {
      if (i == 0 && is_new) return absl::InvalidArgumentError("certificate is expired");
      warnings->push_back(
          absl::StrCat(Place(position), " has expired and is never used: ", (*parsed)->subject));
    }
    WarnOfDefects(**parsed, position, warnings);
    if ((*parsed)->is_ca) authorities.authorities.push_back(*parsed);
  }
  if (!authorities.authorities.empty()) {
    for (auto& warning : TrustSet::Make(std::move(authorities))->Warnings(context.now)) {
      warnings->push_back(std::move(warning));
    }
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
